//! `careconnect-auth consumer change`

use std::process::ExitCode;

use anyhow::Context;
use careconnect_verifier::{Asid, ClientId, OdsCode, OrganisationType};
use clap::{ArgAction, Args};

use super::show;
use crate::{
    cli::{
        or_none::OrNone,
        output::{self, BadInput},
        session::{Attempt, Session},
    },
    domain::{ConsumerSystem, DisplayName, Organisation, PartyKey, Precondition},
    operations::change_consumer::change_consumer,
};

/// What shall be otherwise. Another organisation, system or supplier suspends what the service itself was assured for.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct Changes {
    /// Its client id, as `consumer list` has it.
    client_id: ClientId,
    /// What people call the service.
    #[arg(long)]
    name: Option<DisplayName>,
    /// Its accredited system: 12 digits.
    #[arg(long)]
    asid: Option<Asid>,
    /// The organisation that delivers it.
    #[arg(long, value_name = "CODE")]
    ods_code: Option<OdsCode>,
    /// That organisation's type; `organisation-type list` has them all.
    #[arg(long, value_name = "TYPE")]
    organisation_type: Option<OrganisationType>,
    /// Who supplies the system: the supplier's ODS code.
    #[arg(long, value_name = "CODE")]
    supplier: Option<OdsCode>,
    /// What the supplier calls it, or `none`.
    #[arg(long)]
    product: Option<OrNone<DisplayName>>,
    /// Which version of it is in use, or `none`.
    #[arg(long, value_name = "VERSION")]
    product_version: Option<OrNone<DisplayName>>,
    /// Its party key, such as A1001-850001, or `none`.
    #[arg(long, value_name = "KEY")]
    party_key: Option<OrNone<PartyKey>>,
    /// Whether assertions may name the token endpoint as their audience: true or false.
    #[arg(long, action = ArgAction::Set, value_name = "BOOLEAN")]
    token_endpoint_audience: Option<bool>,
    /// How many tokens it may ask for in a minute; 0: as many as it likes; `none`: the configuration's limit.
    #[arg(long, value_name = "NUMBER", value_parser = rate)]
    requests_per_minute: Option<OrNone<u32>>,
}

fn rate(text: &str) -> Result<OrNone<u32>, String> {
    text.parse().map_err(|_| format!("{text:?} is no rate: expected a number, or none"))
}

impl Changes {
    fn is_empty(&self) -> bool {
        self.name.is_none()
            && self.asid.is_none()
            && self.ods_code.is_none()
            && self.organisation_type.is_none()
            && self.supplier.is_none()
            && self.product.is_none()
            && self.product_version.is_none()
            && self.party_key.is_none()
            && self.token_endpoint_audience.is_none()
            && self.requests_per_minute.is_none()
    }

    fn made_to(self, before: &ConsumerSystem) -> ConsumerSystem {
        let Organisation { ods_code, organisation_type } = before.organisation.clone();
        ConsumerSystem {
            name: self.name.unwrap_or_else(|| before.name.clone()),
            asid: self.asid.unwrap_or_else(|| before.asid.clone()),
            organisation: Organisation {
                ods_code: self.ods_code.unwrap_or(ods_code),
                organisation_type: self.organisation_type.unwrap_or(organisation_type),
            },
            supplier: self.supplier.unwrap_or_else(|| before.supplier.clone()),
            product: OrNone::over(self.product, before.product.as_ref()),
            product_version: OrNone::over(self.product_version, before.product_version.as_ref()),
            party_key: OrNone::over(self.party_key, before.party_key.as_ref()),
            accepts_token_endpoint_audience: self
                .token_endpoint_audience
                .unwrap_or(before.accepts_token_endpoint_audience),
            requests_per_minute: OrNone::over(self.requests_per_minute, before.requests_per_minute.as_ref()),
            ..before.clone()
        }
    }
}

pub(super) fn change(changes: Changes, session: &Session) -> anyhow::Result<ExitCode> {
    if changes.is_empty() {
        let sentence = "nothing to change: give --name, --asid, --supplier or another option; --help has them all";
        return Err(BadInput(sentence.to_owned()).into());
    }
    let client_id = changes.client_id.clone();
    session.changing(Attempt::new("consumer.change", &client_id), async |database, act| {
        let mut has_moved = false;
        let edit = |before: &ConsumerSystem| {
            let after = changes.clone().made_to(before);
            has_moved = after.identity() != before.identity();
            Ok(after)
        };
        change_consumer(&database, &client_id, &Precondition::Any, edit, act).await?;
        if has_moved {
            output::note(&format!(
                "what {client_id} itself was assured for is suspended, for it was assured with its organisation, system and \
                 supplier as they were. Look at what stands with `careconnect-auth assurance show {client_id}`, give what is \
                 missing with `assurance give`, then `assurance restore --service {client_id} --reason TEXT`"
            ));
        }
        let shown = show::show(&database, &client_id, session).await;
        shown.with_context(|| format!("consumer {client_id} is changed, but cannot be shown"))
    })
}
