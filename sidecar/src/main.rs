//! `cubegate-sidecar`: one Session's door, as a process.

#![forbid(unsafe_code)]

use std::{process::ExitCode, time::Duration};

use clap::Parser as _;
use cubegate_sidecar::{Config, Flags, Lines, run};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tracing::{error, info};
use tracing_subscriber::EnvFilter;

/// Time for answers to leave the process after the last connection has been served.
const EXIT_GRACE: Duration = Duration::from_millis(100);

fn main() -> ExitCode {
    let flags = Flags::parse();
    let filter = EnvFilter::try_from_env("CUBEGATE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().json().with_writer(Lines).with_env_filter(filter).init();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(reason) => {
            error!(%reason, "failed to start");
            return ExitCode::FAILURE;
        }
    };
    let served = runtime.block_on(serve(flags));
    runtime.shutdown_timeout(EXIT_GRACE);
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            error!(reason = %reason, source = reason.source().map(ToString::to_string), "failed");
            ExitCode::FAILURE
        }
    }
}

async fn serve(flags: Flags) -> Result<(), Box<dyn std::error::Error>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (public, private) = (TcpListener::bind(flags.listen).await?, TcpListener::bind(flags.private_listen).await?);
    info!(public = %public.local_addr()?, private = %private.local_addr()?, "listening");
    let config = Config { api_server: Some(flags.api_server()), tls: flags.tls(), ..Config::new(&flags.engine_socket) };
    let policies = flags.sources().start(&config.source);
    let told_to_stop = async move {
        tokio::select! { _ = terminate.recv() => {} _ = interrupt.recv() => {} }
        info!("told to stop; draining");
    };
    Ok(run(config, public, Some(private), policies.updates.clone(), told_to_stop).await?)
}
