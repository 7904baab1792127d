//! What the API server itself refuses, and in which words.

use crate::cluster::Cluster;

/// What is wrong, the kind, its spec, and what the refusal must say.
const BAD: &[(&str, &str, &str, &[&str])] = &[
    (
        "an unknown field",
        "Restriction",
        "{sessionRef: {name: retail}, where: [{table: Shops, column: City, equals: Paris}], colour: red}",
        &["colour"],
    ),
    (
        "an unknown field deep inside",
        "Restriction",
        "{sessionRef: {name: retail}, where: [{table: Shops, column: City, equal: Paris}]}",
        &["equal"],
    ),
    ("a wrong type", "Restriction", "{sessionRef: {name: retail}, where: Paris}", &["where", "expected list"]),
    (
        "a decimal number, which has no one text",
        "Restriction",
        "{sessionRef: {name: retail}, where: [{table: Shops, column: City, equals: 1.5}]}",
        &["equals"],
    ),
    (
        "both equals and in",
        "Restriction",
        "{sessionRef: {name: retail}, where: [{table: Shops, column: City, equals: Paris, in: [Lyon]}]}",
        &["exactly one of `equals`, `in`"],
    ),
    (
        "neither equals nor in",
        "Restriction",
        "{sessionRef: {name: retail}, where: [{table: Shops, column: City}]}",
        &["exactly one of `equals`, `in`"],
    ),
    (
        "two lines on one column",
        "Restriction",
        "{sessionRef: {name: retail}, where: [{table: Shops, column: City, equals: Paris}, {table: Shops, column: City, equals: Lyon}]}",
        &["two lines name the same column"],
    ),
    ("no line at all", "Restriction", "{sessionRef: {name: retail}, where: []}", &["where"]),
    ("no Session named", "Restriction", "{where: [{table: Shops, column: City, equals: Paris}]}", &["sessionRef"]),
    (
        "ROLE_USER restricted",
        "Role",
        "{sessionRef: {name: retail}, roleName: ROLE_USER, restrictions: [paris-only]}",
        &["ROLE_USER and ROLE_ADMIN cannot be restricted"],
    ),
    (
        "ROLE_ADMIN restricted",
        "Role",
        "{sessionRef: {name: retail}, roleName: ROLE_ADMIN, restrictions: [paris-only]}",
        &["ROLE_USER and ROLE_ADMIN cannot be restricted"],
    ),
    ("a role name with a space", "Role", "{sessionRef: {name: retail}, roleName: ROLE PARIS}", &["roleName"]),
    (
        "a user name with a colon",
        "TechnicalUser",
        "{sessionRef: {name: retail}, username: \"a:b\", passwordSecretRef: {name: a, key: b}}",
        &["username"],
    ),
    ("no password", "TechnicalUser", "{sessionRef: {name: retail}}", &["passwordSecretRef"]),
    (
        "no way in",
        "Session",
        "{tables: [{name: T, source: {csv: {path: /t.csv}}}], cubes: [{name: C, factTable: T}], authentication: {}}",
        &["configure at least one of `oidc`, `basic` and `serviceAccounts`"],
    ),
    (
        "guests who would be administrators",
        "Session",
        "{tables: [{name: T, source: {csv: {path: /t.csv}}}], cubes: [{name: C, factTable: T}], authentication: {basic: {}, guestRoles: [ROLE_ADMIN]}}",
        &["guests are nobody in particular and cannot hold ROLE_ADMIN"],
    ),
    (
        "a JWT without an audience",
        "Session",
        "{tables: [{name: T, source: {csv: {path: /t.csv}}}], cubes: [{name: C, factTable: T}], url: \"https://a.example.com\", authentication: {oidc: {providerId: p, issuerUrl: \"https://p.example.com\", clientId: c}}}",
        &["`audience` is required when accessTokenFormat is jwt"],
    ),
    (
        "oidc without url",
        "Session",
        "{tables: [{name: T, source: {csv: {path: /t.csv}}}], cubes: [{name: C, factTable: T}], authentication: {oidc: {providerId: p, issuerUrl: \"https://p.example.com\", clientId: c, accessTokenFormat: opaque}}}",
        &["`url` is required with `authentication.oidc`"],
    ),
    (
        "a further provider that is nobody's own",
        "Session",
        "{tables: [{name: T, source: {csv: {path: /t.csv}}}], cubes: [{name: C, factTable: T}], url: \"https://a.example.com\", authentication: {oidc: {providerId: p, issuerUrl: \"https://p.example.com\", clientId: c, accessTokenFormat: opaque}, additionalOidc: [{providerId: p, issuerUrl: \"https://q.example.com\", clientId: c, accessTokenFormat: opaque}]}}",
        &["give each provider a providerId", "only one provider may have accessTokenFormat opaque", "write a `prefix`"],
    ),
    (
        "a token that opens the API server too",
        "Session",
        "{tables: [{name: T, source: {csv: {path: /t.csv}}}], cubes: [{name: C, factTable: T}], authentication: {serviceAccounts: {audience: \"https://kubernetes.default.svc.cluster.local\", issuerUrl: \"http://a.example.com\"}}}",
        &["`audience` is one of this Session's own", "issuerUrl must be https"],
    ),
    (
        "a further provider without a first",
        "Session",
        "{tables: [{name: T, source: {csv: {path: /t.csv}}}], cubes: [{name: C, factTable: T}], authentication: {basic: {}, additionalOidc: [{providerId: q, prefix: \"system:\", issuerUrl: \"https://q.example.com\", clientId: c, audience: a}]}}",
        &["write the first provider as `oidc`", "`system:` is taken"],
    ),
    (
        "an issuer without TLS",
        "Session",
        "{tables: [{name: T, source: {csv: {path: /t.csv}}}], cubes: [{name: C, factTable: T}], url: \"https://a.example.com\", authentication: {oidc: {providerId: p, issuerUrl: \"http://p.example.com\", clientId: c, accessTokenFormat: opaque}}}",
        &["issuerUrl must be https"],
    ),
    (
        "an issuer that only begins like loopback",
        "Session",
        "{tables: [{name: T, source: {csv: {path: /t.csv}}}], cubes: [{name: C, factTable: T}], url: \"https://a.example.com\", authentication: {oidc: {providerId: p, issuerUrl: \"http://localhost.example.com\", clientId: c, accessTokenFormat: opaque}}}",
        &["issuerUrl must be https"],
    ),
    (
        "a session of people that ends too late",
        "Session",
        "{tables: [{name: T, source: {csv: {path: /t.csv}}}], cubes: [{name: C, factTable: T}], url: \"https://a.example.com\", authentication: {oidc: {providerId: p, issuerUrl: \"https://p.example.com\", clientId: c, accessTokenFormat: opaque, session: {absoluteTimeout: 169h}}}}",
        &["absoluteTimeout is from 5m to 168h"],
    ),
    (
        "a roles claim by path and by name",
        "Session",
        "{tables: [{name: T, source: {csv: {path: /t.csv}}}], cubes: [{name: C, factTable: T}], url: \"https://a.example.com\", authentication: {oidc: {providerId: p, issuerUrl: \"https://p.example.com\", clientId: c, accessTokenFormat: opaque, rolesClaims: [{path: [a], name: b}]}}}",
        &["exactly one of `path`"],
    ),
    (
        "two tables with one name",
        "Session",
        "{tables: [{name: T, source: {csv: {path: /t.csv}}}, {name: T, source: {csv: {path: /t.csv}}}], cubes: [{name: C, factTable: T}]}",
        &["two tables have the same name"],
    ),
    ("a table without a source", "Session", "{tables: [{name: T}], cubes: [{name: C, factTable: T}]}", &["source"]),
    (
        "an unknown mode",
        "Session",
        "{tables: [{name: T, source: {csv: {path: /t.csv}}}], cubes: [{name: C, factTable: T, mode: Automatic}]}",
        &["mode", "Auto"],
    ),
    (
        "a url with a path",
        "Session",
        "{tables: [{name: T, source: {csv: {path: /t.csv}}}], cubes: [{name: C, factTable: T}], url: \"https://a.example.com/cube\"}",
        &["url is scheme and host only"],
    ),
];

pub(crate) async fn bad_manifests_are_refused_with_sentences(cluster: &Cluster<'_>) {
    cluster.story.step("bad manifests are refused at kubectl apply");
    let mut wrong = Vec::new();
    for (name, kind, spec, sentences) in BAD {
        let manifest =
            format!("apiVersion: cubegate.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: bad}}\nspec: {spec}\n");
        let output = cluster.try_apply(&manifest).await;
        let said = String::from_utf8_lossy(&output.stderr);
        if output.status.success() {
            wrong.push(format!("{name}: accepted"));
            cluster.kubectl(&["delete", &format!("{kind}.cubegate.dev"), "bad"]).await;
        } else if let Some(missing) = sentences.iter().find(|sentence| !said.contains(**sentence)) {
            wrong.push(format!("{name}: expected {missing:?}, got: {said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
