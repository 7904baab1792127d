//! Passwords from Secrets, hashed once for as long as they stay the same.

use std::collections::HashMap;

use cubegate_api::reference::KeyReference;
use cubegate_policy::password;

/// Hashes by Secret key, with the password that each was made of.
#[derive(Default)]
pub(crate) struct Passwords(HashMap<KeyReference, (Vec<u8>, String)>);

impl Passwords {
    /// The hash of a password: the one made before while the password is the same, so that an unchanged
    /// directory compiles to an unchanged policy. A value that is a hash already is taken as it is.
    pub(crate) fn hash(&mut self, reference: &KeyReference, password: &[u8]) -> String {
        if let Some((known, hash)) = self.0.get(reference)
            && known == password
        {
            return hash.clone();
        }
        let hash = match std::str::from_utf8(password) {
            Ok(text) if password::is_hash(text) => text.to_owned(),
            _ => password::hash(password, salt()),
        };
        self.0.insert(reference.clone(), (password.to_owned(), hash.clone()));
        hash
    }
}

fn salt() -> [u8; 16] {
    let mut salt = [0; 16];
    aws_lc_rs::rand::fill(&mut salt).expect("the operating system has randomness");
    salt
}
