//! The mounted policy Secret.

use std::path::PathBuf;

use cubegate_policy::publication::secret_key;
use tokio::time::{MissedTickBehavior, interval};
use tracing::warn;

use crate::limits::DIRECTORY_CHECK_INTERVAL;

use super::{Authority, Publisher, mounted::contents};

const KEYS: [&str; 5] =
    [secret_key::FORMAT, secret_key::SNAPSHOT, secret_key::REVISION, secret_key::SHA256, secret_key::COOKIE_KEY];

/// Offers what is mounted, and again whenever it has changed.
pub(super) async fn read(directory: PathBuf, authority: Authority, publisher: Publisher) {
    let mut look = interval(DIRECTORY_CHECK_INTERVAL);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut last, mut was_missing) = (None, false);
    loop {
        look.tick().await;
        match contents(&directory, &KEYS).await {
            Ok(parts) => {
                was_missing = false;
                if authority == Authority::Source {
                    publisher.health.reached();
                }
                if last.as_ref() != Some(&parts) {
                    publisher.offer(&parts, authority);
                    last = Some(parts);
                }
            }
            Err(error) if !was_missing => {
                warn!(directory = %directory.display(), %error, "failed to read the mounted policy; trying on");
                was_missing = true;
            }
            Err(_) => {}
        }
    }
}
