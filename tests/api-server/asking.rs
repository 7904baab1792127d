//! `cubegate explain`, `who-sees` and `diff` of a cluster say what they say of the directory that was applied to it.

use std::process::Output;

use cubegate_tests::{process::RunDirectory, tools, up};

use crate::cluster::{Cluster, NAMESPACE};

pub(crate) async fn a_cluster_is_explained_as_its_manifests_are(cluster: &Cluster<'_>, run: &RunDirectory) {
    cluster.story.step("cubegate explain, who-sees and diff, by the kubeconfig");
    let applied = tools::repository().join("examples/retail").display().to_string();
    let here = format!("cluster:{NAMESPACE}");
    let ask = async |arguments: &[&str]| cluster.control_plane.cubegate(arguments).await.unwrap();
    for question in [
        vec!["explain", "LOCATION", "parisian-user", "--output", "json"],
        vec!["who-sees", "LOCATION", "Sales", "City", "Paris", "--output", "json"],
    ] {
        let of = |location: &str| -> Vec<String> {
            question.iter().map(|word| word.replace("LOCATION", location)).collect()
        };
        let words = |words: &[String]| words.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
        let (in_cluster, in_directory) = (of(&here), of(&applied));
        let answer = ask(&in_cluster.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let expected = ask(&in_directory.iter().map(String::as_str).collect::<Vec<_>>()).await;
        assert!(answer.status.success(), "{}: {answer:?}", words(&in_cluster));
        assert!(!answer.stdout.is_empty() && answer.stdout == expected.stdout, "{}: {answer:?}", words(&in_cluster));
    }
    let unchanged = ask(&["diff", &here, &applied]).await;
    assert!(unchanged.status.success() && unchanged.stdout.is_empty(), "{unchanged:?}");
    let copy = up::copy_example(run, "retail").unwrap();
    up::edit(&copy.join("restrictions.yaml"), "equals: Paris", "equals: Lyon").unwrap();
    let edited = ask(&["diff", &here, &copy.display().to_string()]).await;
    assert_eq!(edited.status.code(), Some(1), "{edited:?}");
    assert!(said(&edited, "retail: user parisian-user") && said(&edited, "Lyon"), "{edited:?}");
    let nowhere = ask(&["explain", "cluster:nowhere", "parisian-user"]).await;
    assert_eq!(nowhere.status.code(), Some(2), "{nowhere:?}");
}

fn said(output: &Output, text: &str) -> bool {
    String::from_utf8_lossy(&output.stdout).contains(text)
}
