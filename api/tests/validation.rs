//! What the schema's CEL rules reject without a cluster, and with which sentence.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests are tests")]

use cubegate_api::{Restriction, Role, Session, TechnicalUser};
use serde_json::{Value, json};

fn object(kind: &str, spec: &Value) -> Value {
    json!({"apiVersion": cubegate_api::API_VERSION, "kind": kind, "metadata": {"name": "it"}, "spec": spec})
}

fn session(change: impl FnOnce(&mut Value)) -> Session {
    let mut spec = json!({
        "tables": [{"name": "Sales", "source": {"csv": {"path": "sales.csv"}}}],
        "cubes": [{"name": "Sales", "factTable": "Sales"}],
    });
    change(&mut spec);
    serde_json::from_value(object("Session", &spec)).unwrap()
}

fn restriction(lines: &Value) -> Restriction {
    serde_json::from_value(object("Restriction", &json!({"sessionRef": {"name": "retail"}, "where": lines}))).unwrap()
}

fn role(spec: Value) -> Role {
    let mut spec = spec;
    spec["sessionRef"] = json!({"name": "retail"});
    serde_json::from_value(object("Role", &spec)).unwrap()
}

fn sentence<E: std::fmt::Display>(result: Result<(), E>) -> String {
    result.err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn a_sound_session_is_accepted() {
    assert_eq!(sentence(session(|_| ()).validate_cel()), "");
}

#[test]
fn a_session_with_oidc_needs_a_url_and_an_audience_for_jwt() {
    let oidc =
        json!({"oidc": {"providerId": "keycloak", "issuerUrl": "https://id.example.com", "clientId": "cubegate"}});
    let found = sentence(session(|spec| spec["authentication"] = oidc).validate_cel());
    assert!(found.contains("`url` is required"), "{found}");
    assert!(found.contains("`audience` is required when accessTokenFormat is jwt"), "{found}");
}

#[test]
fn an_issuer_over_plain_http_is_rejected_unless_it_is_loopback() {
    let with = |issuer: &str| {
        let oidc = json!({"oidc": {"providerId": "id", "issuerUrl": issuer, "clientId": "c", "audience": "c"}});
        sentence(
            session(|spec| {
                spec["authentication"] = oidc;
                spec["url"] = json!("https://a.example.com");
            })
            .validate_cel(),
        )
    };
    assert!(with("http://id.example.com").contains("issuerUrl must be https"));
    assert!(with("http://127.0.0.1.evil.example.com").contains("issuerUrl must be https"));
    assert_eq!(with("http://127.0.0.1:8080"), "");
    assert_eq!(with("https://id.example.com/realms/retail"), "");
}

#[test]
fn the_timeouts_of_a_session_are_bounded_and_in_order() {
    let with = |timeouts: serde_json::Value| {
        let oidc = json!({"providerId": "id", "issuerUrl": "https://id.example.com", "clientId": "c", "audience": "c", "session": timeouts});
        sentence(
            session(|spec| {
                spec["authentication"] = json!({"oidc": oidc});
                spec["url"] = json!("https://a.example.com");
            })
            .validate_cel(),
        )
    };
    for sound in [
        json!({}),
        json!({"idleTimeout": "1m", "absoluteTimeout": "5m"}),
        json!({"idleTimeout": "24h", "absoluteTimeout": "168h"}),
        json!({"idleTimeout": "90s"}),
        json!({"absoluteTimeout": "30m"}),
    ] {
        assert_eq!(with(sound.clone()), "", "{sound}");
    }
    for (wrong, sentence) in [
        (json!({"idleTimeout": "59s"}), "idleTimeout is from 1m to 24h"),
        (json!({"idleTimeout": "25h", "absoluteTimeout": "48h"}), "idleTimeout is from 1m to 24h"),
        (json!({"idleTimeout": "1m", "absoluteTimeout": "299s"}), "absoluteTimeout is from 5m to 168h"),
        (json!({"absoluteTimeout": "169h"}), "absoluteTimeout is from 5m to 168h"),
        (json!({"absoluteTimeout": "20m"}), "idleTimeout is at most absoluteTimeout"),
    ] {
        let found = with(wrong.clone());
        assert!(found.contains(sentence), "{wrong}: {found}");
    }
}

#[test]
fn two_tables_of_one_name_are_rejected() {
    let table = json!({"name": "Sales", "source": {"csv": {"path": "sales.csv"}}});
    let found = sentence(session(|spec| spec["tables"] = json!([table, table])).validate_cel());
    assert!(found.contains("two tables have the same name"), "{found}");
}

#[test]
fn a_condition_says_exactly_one_thing() {
    let sentence_of = |test: Value| {
        let mut line = json!({"table": "Shops", "column": "City"});
        line.as_object_mut().unwrap().extend(test.as_object().unwrap().clone());
        sentence(restriction(&json!([line])).validate_cel())
    };
    let rule = "write exactly one of `equals`, `in`, `between`, `inClaim` and `not`";
    assert!(sentence_of(json!({})).contains(rule));
    assert!(sentence_of(json!({"equals": "Paris", "in": ["Lyon"]})).contains(rule));
    assert!(sentence_of(json!({"equals": "Paris", "not": {"equals": "Lyon"}})).contains(rule));
    for sound in [
        json!({"equals": "Paris"}),
        json!({"in": [1, "two"]}),
        json!({"between": {"from": "2021-01-01", "to": "2021-06-30"}}),
        json!({"between": {"to": 7}}),
        json!({"inClaim": ["shops"]}),
        json!({"not": {"in": ["Paris"]}}),
        json!({"not": {"inClaim": ["org", "shops"]}}),
    ] {
        assert_eq!(sentence_of(sound.clone()), "", "{sound}");
    }
    assert!(sentence_of(json!({"between": {}})).contains("write `from`, `to` or both"));
    for wrong in [json!({"not": {}}), json!({"not": {"equals": "Paris", "between": {"to": 7}}})] {
        assert!(sentence_of(wrong).contains("below `not`, write exactly one of"));
    }
}

#[test]
fn lines_name_columns_or_with_a_cube_its_levels() {
    let sentence_of = |cube: Option<&str>, line: Value| {
        let spec = json!({"sessionRef": {"name": "retail"}, "cube": cube, "where": [line]});
        let object: Restriction = serde_json::from_value(object("Restriction", &spec)).unwrap();
        sentence(object.validate_cel())
    };
    let column = || json!({"table": "Shops", "column": "City", "equals": "Paris"});
    let level = || json!({"level": "City", "equals": "Paris"});
    assert_eq!(sentence_of(None, column()), "");
    assert_eq!(sentence_of(Some("Sales"), level()), "");
    let rule = "with `cube` every line names a `level`, without it `table` and `column`";
    assert!(sentence_of(None, level()).contains(rule));
    assert!(sentence_of(Some("Sales"), column()).contains(rule));
    for line in [
        json!({"equals": 1}),
        json!({"table": "Shops", "equals": 1}),
        json!({"level": "City", "column": "City", "equals": 1}),
    ] {
        assert!(sentence_of(None, line.clone()).contains("write `table` and `column`"), "{line}");
    }
}

#[test]
fn a_restriction_has_lines_or_cuts_and_cuts_have_cubes() {
    let sentence_of = |mut spec: Value| {
        spec["sessionRef"] = json!({"name": "retail"});
        let object: Restriction = serde_json::from_value(object("Restriction", &spec)).unwrap();
        sentence(object.validate_cel())
    };
    let line = || json!([{"level": "City", "equals": "Paris"}]);
    assert_eq!(sentence_of(json!({"cube": "Sales", "cuts": ["Geography:France"]})), "");
    assert_eq!(sentence_of(json!({"cube": "*", "cuts": ["Geography:France", "Date:2021"]})), "");
    assert_eq!(sentence_of(json!({"cube": "Sales", "where": line(), "cuts": ["Geography:France"]})), "");
    assert!(sentence_of(json!({})).contains("write at least one line below `where`, or at least one of `cuts`"));
    assert!(sentence_of(json!({"cuts": ["Geography:France"]})).contains("with `cuts`, write the name of the `cube`"));
    assert!(sentence_of(json!({"cube": "*", "where": line()})).contains("a line names a level of one cube"));
}

#[test]
fn two_conditions_on_one_level_are_rejected() {
    let line = json!({"level": "City", "equals": "Paris"});
    let spec = json!({"sessionRef": {"name": "retail"}, "cube": "Sales", "where": [line, line]});
    let object: Restriction = serde_json::from_value(object("Restriction", &spec)).unwrap();
    assert!(sentence(object.validate_cel()).contains("two lines name the same level"));
}

#[test]
fn a_role_is_unrestricted_or_has_restrictions() {
    let found = sentence(role(json!({"unrestricted": true, "restrictions": ["paris-only"]})).validate_cel());
    assert!(found.contains("not both"), "{found}");
    assert_eq!(sentence(role(json!({"unrestricted": true})).validate_cel()), "");
    assert_eq!(sentence(role(json!({"unrestricted": false, "restrictions": ["paris-only"]})).validate_cel()), "");
}

#[test]
fn cubes_are_named_or_matched_at_one_end() {
    for sound in ["Sales", "*", "Sales*", "*2021", "Sales 2021"] {
        for list in ["allowed", "denied"] {
            assert_eq!(sentence(role(json!({"cubes": {list: [sound]}})).validate_cel()), "", "{sound}");
        }
    }
    for wrong in ["", "**", "S*s", "*a*"] {
        let found = sentence(role(json!({"cubes": {"denied": [wrong], "order": "AllowDeny"}})).validate_cel());
        assert!(found.contains("write the name of a cube, `*`, `prefix*` or `*suffix`"), "{wrong}: {found}");
    }
    let found = sentence(role(json!({"roleName": "ROLE_USER", "cubes": {"denied": ["hr"]}})).validate_cel());
    assert!(found.contains("cannot be restricted"), "{found}");
}

#[test]
fn a_window_ends_after_it_begins() {
    let user = |spec: &Value| {
        let mut spec = spec.clone();
        spec["sessionRef"] = json!({"name": "retail"});
        spec["passwordSecretRef"] = json!({"name": "a", "key": "b"});
        serde_json::from_value::<TechnicalUser>(object("TechnicalUser", &spec)).unwrap()
    };
    let both = |spec: Value| [sentence(role(spec.clone()).validate_cel()), sentence(user(&spec).validate_cel())];
    let (noon, later) = ("2027-01-31T12:00:00Z", "2027-01-31T13:30:00+01:00");
    for sound in [
        json!({}),
        json!({"notBefore": noon}),
        json!({"notAfter": noon}),
        json!({"notBefore": noon, "notAfter": later}),
        json!({"notBefore": "2027-01-31T12:00:00.1Z", "notAfter": "2027-01-31T12:00:00.2Z"}),
    ] {
        assert_eq!(both(sound.clone()), ["", ""], "{sound}");
    }
    for wrong in [json!({"notBefore": noon, "notAfter": noon}), json!({"notBefore": later, "notAfter": noon})] {
        for found in both(wrong.clone()) {
            assert!(found.contains("`notAfter` is later than `notBefore`"), "{wrong}: {found}");
        }
    }
}

#[test]
fn guests_are_no_administrators() {
    let with = |guest_roles: Value| {
        let authentication = json!({"basic": {}, "guestRoles": guest_roles});
        sentence(session(|spec| spec["authentication"] = authentication).validate_cel())
    };
    assert_eq!(with(json!(["ROLE_GUEST", "ROLE_USER"])), "");
    let found = with(json!(["ROLE_USER", "ROLE_ADMIN"]));
    assert!(found.contains("guests are nobody in particular and cannot hold ROLE_ADMIN"), "{found}");
}

#[test]
fn a_moment_that_is_none_is_refused_with_what_to_write() {
    let read = |moment: Value| {
        let spec = json!({"sessionRef": {"name": "retail"}, "notAfter": moment});
        serde_json::from_value::<Role>(object("Role", &spec)).err().map(|error| error.to_string())
    };
    assert_eq!(read(json!("2027-01-31T18:00:00Z")), None);
    for wrong in ["2027-01-31", "tomorrow", "2027-01-31 18:00"] {
        assert!(read(json!(wrong)).unwrap().contains("as RFC 3339 has it"), "{wrong}");
    }
}

#[test]
fn access_is_one_of_what_there_is() {
    let read = |access: Value| serde_json::from_value::<cubegate_api::session::Access>(access);
    for combine in ["PerHierarchy", "All", "PerRole"] {
        assert!(read(json!({"combine": combine, "unmatched": "Deny"})).is_ok());
    }
    assert_eq!(read(json!({})).unwrap(), cubegate_api::session::Access::default());
    assert!(read(json!({"combine": "Any"})).is_err() && read(json!({"unmatched": "Maybe"})).is_err());
}

#[test]
fn two_conditions_on_one_column_are_rejected() {
    let line = json!({"table": "Shops", "column": "City", "equals": "Paris"});
    let found = sentence(restriction(&json!([line, line])).validate_cel());
    assert!(found.contains("two lines name the same column"), "{found}");
}

#[test]
fn the_built_in_roles_cannot_be_restricted() {
    for name in ["ROLE_USER", "ROLE_ADMIN"] {
        let found = sentence(role(json!({"roleName": name, "restrictions": ["paris-only"]})).validate_cel());
        assert!(found.contains("cannot be restricted"), "{found}");
        assert_eq!(sentence(role(json!({"roleName": name, "mappedFrom": ["atoti"]})).validate_cel()), "");
    }
}

#[test]
fn a_role_name_can_travel_in_a_header() {
    for name in ["ROLE,ADMIN", "", "1", "ROLE PARIS", "Zürich"] {
        assert!(sentence(role(json!({"roleName": name})).validate_cel()).contains("roleName"), "{name} passed");
    }
}

#[test]
fn a_user_name_has_no_colon() {
    let spec =
        json!({"sessionRef": {"name": "retail"}, "passwordSecretRef": {"name": "s", "key": "k"}, "username": "a:b"});
    let user: TechnicalUser = serde_json::from_value(object("TechnicalUser", &spec)).unwrap();
    assert!(sentence(user.validate_cel()).contains("colon"));
}

#[test]
fn unknown_fields_and_wrong_types_are_errors_that_name_them() {
    let spec =
        json!({"sessionRef": {"name": "retail"}, "where": [{"table": "Shops", "column": "City", "equal": "Paris"}]});
    let found = serde_json::from_value::<Restriction>(object("Restriction", &spec)).unwrap_err().to_string();
    assert!(found.contains("unknown field `equal`") && found.contains("`equals`"), "{found}");
    let spec =
        json!({"sessionRef": {"name": "retail"}, "where": [{"table": "Shops", "column": "City", "equals": 1.5}]});
    let found = serde_json::from_value::<Restriction>(object("Restriction", &spec)).unwrap_err().to_string();
    assert!(found.contains("write other values in quotes"), "{found}");
}

#[test]
fn an_unquoted_on_of_yaml_1_1_is_the_same_field() {
    let session = |joins: Value| -> Result<Session, _> {
        let tables = json!([{"name": "Sales", "source": {"csv": {"path": "sales.csv"}}}]);
        let cubes = json!([{"name": "Sales", "factTable": "Sales"}]);
        serde_json::from_value(object("Session", &json!({"tables": tables, "cubes": cubes, "joins": joins})))
    };
    let quoted = session(json!([{"from": "Sales", "to": "Shops", "on": {"Shop": "Shop ID"}}])).unwrap();
    let unquoted = session(json!([{"from": "Sales", "to": "Shops", "true": {"Shop": "Shop ID"}}])).unwrap();
    assert_eq!(quoted.spec, unquoted.spec);
    assert_eq!(sentence(quoted.validate_cel()), "");
    assert!(session(json!([{"from": "Sales", "to": "Shops"}])).is_err());
}

#[test]
fn a_csv_file_lies_in_exactly_one_place() {
    let schema = serde_json::to_value(cubegate_api::crds::crds()).unwrap();
    let csv = "/0/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/tables/items/properties/source/properties/csv";
    let csv = schema.pointer(csv).unwrap();
    assert_eq!(csv["x-kubernetes-validations"][0]["message"], "write exactly one of `path` and `configMap`");
    assert_eq!(csv["properties"]["configMap"]["required"], json!(["key", "name"]));
    assert_eq!(csv["properties"]["path"]["type"], "string");
    assert!(csv.get("oneOf").is_none());
}

#[test]
fn a_measure_is_made_in_exactly_one_way() {
    let with =
        |measure: Value| sentence(session(|spec| spec["cubes"][0]["measures"] = json!([measure])).validate_cel());
    for sound in [
        json!({"name": "M", "sum": "Quantity"}),
        json!({"name": "M", "quantile": {"column": "Quantity", "q": "0.95"}}),
        json!({"name": "M", "sumProduct": ["Quantity", "Unit price"]}),
        json!({"name": "M", "convert": {"sum": "Amount", "currency": "Currency", "to": "EUR",
            "rates": {"table": "Rates", "from": "From", "to": "To", "rate": "Rate"}}}),
    ] {
        assert_eq!(with(sound.clone()), "", "{sound}");
    }
    for wrong in [json!({"name": "M"}), json!({"name": "M", "sum": "Quantity", "median": "Quantity"})] {
        assert!(with(wrong.clone()).contains("write exactly one of sum, mean,"), "{wrong}");
    }
}

#[test]
fn a_source_is_of_exactly_one_kind() {
    let read = |source: Value| {
        let table = json!({"name": "Sales", "source": source, "refresh": "5m", "onBadRow": "Skip"});
        serde_json::from_value::<cubegate_api::model::Table>(table)
    };
    let path = json!({"path": "sales"});
    assert!(read(json!({"csv": path})).is_ok() && read(json!({"parquet": path})).is_ok());
    assert!(read(json!({"csv": path, "parquet": path})).is_err());
}

#[test]
fn a_type_or_an_interval_that_is_none_is_refused_with_what_to_write() {
    let read = |column: &str, refresh: &str| {
        let table = json!({"name": "Sales", "source": {"csv": {"path": "s"}}, "refresh": refresh,
            "columns": {"Price": {"type": column}}});
        serde_json::from_value::<cubegate_api::model::Table>(table)
            .err()
            .map_or(String::new(), |error| error.to_string())
    };
    assert_eq!(read("decimal(10,2)", "5m"), "");
    assert!(read("decimal(2,10)", "5m").contains("decimal(p,s)"));
    assert!(read("date", "5").contains("as in 30s"));
}

#[test]
fn with_tls_the_url_is_one_of_https() {
    let with = |url: Option<&str>| {
        let changed = session(|spec| {
            spec["tls"] = json!({"secretName": "retail-tls"});
            if let Some(url) = url {
                spec["url"] = json!(url);
            }
        });
        sentence(changed.validate_cel())
    };
    assert_eq!(with(None), "");
    assert_eq!(with(Some("https://retail.example.com")), "");
    assert!(with(Some("http://retail.example.com")).contains("`url` begins with https://"));
}

#[test]
fn ranges_of_load_balancers_have_one_reading() {
    let with = |ranges: Value| {
        let mut spec = json!({
            "tables": [{"name": "Sales", "source": {"csv": {"path": "sales.csv"}}}],
            "cubes": [{"name": "Sales", "factTable": "Sales"}],
        });
        spec["proxyProtocol"] = json!({"sourceRanges": ranges});
        serde_json::from_value::<Session>(object("Session", &spec)).map(|session| sentence(session.validate_cel()))
    };
    assert_eq!(with(json!(["10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32"])).unwrap(), "");
    for range in ["10.0.0.1/8", "10.0.0.0", "10.0.0.0/33", "everywhere"] {
        assert!(with(json!([range])).unwrap_err().to_string().contains("for example `10.0.0.0/8`"), "{range}");
    }
}

#[test]
fn origins_are_written_as_browsers_write_them() {
    let with =
        |origin: &str| sentence(session(|spec| spec["cors"] = json!({"allowedOrigins": [origin]})).validate_cel());
    for origin in
        ["https://app.example.com", "https://app.example.com:8443", "http://127.0.0.1:3000", "http://localhost"]
    {
        assert_eq!(with(origin), "", "{origin}");
    }
    for origin in [
        "*",
        "null",
        "https://*.example.com",
        "https://app.example.com/",
        "https://App.example.com",
        "https://app.example.com:443",
        "http://app.example.com",
        "http://localhost:80",
        "http://127.0.0.1.example.com",
    ] {
        assert!(with(origin).contains("write each origin as browsers do"), "{origin}");
    }
}
