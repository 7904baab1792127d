//! The READMEs of the examples do what they say.

use std::fs;

use cubegate_tests::{process::RunDirectory, readme, tools, up};

/// Runs one example. Its README may edit the copy.
async fn follow(example: &str) {
    let run = RunDirectory::new().unwrap();
    up::copy_examples(&run).unwrap();
    let readme = run.path().join("examples").join(example).join("README.md");
    if let Err(error) = readme::run(&run, &readme, run.path()).await {
        panic!("examples/{example}/README.md: {error:#}");
    }
}

macro_rules! examples {
    ($($name:ident: $directory:literal),* $(,)?) => {
        $(
            #[tokio::test]
            async fn $name() {
                follow($directory).await;
            }
        )*

        #[test]
        fn every_example_has_a_readme_that_is_tested() {
            let entries = fs::read_dir(tools::repository().join("examples")).unwrap();
            let mut found: Vec<String> =
                entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            found.sort();
            assert_eq!(found, [$($directory),*]);
        }
    };
}

examples! {
    cubes: "cubes",
    entitlements: "entitlements",
    restrictions: "restrictions",
    retail: "retail",
    secure_a_session: "secure-a-session",
    ten_thousand_shops: "ten-thousand-shops",
}
