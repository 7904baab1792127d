//! What holds whatever stands in files of other systems.

use std::{path::Path, str};

use cubegate_api::role::CubeOrder;

use super::{
    convert::{Settings, convert},
    read::read,
};
use crate::manifests::fuzzing::mistakes;

/// `rights.json`, a line with nothing but `%`, `roles.json`: what is made of them are valid manifests.
pub fn slicer(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let (rights, roles) = text.split_once("\n%\n").unwrap_or((text, "{}"));
    let (Ok(rights), Ok(roles)) = (read(Path::new("rights.json"), rights), read(Path::new("roles.json"), roles)) else {
        return;
    };
    for (order, identity_dimension) in [(CubeOrder::DenyAllow, None), (CubeOrder::Strict, Some("owner"))] {
        let settings =
            Settings { session: "retail", order, identity_dimension, password_secret: Some("retail-passwords") };
        let Ok(imported) = convert(&rights, &roles, &settings) else { continue };
        for (file, text) in imported.documents().expect("objects can be written as YAML") {
            assert_eq!(mistakes(&text), Vec::<String>::new(), "{file}:\n{text}");
        }
    }
}
