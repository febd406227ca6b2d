//! `careconnect-auth serve`

use std::{process::ExitCode, sync::Arc};

use super::session::Session;
use crate::{
    clock::SystemClock,
    server::{RunningServer, Sockets, StopOrder},
    telemetry,
};

pub(super) fn run(session: &Session) -> anyhow::Result<ExitCode> {
    let loaded = session.load_config()?;
    loaded.serving()?; // before the first port is taken
    let config = loaded.config;
    let _log = telemetry::install(&config.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut order = StopOrder::listen()?;
        let start = async {
            let sockets = Sockets::bind(&config).await?;
            RunningServer::start(&config, Arc::new(SystemClock), sockets).await
        };
        match order.or(start).await {
            Some(server) => server?.run_until(&mut order).await,
            None => tracing::info!("stopped before it served"),
        }
        Ok(ExitCode::SUCCESS)
    })
}
