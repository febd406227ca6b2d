//! `careconnect-auth consumer …`

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use careconnect_verifier::{Asid, ClientId, Group, OdsCode, OrganisationType};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    certificate_file, certificate_report,
    group::group_argument,
    output::{self, BadInput},
    session::Session,
};
use crate::{
    authentication::peer::PeerCertificate,
    clock::UnixTime,
    domain::{
        CertificateIdentity, CertificateThumbprint, ConsumerSystem, Credential, CredentialKind, DisplayName,
        DistinguishedName, DnsName, Organisation,
    },
    operations::{
        change_status::{StatusChange, change_consumer_status},
        register_consumer::{ConsumerRegistration, register_consumer},
    },
    storage::{Database, StorageError},
};

#[derive(Debug, Subcommand)]
pub(super) enum ConsumerCommand {
    /// Register a service; prints its client id, and its secret once.
    Register(Registration),
    /// List all consumers.
    List,
    /// Show one consumer with its credentials.
    Show {
        /// Its client id, as `consumer list` has it.
        client_id: ClientId,
    },
    /// Issue no more tokens to a consumer, within a second.
    Suspend {
        /// Its client id, as `consumer list` has it.
        client_id: ClientId,
    },
    /// Issue tokens to a suspended consumer again.
    Resume {
        /// Its client id, as `consumer list` has it.
        client_id: ClientId,
    },
}

#[derive(Debug, Args)]
pub(super) struct Registration {
    /// What people call the service.
    #[arg(long)]
    name: DisplayName,
    /// Its accredited system: 12 digits.
    #[arg(long)]
    asid: Asid,
    /// The organisation that delivers it.
    #[arg(long, value_name = "CODE")]
    ods_code: OdsCode,
    /// That organisation's type, such as urgent-care or gp-practice; `organisation-type list` has them all.
    #[arg(long, value_name = "TYPE")]
    organisation_type: OrganisationType,
    /// A group that it has been assured for, as `group list` has them; `read:slot` is short for the Care Connect URN.
    /// Repeatable.
    #[arg(long = "group", value_name = "GROUP", value_parser = group_argument, required = true)]
    groups: Vec<Group>,
    /// Make a secret.
    #[arg(long)]
    secret: bool,
    /// Accept certificates of a configured CA with this DNS name among their alternative names. Repeatable.
    #[arg(long, value_name = "NAME")]
    certificate_dns: Vec<DnsName>,
    /// Accept certificates of a configured CA with this subject, as `cert inspect` prints it (RFC 4514: the common name
    /// first, the country last). Repeatable.
    #[arg(long, value_name = "SUBJECT")]
    certificate_subject: Vec<DistinguishedName>,
    /// Accept just this certificate, self-signed or not: a PEM file. Repeatable.
    #[arg(long, value_name = "FILE")]
    certificate_file: Vec<PathBuf>,
    /// Accept just the certificate with this SHA-256 thumbprint. Repeatable.
    #[arg(long, value_name = "THUMBPRINT")]
    certificate_thumbprint: Vec<CertificateThumbprint>,
    /// Keep an id that is in use elsewhere, instead of a new one.
    #[arg(long)]
    client_id: Option<ClientId>,
}

pub(super) fn run(command: ConsumerCommand, session: &Session) -> anyhow::Result<ExitCode> {
    match command {
        ConsumerCommand::Register(arguments) => {
            let registration = arguments.parse(session.now())?;
            session.with_database(async |database| register(&database, registration, session).await)
        }
        ConsumerCommand::List => session.with_database(async |database| list(&database, session).await),
        ConsumerCommand::Show { client_id } => {
            session.with_database(async |database| show(&database, &client_id, session).await)
        }
        ConsumerCommand::Suspend { client_id } => change(client_id, StatusChange::Suspend, session),
        ConsumerCommand::Resume { client_id } => change(client_id, StatusChange::Resume, session),
    }
}

impl Registration {
    fn parse(self, now: UnixTime) -> anyhow::Result<ConsumerRegistration> {
        let mut certificates: Vec<CertificateIdentity> = Vec::new();
        certificates.extend(self.certificate_dns.into_iter().map(CertificateIdentity::SanDns));
        certificates.extend(self.certificate_subject.into_iter().map(CertificateIdentity::SubjectDn));
        certificates.extend(self.certificate_thumbprint.into_iter().map(CertificateIdentity::Thumbprint));
        for file in self.certificate_file {
            certificates.push(CertificateIdentity::Thumbprint(certificate_of(&file, now)?.thumbprint()));
        }
        if !self.secret && certificates.is_empty() {
            let sentence = "a consumer needs a way in: give --secret or one of the --certificate options";
            return Err(BadInput(sentence.to_owned()).into());
        }
        Ok(ConsumerRegistration {
            client_id: self.client_id,
            name: self.name,
            asid: self.asid,
            organisation: Organisation { ods_code: self.ods_code, organisation_type: self.organisation_type },
            groups: self.groups.into_iter().collect(),
            credentials: certificates.into_iter().map(CredentialKind::from).collect(),
            with_secret: self.secret,
            accepts_token_endpoint_audience: false,
            requests_per_minute: None,
        })
    }
}

/// The certificate in a file. Refuses one that no listener would accept, and warns of one that it would not at `now`.
pub(super) fn certificate_of(file: &Path, now: UnixTime) -> anyhow::Result<PeerCertificate> {
    let name = file.display();
    let refuse = |refusal| BadInput(format!("{name}: {refusal}"));
    let certificate = PeerCertificate::parse(certificate_file::chain_in(file)?).map_err(refuse)?;
    certificate_report::fitness(&certificate).map_err(refuse)?;
    if let Err(refusal) = certificate.check_dates(now) {
        output::note(&format!("warning: {name}: {refusal}"));
    }
    Ok(certificate)
}

async fn register(
    database: &Database,
    registration: ConsumerRegistration,
    session: &Session,
) -> anyhow::Result<ExitCode> {
    let registered = register_consumer(database, registration, session.now()).await?;
    let client_id = &registered.consumer.client_id;
    let secret = registered.secret.as_ref().map(|secret| secret.expose());
    let text = if session.json {
        let mut shown = shown(&registered.consumer);
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
             consumer suspend {client_id}`, and register the service anew"
        ),
        None => format!("consumer {client_id} is registered, but this cannot be printed"),
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn list(database: &Database, session: &Session) -> anyhow::Result<ExitCode> {
    let consumers = database.list_consumers().await?;
    if session.json {
        output::json(&consumers.iter().map(shown).collect::<Vec<_>>())?;
    } else {
        let row = |consumer: &ConsumerSystem| {
            let groups: Vec<&str> = consumer.groups.iter().map(super::group::short).collect();
            vec![
                consumer.client_id.to_string(),
                consumer.name.to_string(),
                consumer.asid.to_string(),
                consumer.organisation.ods_code.to_string(),
                consumer.organisation.organisation_type.to_string(),
                consumer.status.name().to_owned(),
                groups.join(" "),
            ]
        };
        let heading = ["CLIENT ID", "NAME", "ASID", "ODS CODE", "TYPE", "STATUS", "GROUPS"];
        output::table(&heading, &consumers.iter().map(row).collect::<Vec<_>>())?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn show(database: &Database, client_id: &ClientId, session: &Session) -> anyhow::Result<ExitCode> {
    let consumer = database.find_consumer(client_id).await?;
    let Some(consumer) = consumer else {
        return Err(StorageError::not_found("consumer", client_id)).context("nothing to show");
    };
    if session.json { output::json(&shown(&consumer)) } else { output::fields(&described(&consumer)) }?;
    Ok(ExitCode::SUCCESS)
}

fn change(client_id: ClientId, change: StatusChange, session: &Session) -> anyhow::Result<ExitCode> {
    session.with_database(async |database| {
        change_consumer_status(&database, &client_id, change, session.now()).await?;
        let shown = show(&database, &client_id, session).await;
        shown.with_context(|| format!("consumer {client_id} is {}, but cannot be shown", output::done(change)))
    })
}

/// A consumer for people; secrets are not in it.
fn described(consumer: &ConsumerSystem) -> Vec<(&'static str, String)> {
    let groups: Vec<&str> = consumer.groups.iter().map(super::group::short).collect();
    let mut fields = vec![
        ("client id", consumer.client_id.to_string()),
        ("name", consumer.name.to_string()),
        ("asid", consumer.asid.to_string()),
        ("ods code", consumer.organisation.ods_code.to_string()),
        ("type", consumer.organisation.organisation_type.to_string()),
        ("status", consumer.status.to_string()),
        ("registered", consumer.created_at.to_string()),
        ("groups", groups.join(" ")),
    ];
    fields.extend(consumer.credentials.iter().map(|credential| {
        let value = credential.kind.public_value().map(|value| format!(" {value}")).unwrap_or_default();
        ("credential", format!("{}{value}", credential.kind.name()))
    }));
    fields
}

/// A consumer as JSON; secrets are not in it.
pub(super) fn shown(consumer: &ConsumerSystem) -> Value {
    let credential = |credential: &Credential| {
        json!({
            "id": credential.id.0, "label": credential.label, "kind": credential.kind.name(), "value": credential.kind.public_value(),
            "starts_at": credential.starts_at.to_string(), "ends_at": credential.ends_at.map(|end| end.to_string()),
        })
    };
    json!({
        "client_id": consumer.client_id, "name": consumer.name, "asid": consumer.asid,
        "ods_code": consumer.organisation.ods_code, "organisation_type": consumer.organisation.organisation_type,
        "groups": consumer.groups, "status": consumer.status.name(),
        "suspended_at": consumer.status.suspended_at().map(|at| at.to_string()), "created_at": consumer.created_at.to_string(),
        "credentials": consumer.credentials.iter().map(|held| credential(held)).collect::<Vec<_>>(),
    })
}
