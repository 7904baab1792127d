//! Every limit of this crate, with its unit.

/// Characters of a role name: as many as the schema of `spec.roleName` admits.
pub const ROLE_NAME_CHARACTERS_MAX: usize = 128;

/// Valid names that a message lists when none of them resembles the name that was written.
pub const NAMES_LISTED_MAX: usize = 8;

/// Characters of a name that are compared with valid names. A longer name gets no suggestion.
pub const NEAREST_CHARACTERS_MAX: usize = 256;

/// Memory of one argon2id verification, in KiB. A hash that asks for more is refused when it is compiled:
/// it would let the callers of one user exhaust the memory of everybody's sidecar.
pub const ARGON2_MEMORY_KIB_MAX: u32 = 65_536;

/// Passes of one argon2id verification over its memory.
pub const ARGON2_PASSES_MAX: u32 = 10;

/// Lanes of one argon2id verification.
pub const ARGON2_LANES_MAX: u32 = 4;

/// Bytes of an argon2id tag. A shorter one could be guessed.
pub const ARGON2_TAG_BYTES_MIN: usize = 16;

/// Binary logarithm of the rounds of one bcrypt verification; 14 takes about a second.
pub const BCRYPT_COST_MAX: u32 = 14;

/// Reasons for which one role is broken that a policy carries. A role that inherits many broken ones would repeat
/// all of theirs.
pub const REASONS_PER_ROLE_MAX: usize = 8;

/// Bytes of the attributes of one caller, as they travel from sidecar to engine in a header. Who has more is refused.
pub const ATTRIBUTES_BYTES_MAX: usize = 16_384;

/// Bytes of a snapshot as it is published: a Secret holds 1 MiB in all, and some kilobytes are for what goes with it.
pub const PUBLISHED_BYTES_MAX: usize = 1_040_000;

/// Canonical bytes of a snapshot. One that has more is not published, and a published one that unfolds to more is damage.
pub const SNAPSHOT_BYTES_MAX: usize = 32 << 20;

/// Bytes of a policy as an engine accepts it. It is a part of a snapshot and an identity, so whatever can be published can
/// be handed over: an engine that refused a policy would leave the one before it in force.
pub const ACCESS_PUBLICATION_BYTES_MAX: usize = SNAPSHOT_BYTES_MAX + 1024;

/// Values of a condition that an explanation lists.
pub const VALUES_LISTED_MAX: usize = 16;

/// Bytes of one cut, and as many characters as the schema of `spec.cuts` admits.
pub const CUT_BYTES_MAX: usize = 16_384;

/// Paths of the set of one cut.
pub const CUT_PATHS_MAX: usize = 4_096;

/// Cuts of one Restriction: as many as the schema of `spec.cuts` admits.
pub const CUTS_MAX: usize = 64;

/// Days, weeks, months, quarters or years that a date in a cut may be away from today.
pub const RELATIVE_UNITS_MAX: i32 = 1_000;

/// Keys of the cookies of a Session: the one that seals, and those before it that still open.
pub const COOKIE_KEYS_MAX: usize = 4;
