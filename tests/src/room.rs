//! A room of its own for a test: private mounts, network and process ids.
//!
//! The test starts itself again inside new namespaces. Pods can have addresses and well-known ports
//! there without touching the machine's, nothing in the room reaches another machine, and when the test
//! ends, however it ends, the kernel ends everything in the room.

use std::{env, process::Command};

use anyhow::{Context as _, Result, ensure};

use crate::{process, tools};

/// The address of the room's own programs, as pods see it.
pub const ADDRESS: &str = "10.77.0.1";

/// Tells the inner test that it is inside.
const INSIDE: &str = "CUBEGATE_TESTS_INSIDE";

/// Runs `body` in a room. To be called by the test named `test`, which is run a second time, inside.
pub fn enter(test: &str, body: impl Future<Output = ()>) {
    let outcome = if env::var_os(INSIDE).is_some() { inside(body) } else { outside(test) };
    if let Err(error) = outcome {
        std::panic::panic_any(format!("{error:#}"));
    }
}

fn outside(test: &str) -> Result<()> {
    ensure!(
        rustix::process::geteuid().is_root(),
        "this test runs pods in mount and network namespaces and must be run as root"
    );
    let mut command = tools::mortal(&tools::system("unshare")?);
    command
        .args(["--mount", "--net", "--pid", "--fork", "--mount-proc", "--kill-child=KILL", "--propagation", "private"])
        .arg(env::current_exe().context("failed to find the test's own program")?)
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1");
    let status = command.status().context("failed to start the test inside its room")?;
    ensure!(status.success(), "the test failed inside its room: {status}");
    Ok(())
}

fn inside(body: impl Future<Output = ()>) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("failed to start the runtime")?;
    runtime.block_on(async {
        ip("link set lo up").await?;
        ip(&format!("addr add {ADDRESS}/32 dev lo")).await?;
        // Pods reach one another through the room. The setting is the network namespace's own.
        std::fs::write("/proc/sys/net/ipv4/ip_forward", "1").context("failed to let pods reach one another")?;
        body.await;
        Ok(())
    })
}

/// Runs one `ip` command in the room.
pub(crate) async fn ip(arguments: &str) -> Result<()> {
    let mut command = Command::new(tools::system("ip")?);
    command.args(arguments.split(' '));
    process::run(command).await.map(drop)
}
