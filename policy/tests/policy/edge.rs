//! How connections arrive, from what a Session says to the policy.

use serde_json::{Value, json};

use crate::support::World;

/// The edge of the door, as it is published.
fn edge(fields: &Value) -> Value {
    let mut world = World::new();
    let mut session = serde_json::to_value(&world.objects.session).unwrap();
    session["spec"].as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    world.objects.session = serde_json::from_value(session).unwrap();
    let compiled = world.compile();
    assert_eq!(compiled.problems, Vec::new());
    serde_json::to_value(compiled.snapshot).unwrap()["door"]["edge"].clone()
}

#[test]
fn load_balancers_and_origins_of_a_session_are_those_of_its_policy() {
    let written = json!({
        "proxyProtocol": {"sourceRanges": ["10.0.0.0/8", "2001:db8::/32"]},
        "cors": {"allowedOrigins": ["https://b.example.com", "https://a.example.com", "https://b.example.com"]},
    });
    assert_eq!(
        edge(&written),
        json!({
            "proxyProtocol": ["10.0.0.0/8", "2001:db8::/32"],
            "allowedOrigins": ["https://a.example.com", "https://b.example.com"],
        })
    );
}

#[test]
fn a_session_that_says_nothing_of_them_has_the_policy_that_it_had() {
    assert_eq!(edge(&json!({})), Value::Null);
}
