//! `careconnect-auth serve`

use std::{process::ExitCode, sync::Arc};

use super::session::Session;
use crate::{
    clock::SystemClock,
    config::Config,
    server::{RunningServer, Sockets, StopOrder},
    telemetry,
};

pub(super) fn run(session: &Session) -> anyhow::Result<ExitCode> {
    let loaded = session.load_config()?;
    loaded.serving()?; // before the first port is taken
    let config = loaded.config;
    let _log = telemetry::install(&config.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(serve(config));
    runtime.shutdown_background(); // a file that cannot be read must not hold up the end
    outcome?;
    Ok(ExitCode::SUCCESS)
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let mut order = StopOrder::listen()?;
    let start = async {
        let sockets = Sockets::bind(&config).await?;
        RunningServer::start(&config, Arc::new(SystemClock), sockets).await
    };
    match order.or(start).await {
        Some(started) => order.obey(started?.stop()).await,
        None => tracing::info!("stopped before it served"),
    }
    Ok(())
}
