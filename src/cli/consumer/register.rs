//! `careconnect-auth consumer register`

use std::process::ExitCode;

use anyhow::Context;
use careconnect_verifier::{Asid, ClientId, Group, OdsCode, OrganisationType};
use clap::Args;
use serde_json::{Value, json};

use super::{show::new_consumer, ways_in::WaysIn};
use crate::{
    cli::{
        assurance::evidence_argument,
        group::group_argument,
        output::{self, BadInput},
        session::{Session, block_on},
    },
    directory::{Directory, DirectorySystem},
    domain::{Act, DisplayName, Fault, Fields, Organisation, PartyKey, fields::parsed},
    operations::{
        describe_from_directory::describe_from_directory,
        give_assurance::Given,
        register_consumer::{ConsumerRegistration, register_consumer},
    },
    storage::Database,
};

#[derive(Debug, Args)]
pub(in crate::cli) struct Registration {
    /// What people call the service.
    #[arg(long)]
    name: DisplayName,
    /// Its accredited system, of which the directory tells what is not said here: who delivers it, who supplies it, product,
    /// version and party key.
    #[arg(long, value_name = "ASID", conflicts_with = "asid")]
    from_directory: Option<Asid>,
    /// Its accredited system: 12 digits.
    #[arg(long, required_unless_present = "from_directory")]
    asid: Option<Asid>,
    /// The organisation that delivers it.
    #[arg(long, value_name = "CODE", required_unless_present = "from_directory")]
    ods_code: Option<OdsCode>,
    /// That organisation's type, such as urgent-care or gp-practice; `organisation-type list` has them all.
    #[arg(long, value_name = "TYPE")]
    organisation_type: OrganisationType,
    /// Who supplies the system: the supplier's ODS code.
    #[arg(long, value_name = "CODE", required_unless_present = "from_directory")]
    supplier: Option<OdsCode>,
    /// What the supplier calls it.
    #[arg(long)]
    product: Option<DisplayName>,
    /// Which version of it is in use.
    #[arg(long, value_name = "VERSION")]
    product_version: Option<DisplayName>,
    /// Its party key, such as A1001-850001.
    #[arg(long, value_name = "KEY")]
    party_key: Option<PartyKey>,
    /// A group that the service, its organisation, its system and its supplier are all assured for, as `group list` has
    /// them; `read:slot` is short for the Care Connect URN. Needs --evidence and --reason. Repeatable.
    #[arg(long = "group", value_name = "GROUP", value_parser = group_argument, requires = "evidence")]
    groups: Vec<Group>,
    /// On what grounds: a reference that an auditor can follow.
    #[arg(long, value_name = "TEXT", value_parser = evidence_argument)]
    evidence: Option<String>,
    /// Make a secret.
    #[arg(long)]
    secret: bool,
    #[command(flatten)]
    ways_in: WaysIn,
    /// Accept assertions whose audience is the token endpoint, too, as the NHS API platform, SMART and MSAL write them.
    #[arg(long)]
    token_endpoint_audience: bool,
    /// How many tokens it may ask for in a minute, instead of the configuration's limit; 0: as many as it likes.
    #[arg(long, value_name = "NUMBER")]
    requests_per_minute: Option<u32>,
    /// Keep an id that is in use elsewhere, instead of a new one.
    #[arg(long)]
    client_id: Option<ClientId>,
}

impl Registration {
    pub(super) fn parse(self, session: &Session) -> anyhow::Result<ConsumerRegistration> {
        let system = self.system(session)?;
        let credentials = self.ways_in.read(session)?;
        if !self.secret && credentials.is_empty() {
            let sentence =
                "a consumer needs a way in: give --secret, --key, --jwks-uri or one of the --certificate options";
            return Err(BadInput(sentence.to_owned()).into());
        }
        Ok(ConsumerRegistration {
            client_id: self.client_id,
            name: self.name,
            asid: system.asid,
            organisation: Organisation { ods_code: system.ods_code, organisation_type: self.organisation_type },
            supplier: system.supplier,
            product: system.product,
            product_version: system.product_version,
            party_key: system.party_key,
            groups: self.groups.into_iter().collect(),
            evidence: self.evidence,
            credentials,
            with_secret: self.secret,
            accepts_token_endpoint_audience: self.token_endpoint_audience,
            requests_per_minute: self.requests_per_minute,
        })
    }

    /// What is said of the system, completed by the directory if it is to be asked.
    fn system(&self, session: &Session) -> anyhow::Result<System> {
        let asid = self.from_directory.as_ref().or(self.asid.as_ref());
        let mut said = json!({
            "asid": asid, "ods_code": self.ods_code, "supplier_ods_code": self.supplier,
            "product": shown(&self.product), "product_version": shown(&self.product_version),
            "party_key": shown(&self.party_key),
        });
        let mut faults = Vec::new();
        if let (Some(asid), Some(members)) = (&self.from_directory, said.as_object_mut()) {
            faults = describe_from_directory(members, &look_up(asid, session)?);
        }
        let read = Fields::of(&said).read(|fields| {
            let (asid, ods_code) = (fields.required("asid", parsed), fields.required("ods_code", parsed));
            let supplier = fields.required("supplier_ods_code", parsed);
            let (product, product_version) =
                (fields.optional("product", parsed), fields.optional("product_version", parsed));
            let party_key = fields.optional("party_key", parsed);
            Some(System { asid: asid?, ods_code: ods_code?, supplier: supplier?, product, product_version, party_key })
        });
        match read {
            Ok(system) if faults.is_empty() => {
                if self.from_directory.is_some() {
                    output::note(&format!("registered with what the directory knows: {}", members(&said)));
                }
                Ok(system)
            }
            outcome => {
                let missing =
                    |fault: &Fault| format!("the directory does not know it: say {}", option_of(&fault.pointer));
                let lacking = outcome.err().into_iter().flatten().map(|fault| missing(&fault));
                let all: Vec<String> = faults.iter().map(|fault| fault.detail.clone()).chain(lacking).collect();
                Err(BadInput(all.join("; ")).into())
            }
        }
    }
}

struct System {
    asid: Asid,
    ods_code: OdsCode,
    supplier: OdsCode,
    product: Option<DisplayName>,
    product_version: Option<DisplayName>,
    party_key: Option<PartyKey>,
}

fn look_up(asid: &Asid, session: &Session) -> anyhow::Result<DirectorySystem> {
    let directory = Directory::open(&session.load_config()?.config.directory)?;
    let found = block_on(async {
        directory.find_system(asid).await.with_context(|| format!("`directory.url` is {}", directory.url()))
    })?;
    found.ok_or_else(|| BadInput(format!("{} has no system of the ASID {asid}", directory.url())).into())
}

fn members(said: &Value) -> String {
    let members = said.as_object().into_iter().flatten();
    let known = members.filter_map(|(name, value)| Some(format!("{} {}", name.replace('_', " "), value.as_str()?)));
    known.collect::<Vec<_>>().join(", ")
}

fn shown(value: &Option<impl ToString>) -> Option<String> {
    value.as_ref().map(ToString::to_string)
}

/// The option that says a member.
fn option_of(pointer: &str) -> &'static str {
    if pointer == "/ods_code" { "--ods-code" } else { "--supplier" }
}

pub(super) async fn register(
    database: &Database,
    registration: ConsumerRegistration,
    act: Act,
    session: &Session,
) -> anyhow::Result<ExitCode> {
    let registered = register_consumer(database, registration, act).await?;
    if registered.given.iter().any(|given| matches!(given, Given::Proposed(_))) {
        let sentence = "its groups wait for another administrator: `careconnect-auth assurance proposals` shows them, \
                        `assurance confirm ID` confirms them";
        output::note(sentence);
    }
    let client_id = &registered.consumer.client_id;
    let groups = database.assured(&registered.consumer).await?.groups_at(session.now());
    let secret = registered.secret.as_ref().map(|secret| secret.expose());
    let text = if session.json {
        let mut shown = new_consumer(&registered.consumer, &groups);
        shown["client_secret"] = secret.into();
        shown.to_string()
    } else {
        let secret =
            secret.map(|secret| format!("\nclient_secret  {secret}\nThe secret is shown this once: keep it safe."));
        format!("client_id      {client_id}{}", secret.unwrap_or_default())
    };
    output::deliver(&text).with_context(|| match secret {
        Some(_) => format!(
            "consumer {client_id} is registered, but its secret is lost, for it cannot be printed: run `careconnect-auth \
             consumer credential rotate {client_id} --overlap 0s`"
        ),
        None => format!("consumer {client_id} is registered, but this cannot be printed"),
    })?;
    Ok(ExitCode::SUCCESS)
}
