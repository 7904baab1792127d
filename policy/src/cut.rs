//! Cuts: restrictions of a hierarchy as one line of text, in the form that Cubes writes them.
//!
//! ```text
//! cut       = ["!"] dimension ["@" hierarchy] ":" (set | range)
//! set       = path {";" path}                         one of these, or anything below it
//! range     = path "-" [path]  |  "-" path            both ends included; a short one holds all that begins with it
//! path      = member {"," member}                     from the coarsest level
//! ```
//!
//! A `\` stands before each of `| : , ; - ! \` that belongs to a name or member, and before `@` in the name of a dimension or
//! hierarchy; nowhere else. So a cut is written in one way, and a cut that was read is written as it was.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::limits::{CUT_BYTES_MAX, CUT_PATHS_MAX};

/// The member that facts without a value have.
pub const MISSING: &str = "__null__";

/// What belongs to a name or member only behind a `\`.
const RESERVED: [char; 7] = ['|', ':', ',', ';', '-', '!', '\\'];

/// A cut of a hierarchy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cut {
    is_inverted: bool,
    dimension: String,
    hierarchy: Option<String>,
    selection: Selection,
}

/// What a cut selects, before it is inverted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Selection {
    /// One of these paths, or below it. Not empty.
    Set(Vec<Path>),
    /// From a path on.
    From(Path),
    /// Up to a path.
    To(Path),
    /// From a path up to another one.
    Between(Path, Path),
}

/// Members from the coarsest level on. Not empty, and none of them is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(Vec<String>);

/// Why text is no cut.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("character {position} of the cut: {message}")]
pub struct MalformedCut {
    /// The character that is wrong, from 1; one more than there are where something is missing.
    pub position: usize,
    /// What is wrong there, and what to write instead.
    pub message: String,
}

impl Cut {
    /// A cut of the hierarchy or dimension of this name.
    pub fn new(is_inverted: bool, dimension: String, hierarchy: Option<String>, selection: Selection) -> Self {
        Self { is_inverted, dimension, hierarchy, selection }
    }

    /// Whether facts must not be selected. Those without a value at a level that the cut names stay out all the same.
    pub fn is_inverted(&self) -> bool {
        self.is_inverted
    }

    /// Name of a dimension; without [`hierarchy`](Self::hierarchy), also of a hierarchy.
    pub fn dimension(&self) -> &str {
        &self.dimension
    }

    /// Name of a hierarchy of the dimension.
    pub fn hierarchy(&self) -> Option<&str> {
        self.hierarchy.as_deref()
    }

    /// What is selected.
    pub fn selection(&self) -> &Selection {
        &self.selection
    }

    /// How many levels the cut names.
    pub fn depth(&self) -> usize {
        match &self.selection {
            Selection::Set(paths) => paths.iter().map(|Path(members)| members.len()).max().unwrap_or_default(),
            Selection::From(Path(path)) | Selection::To(Path(path)) => path.len(),
            Selection::Between(Path(from), Path(to)) => from.len().max(to.len()),
        }
    }
}

impl Path {
    /// None when there is no member, or an empty one.
    pub fn new(members: Vec<String>) -> Option<Self> {
        (!members.is_empty() && members.iter().all(|member| !member.is_empty())).then_some(Self(members))
    }

    /// The members, from the coarsest level on.
    pub fn members(&self) -> &[String] {
        &self.0
    }
}

// === Reading ===

impl std::str::FromStr for Cut {
    type Err = MalformedCut;

    fn from_str(text: &str) -> Result<Self, MalformedCut> {
        if text.len() > CUT_BYTES_MAX {
            let message = format!("a cut has at most {CUT_BYTES_MAX} bytes; write several Restrictions");
            return Err(MalformedCut { position: text.chars().count(), message });
        }
        let mut reader = Reader { rest: text.chars().peekable(), position: 1 };
        let is_inverted = reader.takes('!');
        let dimension = reader.name("the name of a dimension or hierarchy")?;
        let hierarchy = if reader.takes('@') { Some(reader.name("the name of a hierarchy")?) } else { None };
        if !reader.takes(':') {
            return Err(reader.unexpected("`:` and a path of members"));
        }
        let selection = reader.selection()?;
        Ok(Self { is_inverted, dimension, hierarchy, selection })
    }
}

impl TryFrom<String> for Cut {
    type Error = MalformedCut;

    fn try_from(text: String) -> Result<Self, MalformedCut> {
        text.parse()
    }
}

struct Reader<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    /// Of the next character, from 1.
    position: usize,
}

impl Reader<'_> {
    fn selection(&mut self) -> Result<Selection, MalformedCut> {
        let selection = if self.takes('-') {
            Selection::To(self.bound()?)
        } else {
            let start = self.position;
            let first = self.path()?;
            if self.takes('-') {
                let from = checked_bound(first, start)?;
                if self.rest.peek().is_none() { Selection::From(from) } else { Selection::Between(from, self.bound()?) }
            } else {
                let mut paths = vec![first];
                while self.takes(';') {
                    if paths.len() >= CUT_PATHS_MAX {
                        let message = format!("a set has at most {CUT_PATHS_MAX} paths; write several Restrictions");
                        return Err(MalformedCut { position: self.position, message });
                    }
                    paths.push(self.path()?);
                }
                Selection::Set(paths)
            }
        };
        match self.rest.peek() {
            None => Ok(selection),
            Some(_) => Err(self.unexpected("nothing more")),
        }
    }

    fn bound(&mut self) -> Result<Path, MalformedCut> {
        let start = self.position;
        checked_bound(self.path()?, start)
    }

    fn path(&mut self) -> Result<Path, MalformedCut> {
        let mut members = vec![self.member()?];
        while self.takes(',') {
            members.push(self.member()?);
        }
        Ok(Path(members))
    }

    fn member(&mut self) -> Result<String, MalformedCut> {
        let start = self.position;
        let member = self.text("a member", &[])?;
        if is_relative_date(&member) {
            let message = format!("`{member}` is relative to the day, which cuts cannot be yet; write a date");
            return Err(MalformedCut { position: start, message });
        }
        Ok(member)
    }

    fn name(&mut self, what: &str) -> Result<String, MalformedCut> {
        self.text(what, &['@'])
    }

    /// What stands before the next reserved character; not empty.
    fn text(&mut self, what: &str, also_reserved: &[char]) -> Result<String, MalformedCut> {
        let is_reserved = |character: &char| RESERVED.contains(character) || also_reserved.contains(character);
        let mut text = String::new();
        while let Some(character) = self.rest.peek().copied() {
            if character == '\\' {
                self.step();
                match self.rest.peek().copied() {
                    Some(escaped) if is_reserved(&escaped) => text.push(escaped),
                    _ => {
                        let listed: Vec<String> = RESERVED.iter().chain(also_reserved).map(char::to_string).collect();
                        let listed = listed.join(" ");
                        let message = format!("behind `\\` stands one of {listed}; write `\\\\` for `\\`");
                        return Err(MalformedCut { position: self.position, message });
                    }
                }
            } else if is_reserved(&character) {
                break;
            } else {
                text.push(character);
            }
            self.step();
        }
        if text.is_empty() { Err(self.unexpected(what)) } else { Ok(text) }
    }

    fn takes(&mut self, wanted: char) -> bool {
        let is_there = self.rest.peek() == Some(&wanted);
        if is_there {
            self.step();
        }
        is_there
    }

    fn step(&mut self) {
        self.rest.next();
        self.position += 1;
    }

    fn unexpected(&mut self, wanted: &str) -> MalformedCut {
        let found = match self.rest.peek() {
            None => "nothing follows".to_owned(),
            Some('|') => "`|` joins cuts; write each as an item of its own, and `\\|` in a name".to_owned(),
            Some('@') => "`@` stands before the one name of a hierarchy; write `\\@` in a name".to_owned(),
            Some(other) => format!("not `{other}`, which in a name or member is written `\\{other}`"),
        };
        MalformedCut { position: self.position, message: format!("expected {wanted}: {found}") }
    }
}

fn checked_bound(path: Path, position: usize) -> Result<Path, MalformedCut> {
    if path.0.iter().any(|member| member == MISSING) {
        let message = format!("a missing value lies in no range, so `{MISSING}` is no end of one");
        return Err(MalformedCut { position, message });
    }
    Ok(path)
}

/// The forms that mean a time which moves: `today`, `90daysago`, `monthforward`, `last2weeks`. Were they read as members, a
/// range of texts would show what it was meant to cut.
fn is_relative_date(member: &str) -> bool {
    let is_count = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_span = |text: &str| {
        let units = ["second", "minute", "hour", "day", "week", "month", "quarter", "year"];
        let singular = text.strip_suffix('s').unwrap_or(text);
        units.iter().any(|unit| singular.strip_suffix(unit).is_some_and(is_count))
    };
    let (behind, before) = (["ago", "forward"], ["last", "next"]);
    matches!(member, "today" | "yesterday" | "tomorrow")
        || behind.iter().any(|word| member.strip_suffix(word).is_some_and(is_span))
        || before.iter().any(|word| member.strip_prefix(word).is_some_and(is_span))
}

// === Writing ===

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { is_inverted, dimension, hierarchy, selection } = self;
        if *is_inverted {
            f.write_str("!")?;
        }
        write_escaped(f, dimension, &['@'])?;
        if let Some(hierarchy) = hierarchy {
            f.write_str("@")?;
            write_escaped(f, hierarchy, &['@'])?;
        }
        write!(f, ":{selection}")
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Set(paths) => {
                for (index, path) in paths.iter().enumerate() {
                    write!(f, "{}{path}", if index == 0 { "" } else { ";" })?;
                }
                Ok(())
            }
            Self::From(from) => write!(f, "{from}-"),
            Self::To(to) => write!(f, "-{to}"),
            Self::Between(from, to) => write!(f, "{from}-{to}"),
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, member) in self.0.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { "," })?;
            write_escaped(f, member, &[])?;
        }
        Ok(())
    }
}

fn write_escaped(f: &mut fmt::Formatter<'_>, text: &str, also_reserved: &[char]) -> fmt::Result {
    for character in text.chars() {
        if RESERVED.contains(&character) || also_reserved.contains(&character) {
            f.write_str("\\")?;
        }
        write!(f, "{character}")?;
    }
    Ok(())
}

impl From<Cut> for String {
    fn from(cut: Cut) -> Self {
        cut.to_string()
    }
}

#[cfg(test)]
mod tests;
