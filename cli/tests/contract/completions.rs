//! What kubectl is told while somebody types, and manual pages.

use crate::program::{Home, Ran, finish};
use crate::server::{knowing, refusing};
use std::time::Duration;

/// Under the name by which kubectl finds it.
async fn completed(home: &Home, words: &[&str]) -> Ran {
    let program = home.path().join("kubectl_complete-apifleet");
    if !program.exists() {
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_apifleet"), &program).unwrap();
    }
    finish(home.command_as(&program, words)).await
}

#[tokio::test]
async fn fleets_of_the_cluster_complete_where_one_is_named() {
    let server = knowing(&["peak", "stalled"]).await;
    let home = Home::of(&server.uri());
    for (words, expected) in [
        (&["status", ""][..], "cart-api\nshop-api\n:4\n"),
        (&["explain", "sho"], "shop-api\n:4\n"),
        (&["check", "--fleet", "c"], "cart-api\n:4\n"),
        (&["status", "-n", "elsewhere", ""], ":4\n"),
        (&["status", "-n", "../", ""], ":4\n"),
    ] {
        let ran = completed(&home, words).await;
        let mut lines: Vec<&str> = ran.out.lines().collect();
        let directive = lines.pop().unwrap_or_default();
        lines.sort_unstable();
        lines.push(directive);
        assert_eq!(lines.join("\n") + "\n", expected, "{words:?}: {ran:?}");
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{words:?}");
    }
    let plugin = home.run(&["__complete", "status", "sho"]).await;
    assert_eq!((plugin.code, plugin.out.as_str()), (0, "shop-api\n:4\n"));
}

#[tokio::test]
async fn a_completion_never_says_what_went_wrong_and_never_waits() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let refuses = refusing(403).await;
    let homes = [
        Home::empty(),
        Home::of("http://127.0.0.1:1"),
        Home::of(&refuses.uri()),
        Home::of(&format!("http://{}", silent.local_addr().unwrap())),
    ];
    for home in &homes {
        let ran = completed(home, &["status", ""]).await;
        assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, ":4\n", ""));
        assert!(ran.took < Duration::from_secs(5), "{:?}", ran.took);
    }
}

#[tokio::test]
async fn verbs_and_flags_complete_without_a_cluster() {
    let home = Home::empty();
    let verbs = completed(&home, &[""]).await.out;
    for verb in ["status\t", "explain\t", "check\t", "import\t", "override\t", "completion\t"] {
        assert!(verbs.contains(verb), "{verbs}");
    }
    assert!(!verbs.contains("__complete"), "{verbs}");
    assert_eq!(completed(&home, &["import", "a", "--from", "scaled"]).await.out.lines().count(), 2);
    assert_eq!(
        completed(&home, &["simulate", "-f", ""]).await.out,
        ":0\n",
        "files are the shell's"
    );
}

#[tokio::test]
async fn manual_pages_are_those_of_the_help() {
    let home = Home::empty();
    let page = home.run(&["man", "check"]).await;
    assert_eq!((page.code, page.err.as_str()), (0, ""), "{page:?}");
    assert!(page.out.contains(".TH") && page.out.contains("apifleet\\-check"), "{}", page.out);
    let folder = home.path().join("pages/man1");
    let all = home.run(&["man", "--dir", folder.to_str().unwrap()]).await;
    assert_eq!((all.code, all.out.as_str(), all.err.as_str()), (0, "", ""), "{all:?}");
    for name in ["apifleet.1", "apifleet-status.1", "apifleet-policy-lint.1"] {
        assert!(folder.join(name).is_file(), "{name}");
    }
    let unknown = home.run(&["man", "statsu"]).await;
    assert_eq!((unknown.code, unknown.err.lines().count()), (2, 1), "{unknown:?}");
    assert!(unknown.err.contains("did you mean status?"), "{}", unknown.err);
    std::fs::write(home.path().join("file"), "").unwrap();
    let file = home.path().join("file");
    let unwritable = home.run(&["man", "--dir", file.to_str().unwrap()]).await;
    assert_eq!((unwritable.code, unwritable.err.lines().count()), (1, 1), "{unwritable:?}");
    assert_eq!(home.run(&["man", "status", "--dir", "x"]).await.code, 2);
}
