//! What needs no cluster: help, the version, completion, calendars of manifests, and what is refused.

use crate::program::{Home, finish};
use tokio::io::AsyncWriteExt as _;

const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/contract/fixtures/peak.yaml");

#[tokio::test]
async fn help_teaches_and_is_no_error() {
    let home = Home::empty();
    for verb in [
        "status",
        "explain",
        "override",
        "hold",
        "resume",
        "calendar",
        "simulate",
        "policy",
        "plan",
        "history",
        "completion",
    ] {
        let ran = home.run(&[verb, "--help"]).await;
        assert_eq!((ran.code, ran.err.as_str()), (0, ""));
        assert!(
            ran.out.contains(&format!("  apifleet {verb} ")) || verb == "completion",
            "{}",
            ran.out
        );
    }
    let ran = home.run(&["--help"]).await;
    assert!(ran.out.contains("Exit codes:"), "{}", ran.out);
}

#[tokio::test]
async fn as_a_plugin_it_calls_itself_what_people_type() {
    let home = Home::empty();
    let plugin = home.path().join("kubectl-apifleet");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_apifleet"), &plugin).unwrap();
    let ran = finish(home.command_as(&plugin, &["status", "--help"])).await;
    assert_eq!(ran.code, 0);
    assert!(ran.out.contains("Usage: kubectl apifleet status"), "{}", ran.out);
}

#[tokio::test]
async fn wrong_usage_has_its_own_exit_code() {
    let home = Home::empty();
    for arguments in [
        &[][..],
        &["dance"],
        &["status", "--wait=ready"],
        &["status", "shop-api", "-A"],
        &["explain", "a", "-o", "xml"],
        &["calendar", "a", "--next", "soon"],
        &["explain", "a", "--what-if", "rps"],
    ] {
        let ran = home.run(arguments).await;
        assert_eq!(ran.code, 2, "{arguments:?}: {ran:?}");
        assert!(!ran.err.is_empty() && ran.out.is_empty(), "{arguments:?}: {ran:?}");
    }
}

#[tokio::test]
async fn completion_and_version_need_nothing() {
    let home = Home::empty();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ran = home.run(&["completion", shell]).await;
        assert_eq!(ran.code, 0);
        assert!(ran.out.contains("why-not"), "{shell}");
    }
    assert_eq!(
        home.run(&["version"]).await.out,
        format!("apifleet {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[tokio::test]
async fn a_manifest_has_a_calendar_without_a_cluster() {
    let home = Home::empty();
    let ran = home.run(&["calendar", "-f", MANIFEST, "--next", "366d"]).await;
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    assert!(ran.out.starts_with("shop/shop-api"), "{}", ran.out);
    let mut command = home.command(&["calendar", "-f", "-", "shop-api", "--next", "1d"]);
    command.stdin(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let manifest = std::fs::read(MANIFEST).unwrap();
    child.stdin.take().unwrap().write_all(&manifest).await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[tokio::test]
async fn a_file_that_cannot_be_used_says_why() {
    let home = Home::empty();
    let file = |name: &str, text: &str| {
        let path = home.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let manifest = std::fs::read_to_string(MANIFEST).unwrap();
    let cases = [
        (vec!["/nowhere.yaml".to_owned()], "No such file"),
        (vec![file("empty.yaml", "")], "holds no ApiFleet"),
        (vec![file("bad.yaml", "a: [")], "is no YAML"),
        (
            vec![file("zone.yaml", &manifest.replace("Europe/Paris", "Europe/Pariss"))],
            "Europe/Pariss",
        ),
        (vec![MANIFEST.to_owned(), "shop-apy".to_owned()], "did you mean shop-api?"),
    ];
    for (arguments, words) in cases {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let ran = home.run(&[&["calendar", "-f"], arguments.as_slice()].concat()).await;
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{ran:?}");
        assert!(ran.err.contains(words), "{words}: {}", ran.err);
    }
}
