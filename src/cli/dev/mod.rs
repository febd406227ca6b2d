//! `careconnect-auth dev`: the whole thing on one machine, in seconds, with nothing to prepare.

use std::{
    fs::{self, File},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context;
use careconnect_verifier::Algorithm;
use clap::Args;
use tokio::net::TcpListener;

use super::{
    output::{self, BadInput},
    session::Session,
};
use crate::{
    clock::{SystemClock, UnixTime},
    config::Config,
    http,
    operations::{change_keys::KeyWork, tend_keys},
    server::{RunningServer, Sockets, StopOrder},
    signing::{KeyPlaces, KeyStores},
    storage::{Database, DatabaseSettings},
    telemetry::{self, LogThread},
};

mod assertion;
mod demo;
mod guide;
mod manifest;
mod pki;
mod proof;
mod way_in;

use manifest::{AdminEntry, Manifest, ProviderEntry};
use pki::Pki;

#[derive(Debug, Args)]
pub(super) struct DevArguments {
    /// Where everything goes. What an earlier run left there is replaced.
    #[arg(long, default_value = "dev", value_name = "DIR")]
    directory: PathBuf,
    /// Where to listen; loopback only, for everything about this server is public.
    #[arg(long, default_value = "127.0.0.1:8443", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Where the admin API listens; loopback only.
    #[arg(long, default_value = "127.0.0.1:9443", value_name = "ADDRESS")]
    admin_listen: SocketAddr,
}

pub(super) fn run(arguments: DevArguments, session: &Session) -> anyhow::Result<ExitCode> {
    let listeners = [("--listen", arguments.listen), ("--admin-listen", arguments.admin_listen)];
    if let Some((flag, address)) = listeners.iter().find(|(_, address)| !address.ip().is_loopback()) {
        let sentence = format!("{flag} {address}: dev listens on loopback only; use serve for others");
        return Err(BadInput(sentence).into());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut order = StopOrder::listen()?;
        let bind = async |(flag, address): (&str, SocketAddr)| {
            let taken = || format!("cannot listen on {address}: give {flag} another address");
            TcpListener::bind(address).await.with_context(taken)
        };
        let [public, admin] = listeners;
        let sockets = Sockets { public: bind(public).await?, admin: Some(bind(admin).await?), metrics: None };
        let (directory, _lock) = prepare_directory(&arguments.directory)?;
        if let Some(started) = order.or(start(&directory, sockets, session)).await {
            let (server, _log) = started?;
            order.obey(server.stop()).await;
        }
        Ok(ExitCode::SUCCESS)
    })
}

async fn start(directory: &Path, sockets: Sockets, session: &Session) -> anyhow::Result<(RunningServer, LogThread)> {
    let pki = Pki { directory: &directory.join("pki"), now: session.now() };
    let address = sockets.public.local_addr()?;
    let admin_address = sockets.admin.as_ref().map_or(Ok(address), TcpListener::local_addr)?;
    let server_authority = pki.authority("server-ca")?;
    let client_authority = pki.authority("client-ca")?;
    let admin_authority = pki.authority("admin-ca")?;
    let server_certificate = pki.server(&server_authority)?;
    let administrator = pki.client(&admin_authority, "admin", guide::ADMINISTRATOR, None)?;

    let config_file = directory.join("careconnect-auth.toml");
    let authorities = (client_authority.file.as_path(), admin_authority.file.as_path());
    let toml = guide::config_file((address, admin_address), &server_certificate, authorities);
    pki::write(&config_file, &toml, 0o600)?;
    let config = Config::load(Some(&config_file))?;

    let settings = DatabaseSettings { create_if_missing: true, ..(&config.database).into() };
    let database = Database::open(&settings).await?;
    database.migrate().await?;
    let algorithms = first_keys(&config, &database, session.now()).await?;
    let issuer = config.serving()?.issuer.as_str();
    let consumers = demo::register_consumers(&database, &pki, &client_authority, issuer).await?;
    let providers = demo::register_providers(&database, &pki, &algorithms).await?;

    let server = RunningServer::start(&config, Arc::new(SystemClock), sockets).await?;
    let issuer = server.app.issuer.clone();
    let manifest = Manifest {
        issuer: issuer.as_str().to_owned(),
        token_endpoint: format!("{}/oauth2/token", issuer.as_str()),
        introspection_endpoint: format!("{}/oauth2/introspect", issuer.as_str()),
        revocation_endpoint: format!("{}/oauth2/revoke", issuer.as_str()),
        jwks_uri: format!("{}/.well-known/jwks.json", issuer.as_str()),
        metadata_url: format!("{}/.well-known/oauth-authorization-server", issuer.as_str()),
        ca_file: server_authority.file,
        admin: AdminEntry {
            base_url: format!("https://localhost:{}{}", admin_address.port(), http::admin::BASE),
            cert_file: administrator.certificate,
            key_file: administrator.key,
        },
        config_file,
        providers: providers.iter().map(ProviderEntry::from).collect(),
        consumers,
    };
    let proofs = proof::token_by_each_method(&manifest, address, session.now()).await?;
    pki::write(&directory.join("dev.json"), &serde_json::to_string_pretty(&manifest)?, 0o600)?;
    let log = telemetry::install(&config.log)?; // from here on, what happens is what people do
    output::line(&guide::welcome(&manifest, &proofs, directory))?;
    Ok((server, log))
}

/// Makes the signing keys, as the first start does; gives what can be signed with.
async fn first_keys(config: &Config, database: &Database, now: UnixTime) -> anyhow::Result<Vec<Algorithm>> {
    let stores = Arc::new(KeyStores::open(KeyPlaces::from(&config.keys), true)?);
    let work = KeyWork { database: database.clone(), stores, schedule: config.key_schedule() };
    tend_keys::first_keys(&work, &[], now).await?;
    let made: Vec<_> = database.list_signing_keys().await?.iter().map(|key| key.algorithm).collect();
    Ok(Algorithm::FOR_TOKENS.into_iter().filter(|algorithm| made.contains(algorithm)).collect())
}

/// Makes the directory, or empties one that an earlier run made; never touches anybody else's files, nor those of a run
/// that goes on: the file given back is locked for as long as it is open.
fn prepare_directory(wanted: &Path) -> anyhow::Result<(PathBuf, File)> {
    const MARKER: &str = ".careconnect-auth-dev";
    let context = || format!("{} cannot be used", wanted.display());
    if wanted.exists() {
        let is_empty = fs::read_dir(wanted).with_context(context)?.next().is_none();
        if !is_empty && !wanted.join(MARKER).exists() {
            let sentence = format!("{} has files that are not of an earlier dev: choose another", wanted.display());
            return Err(BadInput(sentence).into());
        }
    }
    fs::create_dir_all(wanted).with_context(context)?;
    let lock = File::create(wanted.join(MARKER)).with_context(context)?;
    if lock.try_lock().is_err() {
        let sentence = format!("another dev uses {}: stop it, or give --directory another", wanted.display());
        return Err(BadInput(sentence).into());
    }
    for entry in fs::read_dir(wanted).with_context(context)? {
        let path = entry.with_context(context)?.path();
        if !path.ends_with(MARKER) {
            if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) }.with_context(context)?;
        }
    }
    fs::create_dir_all(wanted.join("pki")).with_context(context)?;
    let private = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o700);
    fs::set_permissions(wanted, private).with_context(context)?;
    Ok((wanted.canonicalize().with_context(context)?, lock))
}
