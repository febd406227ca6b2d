//! `careconnect-auth consumer credential …`

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;
use careconnect_verifier::ClientId;
use clap::Subcommand;
use serde_json::json;
use uuid::Uuid;

use super::{
    show::{credential_json, show},
    ways_in::WaysIn,
};
use crate::{
    cli::{
        certificate_file,
        output::{self, BadInput},
        session::{Attempt, Session},
        time_argument::{span, time},
    },
    clock::UnixTime,
    domain::{ClientSecret, Credential, CredentialId, DisplayName},
    operations::{
        add_credentials::{NewCredential, NewCredentialKind, add_credentials},
        end_credential::end_credential,
        rotate_secret::rotate_secret,
    },
};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum CredentialCommand {
    /// Give a consumer further ways in; those that it has stay as they are.
    Add {
        /// Its client id, as `consumer list` has it.
        client_id: ClientId,
        #[command(flatten)]
        ways_in: Box<WaysIn>,
        /// Make a secret, too; it is shown once.
        #[arg(long)]
        secret: bool,
        /// Take over the secret in this file, of another system: base64 of at least 32 octets. `-` reads standard input.
        #[arg(long, value_name = "FILE", conflicts_with = "secret")]
        import_secret: Option<PathBuf>,
        #[command(flatten)]
        life: Life,
    },
    /// Make a new secret, shown once, and let the others live on for a while.
    Rotate {
        /// Its client id, as `consumer list` has it.
        client_id: ClientId,
        /// For how long the others go on counting, such as 7d or 12h; 0s ends them at once.
        #[arg(long, value_name = "SPAN", value_parser = span, default_value = "7d")]
        overlap: i64,
        /// What people call the new secret.
        #[arg(long)]
        label: Option<DisplayName>,
    },
    /// End one way in, within a second or at a time to come.
    End {
        /// Its client id, as `consumer list` has it.
        client_id: ClientId,
        /// The credential's id, as `consumer show` has it.
        credential: Uuid,
        /// When it ends, such as 2027-04-01 [default: now].
        #[arg(long, value_name = "TIME", value_parser = time)]
        at: Option<UnixTime>,
    },
}

/// What people call a credential, and when it counts.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Life {
    /// What people call it.
    #[arg(long)]
    label: Option<DisplayName>,
    /// From when it counts, such as 2027-04-01 [default: now].
    #[arg(long, value_name = "TIME", value_parser = time)]
    starts_at: Option<UnixTime>,
    /// Until when it counts [default: until further notice].
    #[arg(long, value_name = "TIME", value_parser = time)]
    ends_at: Option<UnixTime>,
}

pub(super) fn run(command: CredentialCommand, session: &Session) -> anyhow::Result<ExitCode> {
    match command {
        CredentialCommand::Add { client_id, ways_in, secret, import_secret, life } => {
            let imported = import_secret.map(|file| import(&file)).transpose()?;
            let made = secret.then(ClientSecret::generate);
            let mut kinds: Vec<_> = ways_in.read(session)?.into_iter().map(NewCredentialKind::Public).collect();
            kinds.extend(made.clone().or(imported).map(NewCredentialKind::Secret));
            add(&client_id, kinds, made, life, session)
        }
        CredentialCommand::Rotate { client_id, overlap, label } => rotate(&client_id, overlap, label, session),
        CredentialCommand::End { client_id, credential, at } => {
            session.changing(Attempt::new("consumer.end_credential", &client_id), async |database, act| {
                let at = at.unwrap_or(act.at);
                end_credential(&database, &client_id, CredentialId(credential), at, act).await?;
                let shown = show(&database, &client_id, session).await;
                shown.with_context(|| format!("credential {credential} ends, but cannot be shown"))
            })
        }
    }
}

fn add(
    client_id: &ClientId,
    kinds: Vec<NewCredentialKind>,
    made: Option<ClientSecret>,
    life: Life,
    session: &Session,
) -> anyhow::Result<ExitCode> {
    if kinds.is_empty() {
        let sentence = "nothing to add: give --secret, --import-secret, --key, --jwks-uri or a --certificate option";
        return Err(BadInput(sentence.to_owned()).into());
    }
    let Life { label, starts_at, ends_at } = life;
    let new = |kind| NewCredential { kind, label: label.clone(), starts_at, ends_at };
    let credentials: Vec<_> = kinds.into_iter().map(new).collect();
    session.changing(Attempt::new("consumer.add_credential", client_id), async |database, act| {
        let added = add_credentials(&database, client_id, credentials, act).await?;
        deliver(client_id, &added, made.as_ref(), session)
    })
}

fn rotate(
    client_id: &ClientId,
    overlap: i64,
    label: Option<DisplayName>,
    session: &Session,
) -> anyhow::Result<ExitCode> {
    session.changing(Attempt::new("consumer.rotate_secret", client_id), async |database, act| {
        let rotated = rotate_secret(&database, client_id, label, overlap, act).await?;
        for (credential, end) in &rotated.ending {
            output::note(&format!("the secret {} counts until {end}", credential.0));
        }
        deliver(client_id, &[rotated.credential], Some(&rotated.secret), session)
    })
}

/// Prints what was added, and the secret that was made, which nobody will see again.
fn deliver(
    client_id: &ClientId,
    added: &[Credential],
    secret: Option<&ClientSecret>,
    session: &Session,
) -> anyhow::Result<ExitCode> {
    let secret = secret.map(ClientSecret::expose);
    let text = if session.json {
        let added: Vec<_> = added.iter().map(|credential| credential_json(credential, None)).collect();
        json!({ "client_id": client_id, "credentials": added, "client_secret": secret }).to_string()
    } else {
        let line = |credential: &Credential| format!("credential     {} {}", credential.id.0, credential.kind.name());
        let mut lines: Vec<String> = added.iter().map(line).collect();
        lines.extend(secret.map(|secret| format!("client_secret  {secret}")));
        lines.extend(secret.map(|_| "The secret is shown this once: keep it safe.".to_owned()));
        lines.join("\n")
    };
    output::deliver(&text).with_context(|| match secret {
        Some(_) => format!("{client_id} has a new secret, but it is lost, for it cannot be printed: rotate once more"),
        None => format!("the credentials of {client_id} are added, but cannot be shown"),
    })?;
    Ok(ExitCode::SUCCESS)
}

fn import(file: &std::path::Path) -> anyhow::Result<ClientSecret> {
    let text = certificate_file::read_or_stdin(file)?;
    let text = String::from_utf8(text).map_err(|_| BadInput(format!("{}: it is not UTF-8", file.display())))?;
    Ok(ClientSecret::import(text.trim_end_matches(['\r', '\n'])).map_err(|why| BadInput(why.to_string()))?)
}
