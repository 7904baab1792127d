//! Passwords from Secrets, hashed once: the hash is kept while the Secret is unchanged, and over a restart the
//! published one is kept as long as it verifies. A hash that changed without need would be a new policy.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, PoisonError},
};

use cubegate_api::{TechnicalUser, reference::KeyReference};
use cubegate_policy::{
    compile::Parsed,
    nearest::nearest,
    password::{self, Written},
};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, ResourceExt};
use tokio::sync::Semaphore;

use super::{Error, get_secret, missing, references};
use crate::{
    limits::{HASHES_CONCURRENT_MAX, REQUESTS_CONCURRENT_MAX},
    publish::Previous,
    random,
    watch::namespace::Namespace,
};

/// Hashes of passwords by where they come from.
#[derive(Debug)]
pub struct PasswordHashes {
    known: Mutex<HashMap<Place, Known>>,
    hashing: Semaphore,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Place {
    namespace: String,
    reference: KeyReference,
}

#[derive(Clone, Debug)]
struct Known {
    version: Version,
    hash: Result<String, String>,
}

/// One state of one Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Version {
    uid: Option<String>,
    resource_version: Option<String>,
}

impl Default for PasswordHashes {
    fn default() -> Self {
        Self { known: Mutex::default(), hashing: Semaphore::new(HASHES_CONCURRENT_MAX) }
    }
}

impl PasswordHashes {
    /// The hash of each password that these users refer to, or why there is none.
    pub(super) async fn hashes(
        &self,
        secrets: &Api<Secret>,
        namespace: &Namespace,
        users: &[Parsed<TechnicalUser>],
        previous: &Previous,
    ) -> Result<BTreeMap<KeyReference, Result<String, String>>, Error> {
        let hashes = stream::iter(references(users)).map(|(reference, users)| async move {
            let published: Vec<_> = users.iter().flat_map(|user| previous.password_hashes(user)).collect();
            let hash = self.hash(secrets, namespace, &reference, &published).await?;
            Ok((reference, hash))
        });
        hashes.buffer_unordered(REQUESTS_CONCURRENT_MAX).try_collect().await
    }

    async fn hash(
        &self,
        secrets: &Api<Secret>,
        namespace: &Namespace,
        reference: &KeyReference,
        published: &[&str],
    ) -> Result<Result<String, String>, Error> {
        let place = Place { namespace: namespace.name.clone(), reference: reference.clone() };
        if let Some(seen) = namespace.secrets.get(&reference.name)
            && let Some(known) = self.lock().get(&place)
            && known.version == Version::of(&*seen)
        {
            return Ok(known.hash.clone());
        }
        let Some(secret) = get_secret(secrets, &reference.name).await? else {
            return Ok(Err(missing_secret(namespace, &reference.name)));
        };
        let hash = match value(&secret, reference) {
            Err(reason) => Err(reason),
            Ok(value) => self.hash_value(value, published).await?,
        };
        self.lock().insert(place, Known { version: Version::of(&secret), hash: hash.clone() });
        Ok(hash)
    }

    /// Hashing costs a core for tens of milliseconds, so it is done aside and a few at a time.
    async fn hash_value(&self, value: Vec<u8>, published: &[&str]) -> Result<Result<String, String>, Error> {
        let plain = match password::written(&value) {
            Err(reason) => return Ok(Err(reason.to_owned())),
            Ok(Written::Hash(hash)) => return Ok(Ok(hash.to_owned())),
            Ok(Written::Plain(plain)) => plain.to_owned(),
        };
        let salt = random::bytes().map_err(|_| Error::Random)?;
        let published: Vec<_> = published.iter().map(|&hash| hash.to_owned()).collect();
        let _permit = self.hashing.acquire().await.expect("the semaphore is never closed");
        let hashed = tokio::task::spawn_blocking(move || {
            let kept = published.into_iter().find(|hash| password::verify(&plain, hash));
            kept.unwrap_or_else(|| password::hash(&plain, salt))
        });
        Ok(Ok(hashed.await.expect("hashing neither panics nor is cancelled")))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Place, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Version {
    fn of(object: &impl ResourceExt) -> Self {
        Self { uid: object.uid(), resource_version: object.resource_version() }
    }
}

/// The client secret of an OpenID Connect provider, or why there is none.
pub(super) async fn client_secret(
    secrets: &Api<Secret>,
    namespace: &Namespace,
    reference: &KeyReference,
) -> Result<Result<String, String>, Error> {
    let Some(secret) = get_secret(secrets, &reference.name).await? else {
        return Ok(Err(missing_secret(namespace, &reference.name)));
    };
    Ok(value(&secret, reference).and_then(|value| {
        String::from_utf8(value)
            .map_err(|_| format!("key `{}` of Secret `{}` is not UTF-8", reference.key, reference.name))
    }))
}

pub(super) fn value(secret: &Secret, reference: &KeyReference) -> Result<Vec<u8>, String> {
    let data = secret.data.as_ref();
    data.and_then(|data| data.get(&reference.key)).map(|value| value.0.clone()).ok_or_else(|| {
        let keys = data.into_iter().flatten().map(|(key, _)| key.as_str());
        missing("key", &reference.key, &format!(" in Secret `{}`", reference.name), nearest(&reference.key, keys))
    })
}

pub(super) fn missing_secret(namespace: &Namespace, name: &str) -> String {
    let secrets = namespace.secrets.all(|_| true);
    let names: Vec<_> = secrets.iter().map(|secret| secret.name_any()).collect();
    missing("Secret", name, " in this namespace", nearest(name, names.iter().map(String::as_str)))
}

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;

    use super::*;

    fn secret(key: &str) -> Secret {
        let data = BTreeMap::from([(key.to_owned(), ByteString(b"s3cret".to_vec()))]);
        Secret { data: Some(data), ..Secret::default() }
    }

    #[test]
    fn a_missing_key_is_answered_with_the_nearest_one() {
        let reference = KeyReference { name: "creds".into(), key: "pasword".into() };
        let reason = value(&secret("password"), &reference).unwrap_err();
        assert_eq!(reason, "there is no key `pasword` in Secret `creds`; did you mean `password`?");
        assert_eq!(value(&secret("pasword"), &reference).unwrap(), b"s3cret");
    }

    #[tokio::test]
    async fn a_published_hash_is_kept_as_long_as_it_verifies() {
        let hashes = PasswordHashes::default();
        let published = password::hash(b"s3cret", [7; 16]);
        let kept = hashes.hash_value(b"s3cret".to_vec(), &["$argon2id$other", &published]).await.unwrap().unwrap();
        assert_eq!(kept, published);
        let fresh = hashes.hash_value(b"changed".to_vec(), &[&published]).await.unwrap().unwrap();
        assert!(fresh != published && password::verify(b"changed", &fresh));
    }

    #[tokio::test]
    async fn a_value_that_is_a_hash_is_taken_as_it_is_and_an_empty_one_is_refused() {
        let hashes = PasswordHashes::default();
        let stored = password::hash(b"s3cret", [7; 16]);
        assert_eq!(hashes.hash_value(stored.clone().into_bytes(), &[]).await.unwrap().unwrap(), stored);
        assert!(hashes.hash_value(Vec::new(), &[]).await.unwrap().is_err());
    }
}
