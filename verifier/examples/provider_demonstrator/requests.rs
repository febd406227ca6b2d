//! Requests to copy from the index page, made for the consumers of `dev.json`: some that succeed, and one for each refusal.

use careconnect_verifier::{CallerKnowledge, Group};
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use crate::{
    arguments::{Dev, DevConsumer},
    routes::Provider,
};

/// Blocks with a title, the status of what they print (as the profile `rfc6750` has it), and lines for a shell. They can be run
/// one after the other.
const EXAMPLES: &str = include_str!("requests.txt");

/// Title, status and lines of each example.
pub(crate) fn examples() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    EXAMPLES.split("\n\n").filter_map(|block| {
        let (title, lines) = block.strip_prefix("# ")?.split_once('\n')?;
        let (title, status) = title.rsplit_once(": ")?;
        Some((title, status, lines))
    })
}

/// Lines that set what the examples use.
pub(crate) fn variables(provider: &Provider, now: Timestamp) -> String {
    let arguments = &provider.arguments;
    let tokens = arguments.dev.as_ref().and_then(|dev| tokens(dev, &arguments.service_root));
    let tokens =
        tokens.unwrap_or_else(|| "TOKEN=… PRACTICE=… VIEWER=… ELSEWHERE=… # with --dev, these are here\n".to_owned());
    let [from, until] = [now, now + (13 * 24).hours()].map(|time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    format!(
        "{tokens}HOST=http://{}\nBASE=$HOST{}\n\
         SLOTS=\"$BASE/Slot?status=free&start=ge{from}&end=le{until}&_include=Slot:schedule\"\nBOOKING='{}'",
        provider.address,
        arguments.base_path,
        booking(provider, now)
    )
}

/// Of a slot that is free now for the consumer behind `$TOKEN`.
fn booking(provider: &Provider, now: Timestamp) -> Value {
    let caller = CallerKnowledge { organisation_type: "urgent-care".parse().ok(), ods_code: "A1001".parse().ok() };
    let diary = provider.diary();
    let Some(slot) = diary.free().find(|slot| slot.is_visible_to(&caller, now)) else { return Value::Null };
    json!({
        "resourceType": "Appointment", "status": "booked", "description": "Sore throat",
        "slot": [{ "reference": format!("Slot/{}", slot.id) }],
        "start": slot.start.to_string(), "end": slot.end.to_string(),
        "participant": [{ "actor": { "display": "A synthetic patient" }, "status": "accepted" }],
    })
}

fn tokens(dev: &Dev, service_root: &str) -> Option<String> {
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
