//! Temporary.
#![allow(clippy::print_stdout, clippy::allow_attributes, clippy::unwrap_used)]
fn main() {
    for c in cubegate_api::crds::crds() {
        println!("{}", serde_json::to_string(&c).unwrap());
    }
}
