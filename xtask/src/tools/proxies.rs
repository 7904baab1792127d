//! The proxies that the sidecar is compared with: nginx, `HAProxy`, Apache with `mod_auth_openidc`; and a load generator, wrk.

use anyhow::{Result, ensure};

use super::{Variable, debian, own};
use crate::{
    cache::{Cache, Inputs},
    process,
};

const VARIABLE: &str = "CUBEGATE_PROXIES_DIR";
const PACKAGES: [&str; 5] = ["nginx", "haproxy", "apache2-bin", "libapache2-mod-auth-openidc", "wrk"];
/// Programs, below the directory.
const PROGRAMS: [&str; 4] = ["usr/sbin/nginx", "usr/sbin/haproxy", "usr/sbin/apache2", "usr/bin/wrk"];
const OTHERWISE: &str = "Set CUBEGATE_PROXIES_DIR to a directory with usr/sbin/{nginx,haproxy,apache2} and usr/bin/wrk";

/// The directory that the packages were unpacked into, as if it were the root of a machine.
pub(super) fn proxies(cache: &Cache) -> Result<Variable> {
    if let Some(directory) = own(VARIABLE) {
        for program in PROGRAMS {
            super::usable(VARIABLE, &directory.join(program))?;
        }
        return Ok((VARIABLE, directory));
    }
    let directory = cache.tools("proxies");
    let inputs = PACKAGES.iter().fold(Inputs::default(), |inputs, package| inputs.word(package));
    if !cache.is_stamped("proxies", &inputs) {
        debian::unpack(&PACKAGES, &directory, OTHERWISE)?;
        for program in PROGRAMS {
            ensure!(process::is_program(&directory.join(program)), "Debian's packages have no {program}. {OTHERWISE}");
        }
        cache.set_stamp("proxies", &inputs)?;
    }
    Ok((VARIABLE, directory))
}
