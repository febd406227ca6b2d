//! Requests to copy from the index page, made for the consumers of `dev.json`: one that succeeds, and one for each refusal.

use std::net::SocketAddr;

use careconnect_verifier::{CallerKnowledge, Group, OdsCode};
use jiff::{Timestamp, ToSpan};
use serde_json::json;

use crate::{
    arguments::{Dev, DevConsumer},
    routes::Provider,
};

/// A line for a shell, and the status of what it prints, as the profile `rfc6750` has it.
pub(crate) struct Example {
    pub(crate) title: &'static str,
    pub(crate) status: u16,
    pub(crate) command: String,
}

/// Lines that put tokens into the shell's variables, which the examples use.
pub(crate) fn tokens(dev: &Dev, service_root: &str) -> Option<String> {
    let active = |consumer: &&DevConsumer| consumer.status == "active";
    let books =
        |consumer: &DevConsumer| consumer.groups.iter().any(|group| group == Group::UPDATE_APPOINTMENT.as_str());
    let find = |is: &dyn Fn(&DevConsumer) -> bool| dev.consumers.iter().filter(active).find(|consumer| is(consumer));
    let hub = find(&|it| books(it) && it.org_type == "urgent-care" && it.cert_file.is_some())?;
    let practice = find(&|it| books(it) && it.org_type == "gp-practice" && it.client_secret.is_some())?;
    let viewer = find(&|it| it.groups == [Group::READ_SLOT.as_str()] && it.client_secret.is_some())?;
    let elsewhere = dev.providers.iter().find(|provider| provider.base_url != service_root)?;
    let (endpoint, ca_file) = (&dev.token_endpoint, dev.ca_file.display());
    let line = |name: &str, root: &str, consumer| {
        let ask = format!("curl -s --cacert {ca_file} {} {endpoint}", proof(consumer)?);
        let fields = format!("--data grant_type=client_credentials --data resource={root}");
        let take = r#"sed 's/.*"access_token":"\([^"]*\)".*/\1/'"#;
        Some(format!("{name}=$({ask} \\\n  {fields} \\\n  | {take})\n"))
    };
    let lines = [
        line("TOKEN", service_root, hub)?,
        line("PRACTICE", service_root, practice)?,
        line("VIEWER", service_root, viewer)?,
        line("ELSEWHERE", &elsewhere.base_url, hub)?,
    ];
    Some(lines.concat())
}

fn proof(consumer: &DevConsumer) -> Option<String> {
    match (&consumer.client_secret, &consumer.cert_file, &consumer.key_file) {
        (Some(secret), ..) => Some(format!("--user {}:{secret}", consumer.client_id)),
        (None, Some(cert), Some(key)) => Some(format!("--cert {} --key {}", cert.display(), key.display())),
        _ => None,
    }
}

/// In an order in which they can be run one after the other.
pub(crate) fn examples(provider: &Provider, address: SocketAddr, now: Timestamp) -> Vec<Example> {
    let base = format!("http://{address}{}", provider.arguments.base_path);
    let curl = |bearer: &str, rest: &str| format!("curl -i -H \"Authorization: Bearer {bearer}\" {rest}");
    let soon = now.strftime("%Y-%m-%dT%H:%M:%SZ");
    let until = |days: i64| (now + (24 * days).hours()).strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let slots = |days, more: &str| {
        format!("'{base}/Slot?status=free&start=ge{soon}&end=le{}&_include=Slot:schedule{more}'", until(days))
    };
    let caller = CallerKnowledge { organisation_type: "urgent-care".parse().ok(), ods_code: "A1001".parse().ok() };
    let diary = provider.diary();
    let first = diary.free().find(|slot| slot.is_visible_to(&caller, now));
    let body = first.map(|slot| {
        let patient = json!({ "actor": { "display": "A synthetic patient" }, "status": "accepted" });
        json!({
            "resourceType": "Appointment", "status": "booked", "description": "Sore throat",
            "slot": [{ "reference": format!("Slot/{}", slot.id) }], "participant": [patient],
            "start": slot.start.to_string(), "end": slot.end.to_string(),
        })
    });
    let body = body.unwrap_or_default();
    let book = format!("-H 'Content-Type: application/fhir+json' --data '{body}' {base}/Appointment");
    let change = |if_match: &str, file: &str| {
        format!("-X PUT {if_match} -H 'Content-Type: application/fhir+json' --data @{file} {base}/Appointment/$ID")
    };
    let if_match = |version: u8| format!("-H 'If-Match: W/\"{version}\"'");
    let mut other = body.clone();
    other["contained"] =
        json!([{ "resourceType": "Organization", "identifier": [{ "system": OdsCode::SYSTEM, "value": "B82617" }] }]);
    let for_another = format!("-H 'Content-Type: application/fhir+json' --data '{other}' {base}/Appointment");
    let practice = "searchFilter=https://fhir.nhs.uk/STU3/CodeSystem/GPConnect-OrganisationType-1%7Cgp-practice";
    let unsigned = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiIxMDAxOSJ9.";
    let of = |title, status, command| Example { title, status, command };
    vec![
        of("Search slots, as an urgent care service", 200, curl("$TOKEN", &slots(13, ""))),
        of("The same as a practice, which may see others", 200, curl("$PRACTICE", &slots(13, ""))),
        of("A searchFilter typed by hand changes nothing", 200, curl("$TOKEN", &slots(13, &format!("&{practice}")))),
        of("More than two weeks", 422, curl("$TOKEN", &slots(15, ""))),
        of("A service that is not here", 404, curl("$TOKEN", &slots(13, "&schedule.actor:healthcareservice=1"))),
        of("XML", 501, curl("$TOKEN", &slots(13, "&_format=xml"))),
        of("No token", 401, format!("curl -i {}", slots(13, ""))),
        of("A token that was changed", 401, curl("${TOKEN%?????}AAAAA", &slots(13, ""))),
        of("A token that nobody signed", 401, curl(unsigned, &slots(13, ""))),
        of("A token for another provider", 401, curl("$ELSEWHERE", &slots(13, ""))),
        of(
            "The SSP forwards for another system",
            401,
            curl("$TOKEN", &format!("-H 'Ssp-From: 200000000299' {}", slots(13, ""))),
        ),
        of(
            "The SSP forwards to another system",
            400,
            curl("$TOKEN", &format!("-H 'Ssp-To: 200000000299' {}", slots(13, ""))),
        ),
        of("Something that is not offered", 403, curl("$TOKEN", &format!("-X DELETE {base}/Appointment/1"))),
        of("Book without being assured for it", 403, curl("$VIEWER", &book)),
        of("Book for another organisation than the token's", 400, curl("$TOKEN", &for_another)),
        of("Book", 201, format!("{} | tee booked.txt", curl("$TOKEN", &book))),
        of("Book the same slot again", 409, curl("$TOKEN", &book)),
        of(
            "Read what was booked",
            200,
            format!(
                "ID=$(sed -n 's|^location:.*/Appointment/\\([0-9]*\\)/.*|\\1|p' booked.txt)\n\
             tail -n 1 booked.txt | sed 's/\"booked\"/\"cancelled\"/' > cancelled.json\n{}",
                curl("$TOKEN", &format!("{base}/Appointment/$ID"))
            ),
        ),
        of("Cancel without saying which version", 412, curl("$TOKEN", &change("", "cancelled.json"))),
        of(
            "Cancel a version that is not the current one",
            409,
            curl("$TOKEN", &change(&if_match(7), "cancelled.json")),
        ),
        of("Cancel what another organisation booked", 403, curl("$PRACTICE", &change(&if_match(1), "cancelled.json"))),
        of("Cancel", 200, curl("$TOKEN", &change(&if_match(1), "cancelled.json"))),
        of("Cancel again", 409, curl("$TOKEN", &change(&if_match(2), "cancelled.json"))),
        of("Empty the diary", 204, format!("curl -i -X POST http://{address}/reset")),
    ]
}
