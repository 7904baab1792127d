//! What the operator is told when it starts.

use std::net::SocketAddr;

use clap::Parser;

use crate::build::Images;

/// The images of this very version, as `cargo xtask images` names them.
const SIDECAR_IMAGE: &str = concat!("localhost/cubegate-sidecar:", env!("CARGO_PKG_VERSION"));
const ENGINE_IMAGE: &str = concat!("localhost/cubegate-engine:", env!("CARGO_PKG_VERSION"));

/// Watches the four kinds and owns the pods of their Sessions.
#[derive(Clone, Debug, Parser)]
#[command(name = "cubegate-operator", version)]
pub struct Config {
    /// Namespace to watch; may be repeated. Default: the one that the operator runs in.
    #[arg(long = "namespace", env = "CUBEGATE_NAMESPACES", value_delimiter = ',')]
    pub namespaces: Vec<String>,
    /// Image of the sidecar in the pods of all Sessions.
    #[arg(long, env = "CUBEGATE_SIDECAR_IMAGE", default_value = SIDECAR_IMAGE)]
    pub sidecar_image: String,
    /// Image of the engine in the pods of all Sessions.
    #[arg(long, env = "CUBEGATE_ENGINE_IMAGE", default_value = ENGINE_IMAGE)]
    pub engine_image: String,
    /// Address of `/livez`, `/readyz` and `/metrics`.
    #[arg(long, env = "CUBEGATE_LISTEN", default_value = "0.0.0.0:8081")]
    pub listen: SocketAddr,
}

impl Config {
    /// The images of the pods.
    pub fn images(&self) -> Images {
        Images { sidecar: self.sidecar_image.clone(), engine: self.engine_image.clone() }
    }
}
