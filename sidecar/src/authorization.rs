//! Reads `Authorization` (RFC 9110 §11.6.2): Basic (RFC 7617) or Bearer (RFC 6750).

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use http::{HeaderMap, header::AUTHORIZATION};
use zeroize::Zeroizing;

use crate::limits::{AUTHORIZATION_BYTES_MAX, NAME_BYTES_MAX, TOKEN_BYTES_MAX};

/// Some clients leave the padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a caller presents to prove who they are.
pub(crate) enum Credentials {
    /// User name and password.
    Basic(UserPassword),
    /// An access token.
    Bearer(Zeroizing<String>),
}

/// User name and password; the password is wiped after use.
pub(crate) struct UserPassword {
    pub(crate) user: String,
    pub(crate) password: Zeroizing<String>,
}

/// Why `Authorization` cannot be read. No variant repeats what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AuthorizationError {
    #[error("there is more than one Authorization")]
    Repeated,
    #[error("Authorization is longer than {AUTHORIZATION_BYTES_MAX} bytes or not ASCII")]
    NotReadable,
    #[error("the scheme of Authorization is neither Basic nor Bearer")]
    UnknownScheme,
    #[error("the Basic credentials are malformed")]
    MalformedBasic,
    #[error("the Bearer token is malformed")]
    MalformedBearer,
}

/// What the request presents, if anything.
pub(crate) fn credentials(headers: &HeaderMap) -> Result<Option<Credentials>, AuthorizationError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(AuthorizationError::Repeated);
    }
    if value.len() > AUTHORIZATION_BYTES_MAX {
        return Err(AuthorizationError::NotReadable);
    }
    let value = value.to_str().map_err(|_| AuthorizationError::NotReadable)?;
    let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
    let rest = rest.trim_matches(' ');
    if scheme.eq_ignore_ascii_case("basic") {
        basic(rest).map(Credentials::Basic).map(Some)
    } else if scheme.eq_ignore_ascii_case("bearer") {
        bearer(rest).map(Credentials::Bearer).map(Some)
    } else {
        Err(AuthorizationError::UnknownScheme)
    }
}

fn basic(encoded: &str) -> Result<UserPassword, AuthorizationError> {
    let malformed = AuthorizationError::MalformedBasic;
    let bytes = Zeroizing::new(BASE64.decode(encoded).map_err(|_| malformed)?);
    let text = std::str::from_utf8(&bytes).map_err(|_| malformed)?;
    // Only the first colon separates: passwords may have colons, user names may not.
    let (user, password) = text.split_once(':').ok_or(malformed)?;
    if user.is_empty() || user.len() > NAME_BYTES_MAX || text.chars().any(char::is_control) {
        return Err(malformed);
    }
    Ok(UserPassword { user: user.to_owned(), password: Zeroizing::new(password.to_owned()) })
}

fn bearer(token: &str) -> Result<Zeroizing<String>, AuthorizationError> {
    let body = token.trim_end_matches('=');
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    if body.is_empty() || token.len() > TOKEN_BYTES_MAX || !body.bytes().all(is_token) {
        return Err(AuthorizationError::MalformedBearer);
    }
    Ok(Zeroizing::new(token.to_owned()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn read(value: &str) -> Result<(String, String), AuthorizationError> {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_str(value).unwrap())]);
        credentials(&headers).map(|credentials| match credentials.unwrap() {
            Credentials::Basic(UserPassword { user, password }) => (user, password.to_string()),
            Credentials::Bearer(token) => ("bearer".to_owned(), token.to_string()),
        })
    }

    fn pair(user: &str, password: &str) -> (String, String) {
        (user.to_owned(), password.to_owned())
    }

    #[test]
    fn the_scheme_is_read_in_any_case() {
        for scheme in ["Basic", "basic", "BASIC", "bAsIc"] {
            assert_eq!(read(&format!("{scheme} dTpw")), Ok(pair("u", "p")));
        }
        assert_eq!(read("BEARER abc"), Ok(pair("bearer", "abc")));
    }

    #[test]
    fn text_is_utf8_and_only_the_first_colon_separates() {
        assert_eq!(read(&format!("Basic {}", BASE64.encode("zoë:pa:ss:ö"))), Ok(pair("zoë", "pa:ss:ö")));
        assert_eq!(read("Basic dTo="), Ok(pair("u", "")));
        assert_eq!(read("Basic   dTpw  "), Ok(pair("u", "p")));
        assert_eq!(read("Basic dTo"), Ok(pair("u", "")), "without padding");
    }

    #[test]
    fn malformed_basic_is_refused() {
        for encoded in ["", "%%%", "dXA=", "OnA=", "/zpw", "dTpw dTpw", "dTpwCg=="] {
            assert_eq!(read(&format!("Basic {encoded}")), Err(AuthorizationError::MalformedBasic), "{encoded}");
        }
    }

    #[test]
    fn malformed_bearer_unknown_schemes_and_repetition_are_refused() {
        for token in ["", "=", "a b", "a,b", "a=b", "\"a\""] {
            assert_eq!(read(&format!("Bearer {token}")), Err(AuthorizationError::MalformedBearer), "{token}");
        }
        for value in ["Digest a", "Negotiate", "Basic\tdTpw", "", "Token x"] {
            assert_eq!(read(value), Err(AuthorizationError::UnknownScheme), "{value}");
        }
        let mut twice = HeaderMap::new();
        twice.append(AUTHORIZATION, HeaderValue::from_static("Basic dTpw"));
        twice.append(AUTHORIZATION, HeaderValue::from_static("Basic dTpw"));
        assert!(matches!(credentials(&twice), Err(AuthorizationError::Repeated)));
    }

    #[test]
    fn nothing_presented_is_nothing() {
        assert!(matches!(credentials(&HeaderMap::new()), Ok(None)));
    }

    proptest! {
        #[test]
        fn whatever_is_sent_is_read_without_panic(value in prop::collection::vec(0x20..=0xffu8, 0..64)) {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                let mut headers = HeaderMap::new();
                headers.insert(AUTHORIZATION, value);
                let _ = credentials(&headers);
            }
        }

        #[test]
        fn user_and_password_come_back_as_sent(user in "[^:\\p{Cc}]{1,40}", password in "[^\\p{Cc}]{0,40}") {
            let value = format!("Basic {}", BASE64.encode(format!("{user}:{password}")));
            prop_assert_eq!(read(&value), Ok((user, password)));
        }
    }
}
