//! A real Prometheus that scrapes what it is told to.

use std::{fs, process::Command};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::{
    control_plane::free_ports,
    http::{self, Credentials},
    limits::START_MAX,
    process::{Process, RunDirectory},
    story, tools,
};

/// A running Prometheus.
#[derive(Debug)]
pub struct Prometheus {
    url: String,
    _process: Process,
}

/// One thing to scrape.
#[derive(Debug)]
pub struct Job<'a> {
    /// Name of the job.
    pub name: &'a str,
    /// Host and port.
    pub target: &'a str,
    /// User name and password, if any.
    pub basic: Option<(&'a str, &'a str)>,
}

/// What Prometheus says of a target.
#[derive(Debug)]
pub struct Target {
    /// `up` or `down`.
    pub health: String,
    /// Why it is down.
    pub last_error: String,
}

impl Prometheus {
    /// Starts Prometheus on a free port of loopback.
    pub async fn start(run: &RunDirectory, jobs: &[Job<'_>]) -> Result<Self> {
        let directory = run.make("prometheus")?;
        let [port] = free_ports()?;
        let scrape_configs: Vec<Value> = jobs
            .iter()
            .map(|job| {
                let mut config = json!({"job_name": job.name, "static_configs": [{"targets": [job.target]}]});
                if let (Some((username, password)), Some(config)) = (job.basic, config.as_object_mut()) {
                    config.insert("basic_auth".into(), json!({"username": username, "password": password}));
                }
                config
            })
            .collect();
        let config =
            json!({"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": scrape_configs});
        fs::write(directory.join("prometheus.yml"), config.to_string())?;

        let mut command = Command::new(tools::prometheus()?);
        command.current_dir(&directory).args([
            "--config.file=prometheus.yml".into(),
            "--storage.tsdb.path=data".into(),
            "--log.level=warn".into(),
            format!("--web.listen-address=127.0.0.1:{port}"),
        ]);
        let mut process = run.start("prometheus", command)?;
        let url = format!("http://127.0.0.1:{port}");
        story::eventually("prometheus is ready", START_MAX, || {
            let running = process.check_running();
            let ready = format!("{url}/-/ready");
            async move {
                running?;
                http::get(&ready, Credentials::None).await?.expect(200)
            }
        })
        .await?;
        Ok(Self { url, _process: process })
    }

    /// The first value that a query yields.
    pub async fn value(&self, query: &str) -> Result<f64> {
        let query: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
        let answer = http::get(&format!("{}/api/v1/query?query={query}", self.url), Credentials::None).await?.json()?;
        let value = answer
            .pointer("/data/result/0/value/1")
            .and_then(Value::as_str)
            .with_context(|| format!("no value in {answer}"))?;
        value.parse().with_context(|| format!("not a number: {value}"))
    }

    /// The target of a job, once it has been scraped.
    pub async fn target(&self, job: &str) -> Result<Target> {
        let answer = http::get(&format!("{}/api/v1/targets", self.url), Credentials::None).await?.json()?;
        let targets = answer.pointer("/data/activeTargets").and_then(Value::as_array).cloned().unwrap_or_default();
        let target = targets
            .iter()
            .find(|target| target.get("scrapePool").is_some_and(|pool| pool == job))
            .with_context(|| format!("no target {job}"))?;
        let text = |field: &str| target.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let target = Target { health: text("health"), last_error: text("lastError") };
        if target.health == "unknown" {
            bail!("{job} has not been scraped yet");
        }
        Ok(target)
    }
}
