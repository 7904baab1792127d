//! `cubegate explain`, `who-sees` and `diff` on the examples: the answers of the story, with the objects that say so.

use std::path::Path;

use cubegate_tests::{
    process::{self, RunDirectory},
    tools,
    up::{self, Up},
};
use serde_json::{Value, json};

use super::{ANY_PORT, connect};

/// Exit status, standard output, standard error.
async fn run(arguments: &[&str]) -> (i32, String, String) {
    let mut command = tools::mortal(&tools::cubegate("cubegate").unwrap());
    command.args(arguments);
    let output = process::output(command).await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Exit status and everything that was said.
pub(crate) async fn cubegate(arguments: &[&str]) -> (i32, String) {
    let (status, stdout, stderr) = run(arguments).await;
    (status, stdout + &stderr)
}

async fn json(arguments: &[&str]) -> (i32, Value) {
    let arguments: Vec<&str> = arguments.iter().copied().chain(["--output", "json"]).collect();
    let (status, stdout, stderr) = run(&arguments).await;
    (status, serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}{stderr}")))
}

fn retail() -> String {
    tools::repository().join("examples/retail").display().to_string()
}

pub(crate) fn shown(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test]
async fn an_explanation_leads_from_the_user_to_the_rows_line_by_line() {
    let (status, text) = cubegate(&["explain", &retail(), "parisian-user"]).await;
    assert_eq!(status, 0, "{text}");
    for line in [
        "parisian-user in Session retail",
        "role ROLE_PARIS",
        "granted to the TechnicalUser: TechnicalUser/parisian-user spec.roles (",
        "users.yaml:",
        "restricted by paris-only: Role/paris spec.restrictions (",
        "Shops/City is Paris: Restriction/paris-only spec.where (",
        "restrictions.yaml:17)",
        "where Shops/City is Paris",
        "sees 439 of 5850 facts (7.50 %)",
    ] {
        assert!(text.contains(line), "{line:?} is not in\n{text}");
    }
}

#[tokio::test]
async fn each_line_of_a_restriction_is_shown_with_its_own_place() {
    let run = RunDirectory::new().unwrap();
    let directory = up::copy_example(&run, "retail").unwrap();
    let line = "    - {table: Shops, column: City, equals: Paris}";
    let lines = format!(
        "{line}\n    - table: Shops\n      column: Country\n      not: {{equals: Italy}}\n    - {{table: Sales, column: Quantity, between: {{from: 1}}}}"
    );
    up::edit(&directory.join("restrictions.yaml"), line, &lines).unwrap();
    let (_, text) = cubegate(&["explain", shown(&directory), "parisian-user"]).await;
    for (condition, place) in [
        ("Shops/City is Paris: ", "restrictions.yaml:17)"),
        ("Shops/Country is not Italy: ", "restrictions.yaml:18)"),
        ("Sales/Quantity is at least 1: ", "restrictions.yaml:21)"),
    ] {
        let line = text.lines().find(|line| line.trim_start().starts_with(condition));
        assert!(line.is_some_and(|line| line.ends_with(place)), "{condition}… {place} is not in\n{text}");
    }
}

#[tokio::test]
async fn an_explanation_counts_the_facts_that_the_user_sees() {
    let (_, whole) = json(&["explain", &retail(), "global-user"]).await;
    let (_, paris) = json(&["explain", &retail(), "parisian-user", "--cube", "Sales"]).await;
    let (_, france) = json(&["explain", &retail(), "french-user"]).await;
    let facts = |answer: &Value| answer["cubes"][0]["facts"]["visible"].as_u64().unwrap();
    assert!(facts(&paris) < facts(&france) && facts(&france) < facts(&whole));
    assert_eq!(whole["cubes"][0]["facts"]["visible"], whole["cubes"][0]["facts"]["all"]);
}

#[tokio::test]
async fn a_token_is_explained_from_the_claims_on() {
    let run = RunDirectory::new().unwrap();
    let directory = up::copy_example(&run, "retail").unwrap();
    let provider = "  url: http://127.0.0.1:8080
  authentication:
    oidc:
      providerId: test
      issuerUrl: http://127.0.0.1:1
      clientId: cubegate
      nameClaim: preferred_username
      rolesClaims: [{path: [resource_access, cubegate, roles]}]
      accessTokenFormat: opaque
      scopes: [openid]
";
    up::edit(&directory.join("session.yaml"), "  authentication:\n", provider).unwrap();
    let claims = json!({"preferred_username": "bob", "resource_access": {"cubegate": {"roles": ["paris", "atoti"]}}});
    let token = run.path().join("token.json");
    std::fs::write(&token, claims.to_string()).unwrap();
    let (status, text) = cubegate(&["explain", shown(&directory), "--token", shown(&token)]).await;
    assert_eq!(status, 0, "{text}");
    for line in [
        "bob in Session retail",
        "provider role paris: claim resource_access → cubegate → roles",
        "the provider gives the role `paris`: Role/paris spec.mappedFrom (",
        "sees 439 of 5850 facts (7.50 %)",
    ] {
        assert!(text.contains(line), "{line:?} is not in\n{text}");
    }
    let (_, assumed) = json(&["explain", shown(&directory), "bob", "--provider-role", "france"]).await;
    assert!(assumed["refused"].as_str().unwrap().contains("ROLE_USER"), "{assumed}");
}

#[tokio::test]
async fn a_guest_is_explained_and_seen_beside_users() {
    let run = RunDirectory::new().unwrap();
    let directory = up::copy_example(&run, "retail").unwrap();
    let (_, answer) = json(&["explain", shown(&directory), "--guest"]).await;
    assert_eq!(answer["refused"], "no credentials");
    let guests = "  authentication:\n    guestRoles: [ROLE_USER, ROLE_FRANCE]\n";
    up::edit(&directory.join("session.yaml"), "  authentication:\n", guests).unwrap();
    let (status, text) = cubegate(&["explain", shown(&directory), "--guest"]).await;
    assert_eq!(status, 0, "{text}");
    for line in [
        "guest in Session retail",
        "whoever brings no credentials has it: Session/retail spec.authentication.guestRoles (",
        "restricted by france-only: Role/france spec.restrictions (",
    ] {
        assert!(text.contains(line), "{line:?} is not in\n{text}");
    }
    let (_, seen) = cubegate(&["who-sees", shown(&directory), "Sales", "City", "Paris"]).await;
    assert!(seen.contains("\nguests: 439 facts\n"), "{seen}");
    let (_, seen) = cubegate(&["who-sees", shown(&directory), "Sales", "City", "Chicago"]).await;
    assert!(!seen.contains("guests"), "{seen}");
}

#[tokio::test]
async fn a_refusal_is_explained() {
    let (status, answer) = json(&["explain", &retail(), "outsider"]).await;
    assert_eq!((status, &answer["cubes"]), (0, &json!([])));
    assert!(answer["refused"].as_str().unwrap().contains("ROLE_USER"), "{answer}");
    let (_, answer) = json(&["explain", &retail(), "nobody"]).await;
    assert!(answer["refused"].as_str().unwrap().contains("`nobody`"), "{answer}");
}

#[tokio::test]
async fn who_sees_a_city_are_its_roles_and_users() {
    let (status, answer) = json(&["who-sees", &retail(), "Sales", "City", "Lyon"]).await;
    let names = |kind: &str| -> Vec<String> {
        let viewers = answer["viewers"].as_array().unwrap().iter().filter(|viewer| viewer["kind"] == kind);
        viewers.map(|viewer| viewer["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(status, 0);
    assert_eq!(names("role"), ["ROLE_ADMIN", "ROLE_ANONYMOUS", "ROLE_FRANCE", "ROLE_USER"]);
    assert_eq!(names("user"), ["french-user", "global-user", "prometheus", "technical-user"]);
}

#[tokio::test]
async fn who_sees_a_city_names_those_of_whom_only_a_claim_says_so() {
    let run = RunDirectory::new().unwrap();
    let directory = up::copy_example(&run, "retail").unwrap();
    let (line, by_claim) = ("column: City, equals: Paris", "column: City, inClaim: [shops]");
    up::edit(&directory.join("restrictions.yaml"), line, by_claim).unwrap();
    let question = ["who-sees", shown(&directory), "Sales", "City", "Paris"];
    let (status, text) = cubegate(&question).await;
    assert_eq!(status, 0, "{text}");
    assert!(text.ends_with("\nholders of ROLE_PARIS, as far as their claim `shops` says so\n"), "{text}");
    let (_, answer) = json(&question).await;
    assert_eq!(answer["byClaim"], json!([{"kind": "role", "name": "ROLE_PARIS", "claims": [["shops"]]}]));
}

#[tokio::test]
async fn a_member_level_or_cube_that_does_not_exist_is_an_error_that_names_the_nearest() {
    for (cube, level, member, hint) in [
        ("Sales", "City", "Pari", "`Paris`"),
        ("Sales", "Citty", "Paris", "\"City\""),
        ("Sale", "City", "Paris", "`Sales`"),
    ] {
        let (status, text) = cubegate(&["who-sees", &retail(), cube, level, member]).await;
        assert_eq!(status, 2);
        assert!(text.contains(hint), "{hint} is not in {text}");
    }
}

#[tokio::test]
async fn a_difference_names_who_gains_and_loses_what() {
    let run = RunDirectory::new().unwrap();
    let changed = up::copy_example(&run, "retail").unwrap();
    assert_eq!(cubegate(&["diff", &retail(), shown(&changed)]).await, (0, String::new()));
    up::edit(&changed.join("restrictions.yaml"), "column: City, equals: Paris", "column: City, equals: Lyon").unwrap();
    let (status, differences) = json(&["diff", &retail(), shown(&changed)]).await;
    assert_eq!(status, 1);
    let names: Vec<&str> =
        differences.as_array().unwrap().iter().map(|change| change["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["ROLE_PARIS", "parisian-user"]);
    let cities = json!({"kind": "member", "cube": "Sales", "level": "City/City"});
    let things = differences[1]["things"].as_array().unwrap();
    let city = things.iter().find(|things| things["of"] == cities).unwrap();
    assert_eq!((&city["gained"], &city["lost"]), (&json!(["Lyon"]), &json!(["Paris"])));
    let (_, text) = cubegate(&["diff", &retail(), shown(&changed)]).await;
    assert!(
        text.contains("retail: user parisian-user\n") && text.contains("gains member of City/City in cube Sales: Lyon"),
        "{text}"
    );
}

#[tokio::test]
async fn a_user_who_is_refused_from_now_on_loses_the_cube() {
    let run = RunDirectory::new().unwrap();
    let changed = up::copy_example(&run, "retail").unwrap();
    up::edit(&changed.join("roles.yaml"), "  restrictions: [paris-only]", "  restrictions: [pari-only]").unwrap();
    let (status, text) = cubegate(&["diff", &retail(), shown(&changed)]).await;
    assert_eq!(status, 1);
    assert!(text.contains("loses cube: Sales") && text.contains("did you mean `paris-only`"), "{text}");
}

#[tokio::test]
async fn what_is_valid_but_hardly_meant_is_a_warning_with_its_place() {
    let run = RunDirectory::new().unwrap();
    let directory = up::copy_example(&run, "retail").unwrap();
    assert_eq!(cubegate(&["check", shown(&directory)]).await, (0, "0 errors, 0 warnings\n".to_owned()));
    let more = "apiVersion: cubegate.dev/v1alpha1
kind: Role
metadata: {name: lost}
spec: {sessionRef: {name: retail}, mappedFrom: [lost]}
---
apiVersion: cubegate.dev/v1alpha1
kind: Restriction
metadata: {name: alone}
spec: {sessionRef: {name: retail}, where: [{table: Shops, column: City, equals: Paris}]}
";
    std::fs::write(directory.join("more.yaml"), more).unwrap();
    up::edit(&directory.join("restrictions.yaml"), "equals: Paris", "in: [Paris, Pariss, Lion]").unwrap();
    let (status, report) = cubegate(&["check", shown(&directory)]).await;
    assert_eq!(status, 0, "{report}");
    for said in [
        "more.yaml:4:7: warning: Role/lost: nobody can hold the role `lost`",
        "more.yaml:8:18: warning: Restriction/alone: no Role names this Restriction",
        "restrictions.yaml:17:5: warning: Restriction/paris-only: no row has any of 2 values of Shops/City, from `Lion` to `Pariss`",
        "0 errors, 3 warnings",
    ] {
        assert!(report.contains(said), "{said} is not in\n{report}");
    }
}

#[tokio::test]
async fn a_role_that_has_lapsed_is_a_warning_and_is_explained_with_the_field_that_says_so() {
    let run = RunDirectory::new().unwrap();
    let directory = up::copy_example(&run, "retail").unwrap();
    let role = "  roleName: ROLE_PARIS\n";
    let window = "  notBefore: 2020-01-01T00:00:00+01:00\n  notAfter: 2021-01-01T00:00:00Z\n";
    up::edit(&directory.join("roles.yaml"), role, &format!("{role}{window}")).unwrap();
    let (status, report) = cubegate(&["check", shown(&directory)]).await;
    let warning = "roles.yaml:29:13: warning: Role/paris: the role `ROLE_PARIS` has lapsed at 2021-01-01T00:00:00Z";
    assert!(status == 0 && report.contains(warning), "{report}");
    let (_, text) = cubegate(&["explain", shown(&directory), "parisian-user"]).await;
    for said in ["LAPSED: not valid since 2021-01-01T00:00:00Z: Role/paris spec.notAfter (", "sees 0 of 5850 facts"] {
        assert!(text.contains(said), "{said:?} is not in\n{text}");
    }
}

#[tokio::test]
async fn two_roles_that_show_together_what_neither_shows_alone_are_a_warning() {
    let run = RunDirectory::new().unwrap();
    let directory = up::copy_example(&run, "restrictions").unwrap();
    std::fs::write(directory.join("more.yaml"), WIDENING).unwrap();
    let (status, report) = cubegate(&["check", shown(&directory)]).await;
    assert_eq!(status, 0, "{report}");
    let said = "warning: Role/asia-eur: `asia-eur` and `europe-krw` together show 3 facts of cube `Countries` that neither shows alone";
    assert!(report.contains(said), "{report}");
}

/// Each role shows nothing by itself, for there is no Asian country that pays in euros; together they show Korea, France and
/// Germany, because restrictions of one hierarchy unite.
const WIDENING: &str = "apiVersion: cubegate.dev/v1alpha1
kind: Role
metadata: {name: asia-eur}
spec: {sessionRef: {name: world}, users: [widened], restrictions: [asia-eur]}
---
apiVersion: cubegate.dev/v1alpha1
kind: Role
metadata: {name: europe-krw}
spec: {sessionRef: {name: world}, users: [widened], restrictions: [europe-krw]}
---
apiVersion: cubegate.dev/v1alpha1
kind: Restriction
metadata: {name: asia-eur}
spec:
  sessionRef: {name: world}
  where: [{table: Countries, column: Continent, equals: Asia}, {table: Countries, column: Currency, equals: EUR}]
---
apiVersion: cubegate.dev/v1alpha1
kind: Restriction
metadata: {name: europe-krw}
spec:
  sessionRef: {name: world}
  where: [{table: Countries, column: Continent, equals: Europe}, {table: Countries, column: Currency, equals: KRW}]
---
apiVersion: cubegate.dev/v1alpha1
kind: TechnicalUser
metadata: {name: widened}
spec: {sessionRef: {name: world}, passwordSecretRef: {name: widened, key: password}, roles: [ROLE_USER]}
---
apiVersion: v1
kind: Secret
metadata: {name: widened}
stringData: {password: secret}
";

#[tokio::test]
async fn a_directory_that_cannot_be_read_is_not_a_difference() {
    assert_eq!(cubegate(&["diff", &retail(), "/nowhere"]).await.0, 2);
    assert_eq!(cubegate(&["explain", &retail()]).await.0, 2);
}

/// The retail example with an administrator, served.
async fn with_administrator(run: &RunDirectory) -> (Up, String) {
    let directory = up::copy_example(run, "retail").unwrap();
    let secret = "passwordSecretRef: {name: retail-passwords, key: technical-user}\n  roles: ";
    let (user, admin) = (format!("{secret}[ROLE_USER]"), format!("{secret}[ROLE_ADMIN]"));
    up::edit(&directory.join("users.yaml"), &user, &admin).unwrap();
    let up = Up::start(run, &directory, ANY_PORT).await.unwrap();
    (up, shown(&directory).to_owned())
}

#[tokio::test]
async fn a_running_session_tells_its_administrators_what_the_command_line_tells() {
    let run = RunDirectory::new().unwrap();
    let (up, directory) = with_administrator(&run).await;
    let mut admin = connect(&up, "retail", "technical-user").await;
    for (path, arguments) in [
        ("explain?user=parisian-user", vec!["explain", &directory, "parisian-user"]),
        ("explain?user=outsider", vec!["explain", &directory, "outsider"]),
        ("explain?user=nobody&cube=Sales", vec!["explain", &directory, "nobody", "--cube", "Sales"]),
        ("who-sees?cube=Sales&level=City&member=Lyon", vec!["who-sees", &directory, "Sales", "City", "Lyon"]),
    ] {
        let reply = admin.get(&format!("/api/v1/access/{path}")).await.unwrap().expect(200).unwrap();
        assert_eq!(reply.json().unwrap(), json(&arguments).await.1, "{path}");
    }
}

#[tokio::test]
async fn a_question_that_is_not_understood_is_a_problem() {
    let run = RunDirectory::new().unwrap();
    let (up, _) = with_administrator(&run).await;
    let mut admin = connect(&up, "retail", "technical-user").await;
    for (path, status) in [
        ("explain", 400),
        ("explain?user=a&user=b", 400),
        ("explain?user=french-user&providerrole=paris", 400),
        ("explain?user=french-user&cube=Sale", 422),
        ("who-sees?cube=Sales&level=City", 400),
        ("who-sees?cube=Sales&level=Citty&member=Paris", 422),
    ] {
        let reply = admin.get(&format!("/api/v1/access/{path}")).await.unwrap();
        assert_eq!(reply.status.as_u16(), status, "{path}: {reply:?}");
    }
    assert_eq!(admin.post_json("/api/v1/access/explain?user=outsider", &json!({})).await.unwrap().status.as_u16(), 405);
}

#[tokio::test]
async fn to_anybody_else_there_is_nothing_to_ask() {
    let run = RunDirectory::new().unwrap();
    let (up, _) = with_administrator(&run).await;
    let mut parisian = connect(&up, "retail", "parisian-user").await;
    let nothing = parisian.get("/api/v1/access/nothing").await.unwrap().expect(404).unwrap();
    for path in ["explain", "explain?user=french-user", "who-sees?cube=Sales&level=City&member=Lyon"] {
        let reply = parisian.get(&format!("/api/v1/access/{path}")).await.unwrap();
        assert_eq!((reply.status, reply.body), (nothing.status, nothing.body.clone()), "{path}");
    }
}
