//! `cert block`, `cert unblock` and `cert blocked`.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::Args;
use serde_json::json;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{
    certificate_file,
    output::{self, BadInput},
    session::{Attempt, Session},
};
use crate::{
    authentication::certificate::name_text,
    domain::{BlockedCertificate, DistinguishedName, Precondition, SerialNumber},
    operations::block_certificate::{block_certificate, unblock_certificate},
    server::TlsFiles,
    storage::Database,
};

/// A certificate, as a file or by what a report of its loss says.
#[derive(Debug, Args)]
pub(super) struct Which {
    /// The certificate, in PEM or DER; of several the first is meant.
    #[arg(required_unless_present = "serial", conflicts_with = "serial")]
    file: Option<PathBuf>,
    /// Its serial number in hexadecimal, instead of a file.
    #[arg(long, value_name = "HEX", requires = "issuer")]
    serial: Option<SerialNumber>,
    /// Its issuer's name, as `cert inspect` prints it, with --serial.
    #[arg(long, value_name = "NAME", requires = "serial")]
    issuer: Option<DistinguishedName>,
}

impl Which {
    fn read(self, session: &Session) -> anyhow::Result<(String, SerialNumber)> {
        if let (Some(serial), Some(issuer)) = (self.serial, self.issuer) {
            warn_of_stranger(&issuer, session);
            return Ok((issuer.to_string(), serial));
        }
        let file = self.file.context("expected a file, or --serial with --issuer")?;
        let der = certificate_file::chain_in(&file)?.swap_remove(0);
        let unreadable = |error| BadInput(format!("{}: it is no certificate: {error}", file.display()));
        let (_, certificate) = X509Certificate::from_der(&der).map_err(unreadable)?;
        Ok((name_text(certificate.issuer()), certificate.raw_serial_as_string().parse()?))
    }
}

/// A name that is written otherwise than certificates have it would block nothing.
fn warn_of_stranger(issuer: &DistinguishedName, session: &Session) {
    let Ok(loaded) = session.load_config() else { return };
    let Ok(serving) = loaded.serving() else { return };
    let Ok(known) = TlsFiles::of(&loaded.config.tls, &serving).authority_names() else { return };
    let name = issuer.to_string();
    if !known.contains(&name) {
        output::note(&format!(
            "warning: no configured authority is called {name}; they are {}. If certificates have this name of their \
             issuer in another order, nothing is blocked: see `cert inspect`",
            if known.is_empty() { "none".to_owned() } else { known.join("; ") }
        ));
    }
}

pub(super) fn block(which: Which, note: String, session: &Session) -> anyhow::Result<ExitCode> {
    let (issuer, serial) = which.read(session)?;
    let attempt = Attempt::new("blocked_certificate.block", format!("{serial} of {issuer}"));
    session.changing(attempt, async |database, act| {
        let blocked = block_certificate(&database, issuer, serial, note, act).await?;
        let listed = list(&database, session).await;
        listed.with_context(|| format!("{} of {} is blocked, but cannot be shown", blocked.serial, blocked.issuer))
    })
}

pub(super) fn unblock(which: Which, session: &Session) -> anyhow::Result<ExitCode> {
    let (issuer, serial) = which.read(session)?;
    let attempt = Attempt::new("blocked_certificate.unblock", format!("{serial} of {issuer}"));
    session.changing(attempt, async |database, act| {
        unblock_certificate(&database, &issuer, &serial, &Precondition::Any, act).await?;
        let listed = list(&database, session).await;
        listed.with_context(|| format!("{serial} of {issuer} is no longer blocked, but the others cannot be shown"))
    })
}

pub(super) async fn list(database: &Database, session: &Session) -> anyhow::Result<ExitCode> {
    let all = database.list_blocked_certificates().await?;
    let blocked = all.iter().filter(|blocked| blocked.unblocked_at.is_none());
    if session.json {
        let shown = |blocked: &BlockedCertificate| {
            json!({
                "issuer": blocked.issuer, "serial": blocked.serial.as_str(), "note": blocked.note,
                "blocked_at": blocked.blocked_at.to_string(),
            })
        };
        output::json(&blocked.map(shown).collect::<Vec<_>>())?;
    } else {
        let row = |blocked: &BlockedCertificate| {
            let note = blocked.note.escape_debug().to_string();
            vec![blocked.serial.to_string(), blocked.issuer.clone(), blocked.blocked_at.to_string(), note]
        };
        output::table(&["SERIAL", "ISSUER", "BLOCKED", "NOTE"], &blocked.map(row).collect::<Vec<_>>())?;
    }
    Ok(ExitCode::SUCCESS)
}
