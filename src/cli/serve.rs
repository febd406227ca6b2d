//! `careconnect-auth serve`

use std::{process::ExitCode, sync::Arc};

use super::session::Session;
use crate::{
    clock::SystemClock,
    server::{RunningServer, Sockets},
    telemetry,
};

pub(super) fn run(session: &Session) -> anyhow::Result<ExitCode> {
    let config = session.load_config()?;
    telemetry::install(&config.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let sockets = Sockets::bind(&config).await?;
        let server = RunningServer::start(&config, Arc::new(SystemClock), sockets).await?;
        server.run_until_stopped().await?;
        Ok(ExitCode::SUCCESS)
    })
}
