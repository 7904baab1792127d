//! Cuts: restrictions of a hierarchy as one line of text, in the form that Cubes writes them.
//!
//! ```text
//! cut       = ["!"] dimension ["@" hierarchy] ":" (set | range)
//! set       = point {";" point}                       one of these, or anything below it
//! range     = point "-" [point]  |  "-" point         both ends included; a short one holds all that begins with it
//! point     = path | day                              a day is a word such as `90daysago`, in hierarchies of dates
//! path      = member {"," member}                     from the coarsest level
//! ```
//!
//! A `\` stands before each of `| : , ; - ! \` that belongs to a name or member, and before `@` in the name of a dimension or
//! hierarchy; nowhere else. So a cut is written in one way, and a cut that was read is written as it was.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    day::RelativeDay,
    limits::{CUT_BYTES_MAX, CUT_PATHS_MAX},
};

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
    /// One of these, or below it. Not empty.
    Set(Vec<Point>),
    /// From a point on.
    From(Point),
    /// Up to a point.
    To(Point),
    /// From a point up to another one.
    Between(Point, Point),
}

/// Where a cut points.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Point {
    /// At a member.
    Path(Path),
    /// At a day, in a hierarchy of dates.
    Day(RelativeDay),
}

/// Members from the coarsest level on. Not empty, and none of them is; nor is one of them a word for a day.
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
}

impl Selection {
    /// All that it points at.
    pub fn points(&self) -> impl Iterator<Item = &Point> {
        let (set, ends) = match self {
            Self::Set(points) => (points.as_slice(), [None, None]),
            Self::From(end) | Self::To(end) => (&[][..], [Some(end), None]),
            Self::Between(from, to) => (&[][..], [Some(from), Some(to)]),
        };
        set.iter().chain(ends.into_iter().flatten())
    }
}

impl Path {
    /// None when there is no member, or one that is empty or a word for a day.
    pub fn new(members: Vec<String>) -> Option<Self> {
        let is_member = |member: &String| !member.is_empty() && RelativeDay::read(member).is_none();
        (!members.is_empty() && members.iter().all(is_member)).then_some(Self(members))
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
            let first = self.point()?;
            if self.takes('-') {
                let from = checked_bound(first, start)?;
                if self.rest.peek().is_none() { Selection::From(from) } else { Selection::Between(from, self.bound()?) }
            } else {
                let mut points = vec![first];
                while self.takes(';') {
                    if points.len() >= CUT_PATHS_MAX {
                        let message = format!("a set has at most {CUT_PATHS_MAX} paths; write several Restrictions");
                        return Err(MalformedCut { position: self.position, message });
                    }
                    points.push(self.point()?);
                }
                Selection::Set(points)
            }
        };
        match self.rest.peek() {
            None => Ok(selection),
            Some(_) => Err(self.unexpected("nothing more")),
        }
    }

    fn bound(&mut self) -> Result<Point, MalformedCut> {
        let start = self.position;
        checked_bound(self.point()?, start)
    }

    /// Were a word for a day read as a member, a range of texts would show what it was meant to cut.
    fn point(&mut self) -> Result<Point, MalformedCut> {
        let mut members = Vec::new();
        loop {
            let start = self.position;
            let member = self.text("a member", &[])?;
            let is_alone = members.is_empty() && self.rest.peek() != Some(&',');
            match RelativeDay::read(&member) {
                None => members.push(member),
                Some(Ok(day)) if is_alone => return Ok(Point::Day(day)),
                Some(Ok(day)) => {
                    let message = format!("`{day}` is relative to the day and stands alone, without members beside it");
                    return Err(MalformedCut { position: start, message });
                }
                Some(Err(error)) => return Err(MalformedCut { position: start, message: error.to_string() }),
            }
            if !self.takes(',') {
                return Ok(Point::Path(Path(members)));
            }
        }
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

fn checked_bound(point: Point, position: usize) -> Result<Point, MalformedCut> {
    match point {
        Point::Path(Path(members)) if members.iter().any(|member| member == MISSING) => {
            let message = format!("a missing value lies in no range, so `{MISSING}` is no end of one");
            Err(MalformedCut { position, message })
        }
        point => Ok(point),
    }
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
            Self::Set(points) => {
                for (index, point) in points.iter().enumerate() {
                    write!(f, "{}{point}", if index == 0 { "" } else { ";" })?;
                }
                Ok(())
            }
            Self::From(from) => write!(f, "{from}-"),
            Self::To(to) => write!(f, "-{to}"),
            Self::Between(from, to) => write!(f, "{from}-{to}"),
        }
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.fmt(f),
            Self::Day(day) => day.fmt(f),
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
