//! Ranges of addresses that callers come from.

use std::{borrow::Cow, net::IpAddr};

use ipnet::IpNet;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A range of addresses (RFC 4632, RFC 4291 §2.3), for example `10.0.0.0/8` or `2001:db8::/32`. No bit is set beyond the
/// prefix, so that there is one way to write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SourceRange(IpNet);

/// Why text is no range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MalformedRange;

impl SourceRange {
    /// Whether an address lies in it. An IPv4 address in its IPv6 form (`::ffff:10.0.0.1`) is the IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl TryFrom<String> for SourceRange {
    type Error = MalformedRange;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        // Parsed by the standard library, to which no zeros before a number are octal or nothing at all.
        let (address, length) = text.split_once('/').ok_or(MalformedRange)?;
        let address: IpAddr = address.parse().map_err(|_| MalformedRange)?;
        let prefix: u8 = length.parse().map_err(|_| MalformedRange)?;
        let range = IpNet::new(address, prefix).map_err(|_| MalformedRange)?;
        let has_one_reading = range == range.trunc() && prefix.to_string() == length;
        if has_one_reading { Ok(Self(range)) } else { Err(MalformedRange) }
    }
}

impl From<SourceRange> for String {
    fn from(range: SourceRange) -> Self {
        range.to_string()
    }
}

impl std::fmt::Display for SourceRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::fmt::Display for MalformedRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("write a range as an address and the length of its prefix, with no bit set beyond it, for example `10.0.0.0/8`, or `10.1.2.3/32` for one address")
    }
}

impl std::error::Error for MalformedRange {}

impl JsonSchema for SourceRange {
    fn schema_name() -> Cow<'static, str> {
        "SourceRange".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "maxLength": 49})
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn range(text: &str) -> Result<SourceRange, MalformedRange> {
        SourceRange::try_from(text.to_owned())
    }

    #[test]
    fn a_range_holds_its_addresses_and_no_others() {
        let (private, documentation) = (range("10.0.0.0/8").unwrap(), range("2001:db8::/32").unwrap());
        let holds = |range: SourceRange, address: &str| range.contains(address.parse().unwrap());
        assert!(holds(private, "10.255.0.1") && holds(private, "::ffff:10.0.0.1"));
        assert!(!holds(private, "11.0.0.1") && !holds(private, "2001:db8::1"));
        assert!(holds(documentation, "2001:db8:ffff::") && !holds(documentation, "2001:db9::"));
        assert!(holds(range("0.0.0.0/0").unwrap(), "192.0.2.1"));
    }

    #[test]
    fn what_could_mean_another_range_is_none() {
        for text in [
            "",
            "10.0.0.0",
            "10.0.0.1/8",
            "10.0.0.0/33",
            "10.0.0/8",
            "10.0.0.0/08",
            "10.0.0.0/+8",
            "010.0.0.0/8",
            "all",
            "10.0.0.0/8 ",
        ] {
            assert_eq!(range(text), Err(MalformedRange), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic_and_a_range_is_read_back_as_it_was_written(text in "[0-9a-f:./]{0,24}") {
            if let Ok(read) = range(&text) {
                prop_assert_eq!(range(&read.to_string()), Ok(read));
            }
        }
    }
}
