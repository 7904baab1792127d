//! The network of a pod: a namespace with one address, reachable from the room and from nowhere else.

use std::{net::Ipv4Addr, path::Path, process::Command};

use anyhow::{Context as _, Result, ensure};

use crate::{
    limits::START_MAX,
    process::{self, Process, RunDirectory},
    room, story, tools,
};

/// Keeps a pod's network namespace alive, as the pause container does.
#[derive(Debug)]
pub(super) struct PodNetwork {
    ip: Ipv4Addr,
    pause: Process,
}

impl PodNetwork {
    /// Makes the namespace and its link to the room.
    pub(super) async fn start(run: &RunDirectory, pod: &str, number: u8) -> Result<Self> {
        let mut command = Command::new(tools::system("unshare")?);
        command.arg("--net").arg(tools::system("sleep")?).arg("infinity");
        let pause = run.start(&format!("{pod}.pause"), command)?;
        let namespace = format!("/proc/{}/ns/net", pause.id());
        let ours = std::fs::read_link("/proc/self/ns/net")?;
        story::eventually("the pod has a network namespace", START_MAX, || async {
            ensure!(std::fs::read_link(&namespace)? != ours, "it is still in the room's");
            Ok(())
        })
        .await?;
        let (room_side, ip) = (Ipv4Addr::new(10, 77, number, 1), Ipv4Addr::new(10, 77, number, 2));
        let network = Self { ip, pause };
        room::ip(&format!("link add pod{number} type veth peer name eth0 netns {}", network.pause.id())).await?;
        room::ip(&format!("addr add {room_side}/30 dev pod{number}")).await?;
        room::ip(&format!("link set pod{number} up")).await?;
        network.ip_inside("link set lo up").await?;
        network.ip_inside(&format!("addr add {ip}/30 dev eth0")).await?;
        network.ip_inside("link set eth0 up").await?;
        network.ip_inside(&format!("route add default via {room_side}")).await?;
        Ok(network)
    }

    /// The pod's address.
    pub(super) fn ip(&self) -> Ipv4Addr {
        self.ip
    }

    /// A command that runs `program` in the pod's network.
    pub(super) fn command(&self, program: &Path) -> Result<Command> {
        let mut command = Command::new(tools::system("nsenter")?);
        command.arg(format!("--net=/proc/{}/ns/net", self.pause.id())).arg("--").arg(program);
        Ok(command)
    }

    async fn ip_inside(&self, arguments: &str) -> Result<()> {
        let mut command = self.command(&tools::system("ip")?)?;
        command.args(arguments.split(' '));
        process::run(command).await.map(drop).context("failed to set up the pod's network")
    }
}
