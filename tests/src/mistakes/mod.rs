//! Ways to break the policy of the retail example, and what must come of each: in a directory that `cubegate up` serves, and
//! in a cluster.

mod model;
mod restrictions;
mod roles;
mod users;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};

use self::{model::MODEL, restrictions::RESTRICTIONS, roles::ROLES, users::USERS};
use crate::{
    answers::{self, CityRow},
    up,
};

/// Sees Paris.
pub const PARISIAN: &str = "parisian-user";
/// Sees France.
pub const FRENCH: &str = "french-user";
/// Sees everything.
pub const GLOBAL: &str = "global-user";

/// Those who are asked, and what they see while nobody has made a mistake that concerns them.
pub const ASKED: [(&str, &[CityRow]); 3] =
    [(PARISIAN, answers::PARIS), (FRENCH, answers::FRANCE), (GLOBAL, answers::EVERYWHERE)];

/// What audit records say of callers whom a mistake concerns.
const REASONS: [&str; 4] = [" is broken: ", "not valid ", "neither ROLE_USER nor ROLE_ADMIN", UNKNOWN];
const UNKNOWN: &str = "no such TechnicalUser";

/// Edits that make manifests wrong, or valid at another time than now.
pub struct Mistake {
    /// What is wrong.
    pub name: &'static str,
    edits: &'static [Edit],
    /// What the report says, its place included; nothing of what is valid at another time.
    pub report: &'static [&'static str],
    /// Users who are refused until it is mended; everybody else notices nothing.
    pub refused: &'static [&'static str],
    /// What comes of it in a cluster.
    pub in_cluster: InCluster,
}

/// What comes of a mistake in a cluster.
pub enum InCluster {
    /// `kubectl apply` fails and says this; nobody notices anything.
    Rejected(&'static [&'static str]),
    /// It is applied, and status says this.
    Applied(&'static [Said]),
    /// These commands of kubectl do to a cluster what the edits do to a directory, and status says this.
    Commanded(&'static [&'static [&'static str]], &'static [Said]),
    /// It is applied, and the cluster holds what it held before.
    Unchanged,
    /// kubectl reads it as something that is in order, by which the Parisian sees this.
    ReadAs(&'static [CityRow]),
}

/// A condition that is False.
#[derive(Debug)]
pub struct Said {
    /// `Kind/name` of the object.
    pub object: &'static str,
    /// Its type.
    pub condition: &'static str,
    /// Its reason.
    pub reason: &'static str,
    /// What its message names.
    pub named: &'static [&'static str],
}

/// A mistake that has been made.
#[must_use = "it stays until it is mended"]
pub struct Made {
    /// The edited files as they were, one for each edit.
    originals: Vec<(PathBuf, Vec<u8>)>,
}

/// A piece of a file, and what stands there instead.
struct Edit {
    file: &'static str,
    from: &'static str,
    to: To,
}

/// What stands there instead.
enum To {
    /// This.
    Text(&'static str),
    /// This, and behind it so many characters.
    Longer(&'static str, usize),
}

/// Every mistake.
pub fn mistakes() -> impl Iterator<Item = &'static Mistake> {
    [RESTRICTIONS, ROLES, USERS, MODEL].into_iter().flatten()
}

impl Mistake {
    /// Makes it in a copy of the example.
    pub fn make(&self, directory: &Path) -> Result<Made> {
        let mut originals = Vec::new();
        for Edit { file, from, to } in self.edits {
            let file = directory.join(file);
            let original = fs::read(&file).with_context(|| format!("failed to read {}", file.display()))?;
            originals.push((file.clone(), original));
            up::edit(&file, from, &to.text())?;
        }
        Ok(Made { originals })
    }

    /// An error unless the audit record of a refusal says why: what is broken, or not valid now, and of what reports and status
    /// name at least one thing.
    pub fn expect_audited(&self, record: &str) -> Result<()> {
        let said = match &self.in_cluster {
            InCluster::Applied(said) | InCluster::Commanded(_, said) => *said,
            InCluster::Rejected(_) | InCluster::Unchanged | InCluster::ReadAs(_) => &[],
        };
        let named = self.report.iter().chain(said.iter().flat_map(|said| said.named));
        // Of a place, the log knows the file.
        let named: Vec<&str> = named.map(|named| named.split_once(".yaml:").map_or(*named, |(file, _)| file)).collect();
        // A user whose name was lost is like any stranger.
        let is_named = named.is_empty() || record.contains(UNKNOWN) || named.iter().any(|named| record.contains(named));
        ensure!(is_named, "the audit record says nothing of {named:?}: {record}");
        ensure!(REASONS.iter().any(|reason| record.contains(reason)), "nothing is wrong in: {record}");
        Ok(())
    }

    /// Whether it is about a password, which takes a while to hash.
    pub fn is_about_passwords(&self) -> bool {
        self.edits.iter().any(|edit| edit.file == "passwords.yaml")
    }
}

impl Made {
    /// The edited files.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.originals.iter().map(|(file, _)| file.as_path())
    }

    /// Mends it. Of two edits of one file, the first remembers it as it was.
    pub fn mend(&self) -> Result<()> {
        self.originals.iter().rev().try_for_each(|(file, content)| up::replace(file, content))
    }
}

impl To {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => (*text).to_owned(),
            Self::Longer(text, characters) => format!("{text}{}", "X".repeat(*characters)),
        }
    }
}

const fn edit(file: &'static str, from: &'static str, to: &'static str) -> Edit {
    Edit { file, from, to: To::Text(to) }
}

const fn said(
    object: &'static str,
    condition: &'static str,
    reason: &'static str,
    named: &'static [&'static str],
) -> Said {
    Said { object, condition, reason, named }
}

/// Something that the object refers to is missing or wrong.
const fn unresolved(object: &'static str, named: &'static [&'static str]) -> Said {
    said(object, "ResolvedRefs", "Unresolved", named)
}
