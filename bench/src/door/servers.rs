//! Everybody who is measured, started and logged in to.

use anyhow::Result;
use tempfile::TempDir;

use super::{
    DoorOptions, ours,
    provider::Provider,
    proxies::{self, Backend, Running, free_address},
};

/// What wrk is pointed at.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) url: String,
    /// A header line of each request.
    pub(crate) header: Option<String>,
    /// Whose processor time is counted, with what they started.
    pub(crate) processes: Vec<u32>,
}

/// All servers of a run. They end when dropped.
pub(crate) struct Servers {
    targets: Vec<Target>,
    _running: Vec<Running>,
    _backend: Backend,
    _directory: TempDir,
}

/// Names of targets, by which gates find them.
pub(crate) const DIRECT: &str = "direct";
pub(crate) const NGINX: &str = "nginx";
pub(crate) const HAPROXY: &str = "HAProxy";
pub(crate) const APACHE: &str = "Apache";
pub(crate) const APACHE_COOKIE: &str = "mod_auth_openidc, cookie";
pub(crate) const OPEN: &str = "ours, open";
pub(crate) const COOKIE: &str = "ours, cookie";
pub(crate) const BEARER: &str = "ours, bearer JWT";
pub(crate) const BASIC: &str = "ours, Basic";

// === impl Servers ===

impl Servers {
    pub(crate) fn start(options: &DoorOptions) -> Result<Self> {
        let directory = proxies::directory()?;
        let provider = Provider::start()?;
        let (open_address, closed_address) = (free_address()?, free_address()?);
        let (open, closed) = (ours::open(), ours::closed(closed_address, &provider.issuer));
        let backend = Backend::start(options, directory.path(), &[open.id().clone(), closed.id().clone()])?;
        let plain = backend.plain();
        let nginx = proxies::nginx_proxy(options, directory.path(), &plain)?;
        let haproxy = proxies::haproxy(options, directory.path(), &plain)?;
        let (apache, guarded) = proxies::apache(options, directory.path(), &plain, &provider)?;
        let (open, _) = ours::start(options, directory.path(), open_address, &backend.adopting(open.id()), &open)?;
        let (closed, _) =
            ours::start(options, directory.path(), closed_address, &backend.adopting(closed.id()), &closed)?;

        let bearer = format!("Authorization: Bearer {}", provider.access_token()?);
        let cookie = ours::log_in(closed.address, "/oauth2/authorization/idp", "/login/oauth2/code/idp")?;
        let apache_cookie = ours::log_in(guarded, "/", "/callback")?;
        let target = |name, address, header, running: &Running| Target {
            name,
            url: format!("http://{address}/"),
            header,
            processes: vec![running.id()],
        };
        let targets = vec![
            target(DIRECT, backend.running.address, None, &backend.running),
            target(NGINX, nginx.address, None, &nginx),
            target(HAPROXY, haproxy.address, None, &haproxy),
            target(APACHE, apache.address, None, &apache),
            target(APACHE_COOKIE, guarded, Some(apache_cookie), &apache),
            target(OPEN, open.address, None, &open),
            target(COOKIE, closed.address, Some(cookie), &closed),
            target(BEARER, closed.address, Some(bearer), &closed),
            target(BASIC, closed.address, Some(ours::basic()), &closed),
        ];
        Ok(Self {
            targets,
            _running: vec![nginx, haproxy, apache, open, closed],
            _backend: backend,
            _directory: directory,
        })
    }

    pub(crate) fn targets(&self) -> &[Target] {
        &self.targets
    }
}
