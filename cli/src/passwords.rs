//! Passwords from Secrets, hashed once for as long as they stay the same.

use std::collections::HashMap;

use cubegate_api::reference::KeyReference;
use cubegate_policy::password::{self, Written};

/// What becomes of the passwords of a directory.
pub(crate) enum Passwords {
    /// Hashes by Secret key, with the password that each was made of.
    Hashed(HashMap<KeyReference, (Vec<u8>, String)>),
    /// Nobody logs in by this policy, so a password only has to be there: hashing thousands would take minutes.
    Looked,
    /// Nobody logs in by this policy, and passwords cannot be seen: they are taken to be there.
    Assumed,
}

impl Default for Passwords {
    fn default() -> Self {
        Self::Hashed(HashMap::new())
    }
}

impl Passwords {
    /// Whether Secrets can be seen.
    pub(crate) fn are_seen(&self) -> bool {
        !matches!(self, Self::Assumed)
    }

    /// The value of a Secret's key; or a placeholder, where Secrets cannot be seen.
    pub(crate) fn look_up<'a>(&self, value: impl FnOnce() -> Result<&'a [u8], String>) -> Result<&'a [u8], String> {
        if self.are_seen() { value() } else { Ok(password::DECOY.as_bytes()) }
    }

    /// The hash of what a Secret holds: the one made before while the password is the same, so that an unchanged
    /// directory compiles to an unchanged policy. A value that is a hash already is taken as it is.
    pub(crate) fn hash(&mut self, reference: &KeyReference, secret_value: &[u8]) -> Result<String, String> {
        let password = match password::written(secret_value)? {
            Written::Hash(hash) => return Ok(hash.to_owned()),
            Written::Plain(password) => password,
        };
        let Self::Hashed(hashes) = self else { return Ok(password::DECOY.to_owned()) };
        if let Some((known, hash)) = hashes.get(reference)
            && known == password
        {
            return Ok(hash.clone());
        }
        let hash = password::hash(password, salt());
        hashes.insert(reference.clone(), (password.to_owned(), hash.clone()));
        Ok(hash)
    }
}

fn salt() -> [u8; 16] {
    let mut salt = [0; 16];
    aws_lc_rs::rand::fill(&mut salt).expect("the operating system has randomness");
    salt
}
