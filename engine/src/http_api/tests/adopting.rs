//! Policies that are handed over.

use cubegate_policy::limits::{ACCESS_PUBLICATION_BYTES_MAX, SNAPSHOT_BYTES_MAX};
use http::{Method, StatusCode};

use super::{super::router, ask, by_city, loaded, publication, request, send};

/// Many roles that name one long Restriction are far more as text than compressed in a Secret.
#[tokio::test]
async fn a_policy_as_large_as_can_be_published_is_adopted() {
    let router = router(loaded());
    let publication = publication(2, "City", &["Lyon"]);
    let mut body = serde_json::to_vec(&publication).unwrap();
    for (bytes, status) in [
        (SNAPSHOT_BYTES_MAX, StatusCode::OK),
        (ACCESS_PUBLICATION_BYTES_MAX, StatusCode::OK),
        (ACCESS_PUBLICATION_BYTES_MAX + 1, StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        body.resize(bytes, b' ');
        let request = request(Method::PUT, "/internal/policy", "ROLE_USER", 1, body.clone());
        assert_eq!(send(&router, request).await.0, status, "{bytes}");
    }
    let (_, answer) = ask(&router, "ROLE_SOME,ROLE_USER", 2, &by_city()).await;
    assert_eq!(answer["rows"][1][0], "Lyon");
}
