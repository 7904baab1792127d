//! The rules in CEL of a kind, as the API server holds them against an object.

use kube::{
    CustomResourceExt,
    core::cel::{CompiledSchema, ValidationErrors, Validator, compile_schema},
};
use serde::Serialize;

/// The rules of one kind, compiled once for many objects: that takes far longer than holding them against one.
pub struct Rules(CompiledSchema);

impl Rules {
    /// Those of a kind.
    pub fn of<K: CustomResourceExt>() -> Self {
        let crd = serde_json::to_value(K::crd()).expect("a definition of ours serialises");
        let schema = crd.pointer("/spec/versions/0/schema/openAPIV3Schema");
        Self(compile_schema(schema.expect("a definition of ours has a version with a schema")))
    }

    /// Which rules an object breaks, as the sentences that go with them.
    pub fn check(&self, object: &impl Serialize) -> Result<(), ValidationErrors> {
        let object = serde_json::to_value(object).expect("objects of ours serialise");
        Validator::new().validate_compiled(&self.0, &object, None)
    }
}
