//! What the process is told at start.

use std::path::PathBuf;

use clap::Parser;

/// Serves the cubes of one Session on a Unix socket.
///
/// The sidecar of the same pod is the only client. Tables are loaded once at start; the policy arrives
/// through the socket and never restarts anything.
#[derive(Clone, Debug, Parser)]
#[command(name = "cubegate-engine", version)]
pub struct Config {
    /// Tables, joins and cubes: those three fields of the Session's spec, as JSON.
    #[arg(long, env = "CUBEGATE_MODEL", default_value = "/etc/cubegate/model/model.json")]
    pub model: PathBuf,
    /// Directory with one directory per `ConfigMap` that tables are read from.
    #[arg(long, env = "CUBEGATE_DATA", default_value = "/etc/cubegate/data")]
    pub data: PathBuf,
    /// Unix socket to listen on. A socket left by an earlier process is replaced.
    #[arg(long, env = "CUBEGATE_ENGINE_SOCKET", default_value = "/run/cubegate/engine.sock")]
    pub socket: PathBuf,
}
