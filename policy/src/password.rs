//! Passwords of TechnicalUsers: argon2id is what we make, bcrypt is accepted beside it.
//!
//! ```text
//! Secret value ──written──▶ Plain ──hash(password, salt)──┐
//!                  └──────▶ Hash ───defect? none──────────┴──▶ stored hash ──verify(password)──▶ bool
//! ```
//!
//! Salts come from the caller: this crate has no randomness.

use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version};

use crate::limits::{
    ARGON2_LANES_MAX, ARGON2_MEMORY_KIB_MAX, ARGON2_PASSES_MAX, ARGON2_TAG_BYTES_MIN, BCRYPT_COST_MAX,
};

/// Verified against for a user name that does not exist, so that it costs the same as one that does.
///
/// It has the parameters of [`hash`] and a tag of zeros, of which nobody knows a password.
pub const DECOY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// First characters of every hash in a form that somebody uses. Whatever begins so is meant as a hash, never as
/// a password in plain text: else a hash in a form that we do not support would itself become the password.
const HASH_PREFIXES: [&str; 10] =
    ["$argon2", "$2a$", "$2b$", "$2x$", "$2y$", "$scrypt$", "$pbkdf2", "$5$", "$6$", "$y$"];

const BCRYPT_PREFIXES: [&str; 3] = ["$2a$", "$2b$", "$2y$"];

/// What the key of a Secret holds, as its author wrote it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Written<'a> {
    /// A password in plain text.
    Plain(&'a [u8]),
    /// A hash of it, supported or not.
    Hash(&'a str),
}

/// Reads the key of a Secret. One line break at the end is not part of it: editors and `echo` put one there.
///
/// An empty password is refused with a sentence: it would let everybody in who knows the user's name.
pub fn written(secret_value: &[u8]) -> Result<Written<'_>, &'static str> {
    let value = secret_value.strip_suffix(b"\n").unwrap_or(secret_value);
    let value = value.strip_suffix(b"\r").unwrap_or(value);
    match std::str::from_utf8(value) {
        Ok("") => Err("the password is empty"),
        Ok(text) if is_hash(text) => Ok(Written::Hash(text)),
        _ => Ok(Written::Plain(value)),
    }
}

/// Hashes a password with argon2id (19 MiB, 2 passes, 1 lane) into PHC form.
pub fn hash(password: &[u8], salt: [u8; 16]) -> String {
    let params = Params::new(19_456, 2, 1, Some(32)).expect("these parameters are within argon2's own limits");
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash: PasswordHash = argon2
        .hash_password_with_salt(password, &salt)
        .expect("argon2 accepts any password below 4 GiB and any salt of 16 bytes");
    hash.to_string()
}

/// Whether this password is the one that was hashed. False for anything that has a [`defect`], and for a password
/// longer than bcrypt can tell apart.
pub fn verify(password: &[u8], phc_or_bcrypt: &str) -> bool {
    if defect(phc_or_bcrypt).is_some() {
        return false;
    }
    if is_bcrypt(phc_or_bcrypt) {
        return bcrypt::non_truncating_verify(password, phc_or_bcrypt).unwrap_or(false);
    }
    PasswordHash::new(phc_or_bcrypt).is_ok_and(|hash| Argon2::default().verify_password(password, &hash).is_ok())
}

/// Whether the text is meant as a hash, supported or not, rather than as a password in plain text.
pub fn is_hash(text: &str) -> bool {
    HASH_PREFIXES.iter().any(|prefix| text.starts_with(prefix))
}

/// Why a hash cannot be verified against; nothing for one that can. Costs no hashing.
pub fn defect(hash: &str) -> Option<String> {
    if is_bcrypt(hash) { bcrypt_defect(hash) } else { argon2_defect(hash) }
}

fn is_bcrypt(hash: &str) -> bool {
    BCRYPT_PREFIXES.iter().any(|prefix| hash.starts_with(prefix))
}

fn bcrypt_defect(hash: &str) -> Option<String> {
    match hash.parse::<bcrypt::HashParts>() {
        Err(error) => Some(format!("the bcrypt hash cannot be read: {error}")),
        Ok(parts) if !(4..=BCRYPT_COST_MAX).contains(&parts.get_cost()) => Some(format!(
            "the bcrypt hash has cost {}; costs from 4 to {BCRYPT_COST_MAX} are accepted",
            parts.get_cost()
        )),
        Ok(_) => None,
    }
}

fn argon2_defect(hash: &str) -> Option<String> {
    let Ok(hash) = PasswordHash::new(hash) else {
        return Some("the hash cannot be read; argon2id in PHC form and bcrypt are accepted".into());
    };
    if hash.algorithm != ARGON2ID_IDENT {
        return Some(format!("the hash is {}; argon2id and bcrypt are accepted", hash.algorithm));
    }
    let tag_bytes = hash.hash.as_ref().map_or(0, |tag| tag.as_bytes().len());
    if hash.salt.is_none() || tag_bytes < ARGON2_TAG_BYTES_MIN {
        return Some(format!("the argon2id hash lacks its salt or a tag of at least {ARGON2_TAG_BYTES_MIN} bytes"));
    }
    let Ok(params) = Params::try_from(&hash) else {
        return Some("the parameters of the argon2id hash cannot be read".into());
    };
    let affordable = params.m_cost() <= ARGON2_MEMORY_KIB_MAX
        && params.t_cost() <= ARGON2_PASSES_MAX
        && params.p_cost() <= ARGON2_LANES_MAX;
    (!affordable).then(|| {
        format!(
            "the argon2id hash asks for too much; at most m={ARGON2_MEMORY_KIB_MAX},t={ARGON2_PASSES_MAX},p={ARGON2_LANES_MAX} is accepted"
        )
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BCRYPT_OF_S3CRET: fn() -> String =
        || bcrypt::hash_with_salt("s3cret", 4, *b"0123456789abcdef").unwrap().format_for_version(bcrypt::Version::TwoY);

    #[test]
    fn a_password_verifies_against_its_own_hash_and_no_other_password_does() {
        let stored = hash(b"s3cret", *b"0123456789abcdef");
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(verify(b"s3cret", &stored));
        assert!(!verify(b"s3cre", &stored));
        assert!(!verify(b"", &stored));
    }

    #[test]
    fn a_hash_depends_on_nothing_but_password_and_salt() {
        assert_eq!(hash(b"a", [1; 16]), hash(b"a", [1; 16]));
        assert_ne!(hash(b"a", [1; 16]), hash(b"a", [2; 16]));
    }

    #[test]
    fn a_secret_holds_a_password_or_a_hash_and_a_line_break_at_its_end_is_neither() {
        assert!(written(b"s3cret") == Ok(Written::Plain(b"s3cret")));
        assert!(written(b"s3cret\n") == Ok(Written::Plain(b"s3cret")));
        assert!(written(b" s3 cret \r\n") == Ok(Written::Plain(b" s3 cret ")));
        assert!(written(b"\xff\xfe\n") == Ok(Written::Plain(b"\xff\xfe")));
        assert!(written(format!("{DECOY}\n").as_bytes()) == Ok(Written::Hash(DECOY)));
        assert!(written(b"") == Err("the password is empty"));
        assert!(written(b"\n") == Err("the password is empty"));
    }

    #[test]
    fn the_reference_implementations_hash_verifies() {
        // From the test vectors of the reference implementation of argon2 (password "password", salt "somesalt").
        let stored = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        assert!(verify(b"password", stored));
        assert!(!verify(b"Password", stored));
    }

    #[test]
    fn bcrypt_is_accepted() {
        assert!(verify(b"s3cret", &BCRYPT_OF_S3CRET()));
        assert!(!verify(b"other", &BCRYPT_OF_S3CRET()));
    }

    #[test]
    fn a_password_that_bcrypt_would_cut_is_refused_instead() {
        let stored = bcrypt::hash_with_salt([b'x'; 80], 4, [7; 16]).unwrap().to_string();
        assert!(!verify(&[b'x'; 72], &stored));
        assert!(!verify(&[b'x'; 80], &stored));
    }

    #[test]
    fn the_decoy_costs_the_same_as_a_real_hash_and_admits_nobody() {
        assert_eq!(defect(DECOY), None);
        let real = hash(b"x", [0; 16]);
        assert_eq!(DECOY.rsplit_once('$').unwrap().0, real.rsplit_once('$').unwrap().0);
        assert_eq!(DECOY.len(), real.len());
        assert!(!verify(b"", DECOY));
    }

    #[test]
    fn text_that_is_meant_as_a_hash_is_never_taken_for_a_password() {
        for text in ["$argon2i$v=19$m=8,t=1,p=1$c29tZXNhbHQ$xx", "$2x$04$xx", "$6$salt$xx", "$argon2id$nonsense"] {
            assert!(is_hash(text), "{text}");
            assert!(defect(text).is_some(), "{text}");
            assert!(!verify(text.as_bytes(), text), "{text}");
        }
        for text in ["s3cret", "", "$", "$2", "$argon", "p$2b$"] {
            assert!(!is_hash(text), "{text}");
        }
    }

    #[test]
    fn a_hash_that_would_exhaust_the_verifier_is_a_defect() {
        let tag = "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        for params in ["m=4194304,t=2,p=1", "m=256,t=1000000,p=1", "m=65536,t=2,p=255"] {
            let stored = format!("$argon2id$v=19${params}$c29tZXNhbHQ${tag}");
            assert!(defect(&stored).unwrap().contains("too much"), "{stored}");
        }
        let expensive = BCRYPT_OF_S3CRET().replacen("$04$", "$31$", 1);
        assert!(defect(&expensive).unwrap().contains("cost 31"));
    }

    #[test]
    fn a_short_tag_is_a_defect() {
        assert!(defect("$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/g").is_some());
        assert!(defect("$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ").is_some());
    }

    proptest! {
        #[test]
        fn any_text_is_judged_without_panic(text in prop_oneof![".{0,80}", r"\$(argon2id|2b|2y)\$[a-zA-Z0-9$=,./é]{0,70}"]) {
            // Nothing that is drawn here is a readable hash, short of a miracle.
            prop_assert!(!verify(b"password", &text) );
            prop_assert!(defect(&text).is_some());
        }
    }
}
