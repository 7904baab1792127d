//! Names and passwords.

use cubegate_tests::wire;

use crate::{
    door::Door,
    policies::{self, PASSWORD, basic},
};

#[tokio::test]
async fn two_identities_in_one_request_are_none() {
    let door = Door::with(policies::closed()).await.unwrap();
    let (analyst, admin) = (basic("analyst", PASSWORD), basic("admin", PASSWORD));
    for headers in [
        format!("{analyst}{admin}"),
        format!("{admin}{analyst}"),
        format!("{analyst}{analyst}"),
        format!("{}, {}", analyst.trim_end(), admin.trim_start_matches("Authorization: ")),
        format!("{analyst}Authorization: \r\n"),
        format!("Authorization:\r\n{admin}"),
    ] {
        assert_eq!(door.get("/whoami", &headers).await.status, 401, "{headers}");
    }
    // Under a name that is not this header's, credentials are none of ours.
    let answer = door.get("/whoami", &format!("{analyst}X-{admin}")).await;
    assert!(answer.text().contains("analyst"), "{}", answer.text());
    assert_eq!(door.recorder.count(), 0);
}

#[tokio::test]
async fn names_and_passwords_that_run_together_are_told_apart() {
    let door = Door::with(policies::closed()).await.unwrap();
    let name = async |user: &str, password: &str| {
        let answer = door.get("/whoami", &basic(user, password)).await;
        (answer.status == 200)
            .then(|| serde_json::from_slice::<serde_json::Value>(&answer.body).unwrap()["name"].clone())
    };
    // Twice: what is remembered is found by the same key as what is verified.
    for _ in 0..2 {
        assert_eq!(name("a", "bc").await.unwrap(), "a");
        assert_eq!(name("ab", "c").await.unwrap(), "ab");
        assert_eq!(name("a", "c").await, None);
        assert_eq!(name("ab", "bc").await, None);
        assert_eq!(name("abc", "").await, None);
    }
}

#[tokio::test]
async fn a_name_in_another_spelling_is_somebody_else() {
    let door = Door::with(policies::closed()).await.unwrap();
    assert_eq!(door.get("/whoami", &basic("admin", PASSWORD)).await.status, 200);
    for name in [
        "Admin",
        "ADMIN",
        " admin",
        "admin ",
        "admin.",
        "ad\u{ad}min",
        "admi\u{301}n",
        "\u{430}dmin",
        "\u{ff41}dmin",
        "admin%00",
        "./admin",
        "admin@retail",
        "retail\\admin",
    ] {
        assert_eq!(door.get("/whoami", &basic(name, PASSWORD)).await.status, 401, "{name}");
    }
}

#[tokio::test]
async fn there_is_no_other_path_on_which_guessing_is_not_slowed_down() {
    let door = Door::with(policies::closed()).await.unwrap();
    let mut last = 0;
    for (guess, path) in
        (0..).zip(["/whoami", "/api", "/metrics", "/atoti/pyapi/whoami", "/api/v1/access/explain", "/", "/x", "/y"])
    {
        last = door.get(path, &basic("analyst", &format!("guess {guess}"))).await.status;
    }
    assert_eq!(last, 429);
    for spelling in ["Authorization: bAsIc ", "authorization: Basic   "] {
        let line = basic("analyst", PASSWORD).replace("Authorization: Basic ", spelling);
        let answer = door.get("/whoami", &line).await;
        assert_eq!(answer.status, 429, "a password that is right after all has not been verified before: {answer:?}");
    }
    assert_eq!(door.get("/whoami", &basic("admin", PASSWORD)).await.status, 200, "others are not slowed down");
}

#[tokio::test]
async fn passwords_of_any_shape_break_no_hash() {
    let mut door = Door::with(policies::closed()).await.unwrap();
    assert_eq!(door.get("/whoami", &basic("old", PASSWORD)).await.status, 200, "bcrypt");
    let long = "x".repeat(8_000);
    let beyond_bcrypt = format!("{PASSWORD}{}", "x".repeat(80));
    for (user, password) in [
        ("old", ""),
        ("old", long.as_str()),
        ("old", &beyond_bcrypt),
        ("old", "\u{1f600}"),
        ("analyst", ""),
        ("analyst", &long),
        ("", ""),
        ("old", "a\0b"),
        ("old", "$2b$04$invalid"),
        (&long, "x"),
    ] {
        let status = door.get("/whoami", &basic(user, password)).await.status;
        assert_eq!(status, 401, "{user:.9}: {password:.20}");
    }
    for line in [
        "Basic",
        "Basic ====",
        "Basic Og==",
        "Basic /////w==",
        "Basic \u{e9}",
        "Basic YQ",
        "Basic YTpi YTpi",
        "Basic\tYTpi",
    ] {
        let answer = door.get("/whoami", &format!("Authorization: {line}\r\n")).await;
        assert_eq!(answer.status, 401, "{line}");
        assert_eq!(wire::values(&answer.headers, "www-authenticate"), [r#"Basic realm="retail", charset="UTF-8""#]);
    }
    door.is_well().await;
}
