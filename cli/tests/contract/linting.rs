//! `policy lint`: what is wrong with manifests, one line each, without a cluster.

use crate::program::{Home, finish};
use serde_json::Value;
use std::process::Stdio;
use tokio::io::AsyncWriteExt as _;

/// The folder of the ready-made policies.
const READY_MADE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../policies");

/// The YAML files of a folder.
fn files(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let yaml = entries.filter(|path| path.extension().is_some_and(|it| it == "yaml"));
    let mut files: Vec<String> = yaml.map(|path| path.to_str().unwrap().to_owned()).collect();
    files.sort();
    files
}

#[tokio::test]
async fn the_ready_made_policies_and_their_examples_pass() {
    let mut paths = files(READY_MADE);
    paths.extend(files(&format!("{READY_MADE}/examples")));
    assert!(paths.len() >= 6, "{paths:?}");
    let arguments: Vec<&str> =
        ["policy", "lint"].into_iter().chain(paths.iter().map(String::as_str)).collect();
    let ran = Home::empty().run(&arguments).await;
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{ran:?}");
    let mut said = ran.err.lines();
    // What each of them may cost, which is no manifest.
    assert!(said.next().unwrap().contains("limits.yaml holds no ApiFleet"), "{}", ran.err);
    assert!(said.next().unwrap().starts_with("nothing is wrong with 5 objects"), "{}", ran.err);
}

#[tokio::test]
async fn good_fixtures_pass_and_bad_ones_are_found() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../crds/fixtures");
    for path in files(&format!("{folder}/good")) {
        let ran = Home::empty().run(&["policy", "lint", &path]).await;
        assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{ran:?}");
    }
    let bad = files(&format!("{folder}/bad"));
    assert!(bad.len() > 5, "{bad:?}");
    for path in bad {
        let ran = Home::empty().run(&["policy", "lint", &path]).await;
        assert_eq!(ran.code, 3, "{path}: {ran:?}");
        assert!(ran.out.lines().all(|line| line.starts_with(&path)), "{}", ran.out);
    }
}

#[tokio::test]
async fn findings_are_data_with_an_exit_code_of_their_own() {
    let home = Home::empty();
    let steady = std::fs::read_to_string(format!("{READY_MADE}/steady.yaml")).unwrap();
    let bad = steady
        .replace("windowSeconds: 60", "windowSecond: 60")
        .replace("targetPerReplica: 50", "targetPerReplica: 0");
    std::fs::write(home.path().join("bad.yaml"), bad).unwrap();
    let path = home.path().join("bad.yaml");
    let lint = ["policy", "lint", path.to_str().unwrap()];
    let ran = home.run(&lint).await;
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.err.contains("2 findings in 1 object in 1 file"), "{}", ran.err);
    insta::assert_snapshot!("policy_lint", ran.out.replace(path.to_str().unwrap(), "bad.yaml"));
    let ran = home.run(&[&lint[..], &["-o", "json"]].concat()).await;
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((ran.code, &document["kind"]), (3, &"PolicyLint".into()));
    assert_eq!(document["findings"][0]["object"], "ScalingPolicy shop/steady");
}

#[tokio::test]
async fn standard_input_is_a_file() {
    let home = Home::empty();
    let steady = std::fs::read(format!("{READY_MADE}/steady.yaml")).unwrap();
    let mut command = home.command(&["policy", "lint", "-"]);
    command.stdin(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(&steady).await.unwrap();
    assert!(child.wait_with_output().await.unwrap().status.success());
    let ran = finish(home.command(&["policy", "lint", "-", "-"])).await;
    assert_eq!((ran.code, ran.err.lines().count()), (2, 1), "{ran:?}");
}

#[tokio::test]
async fn what_cannot_be_checked_says_why() {
    let home = Home::empty();
    std::fs::write(home.path().join("empty.yaml"), "").unwrap();
    std::fs::write(home.path().join("bad.yaml"), "a: [").unwrap();
    let path = |name: &str| home.path().join(name).to_str().unwrap().to_owned();
    for (file, code, words) in [
        ("/nowhere.yaml".to_owned(), 1, "No such file"),
        (path("empty.yaml"), 1, "there is nothing to check"),
        (path("bad.yaml"), 3, "1 finding"),
    ] {
        let ran = home.run(&["policy", "lint", &file]).await;
        assert_eq!(ran.code, code, "{ran:?}");
        assert!(ran.err.contains(words), "{words}: {}", ran.err);
    }
    for arguments in [
        &["policy"][..],
        &["policy", "lint"],
        &["policy", "lint", "a", "-o", "name"],
        &["policy", "dance"],
    ] {
        let ran = home.run(arguments).await;
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{arguments:?}: {ran:?}");
    }
}
