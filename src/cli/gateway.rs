//! `careconnect-auth gateway`

use std::{path::Path, process::ExitCode, sync::Arc};

use clap::Args;

use super::{output, session::Session};
use crate::{
    clock::SystemClock,
    config::{GATEWAY_FILE, GatewayConfig},
    gateway::RunningGateway,
    server::StopOrder,
    telemetry,
};

/// Options of `gateway`.
#[derive(Debug, Args)]
pub(super) struct GatewayArguments {
    /// Only read the file, and those that it names, and say what is wrong with them.
    #[arg(long)]
    check: bool,
}

pub(super) fn run(arguments: &GatewayArguments, session: &Session) -> anyhow::Result<ExitCode> {
    let file = session.config_file.as_deref().unwrap_or(Path::new(GATEWAY_FILE));
    let config = GatewayConfig::load(file)?;
    if arguments.check {
        RunningGateway::check(&config, Arc::new(SystemClock))?;
        output::line(&format!("{} is in order", file.display()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let _log = telemetry::install(&config.log())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut order = StopOrder::listen()?;
        if let Some(started) = order.or(RunningGateway::start(&config, Arc::new(SystemClock))).await {
            order.obey(started?.stop()).await;
        }
        Ok(ExitCode::SUCCESS)
    })
}
