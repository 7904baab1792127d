//! One policy, whole, for a person to read.

use cubegate_api::reference::KeyReference;
use serde_json::json;

use crate::support::World;

#[test]
fn the_policy_of_the_retail_example_reads_as_recorded() {
    let mut world = World::new()
        .restriction("paris-only", json!([{"table": "Shops", "column": "City", "equals": "Paris"}]))
        .restriction("france-only", json!([{"table": "Shops", "column": "Country", "in": ["France"]}]))
        .role("paris", json!({"roleName": "ROLE_PARIS", "mappedFrom": ["paris"], "restrictions": ["paris-only"]}))
        .role("france", json!({"roleName": "ROLE_FRANCE", "mappedFrom": ["france"], "restrictions": ["france-only"]}))
        .role("broken", json!({"roleName": "ROLE_LYON", "mappedFrom": ["lyon"], "restrictions": ["lyon-only"]}))
        .technical_user("prometheus", json!({"roles": ["ROLE_USER"]}));
    let key = KeyReference { name: "prometheus-credentials".into(), key: "password".into() };
    world.objects.password_hashes.insert(key, Ok(cubegate_policy::password::DECOY.into()));
    insta::assert_json_snapshot!(world.compile().snapshot);
}
