//! How a command is tried so that nothing stays changed, and by whom: pure.

use anyhow::{Result, ensure};

/// A way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Way {
    /// It reads.
    AsItIs,
    /// It writes: with these flags it does not.
    With(&'static str),
    /// It runs until somebody stops it.
    ForAMoment,
    /// It takes minutes, starts a cluster, or would change this one: only whether its help knows it.
    Known,
    /// It is for another machine: only whether the files are there that it names.
    Elsewhere,
    /// Nobody has said how; then it is not tried at all.
    Unsaid,
}

/// Who types a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Who {
    /// Somebody who may do everything.
    Administrator,
    /// Somebody with the role for people on call, in every namespace, and no other.
    OnCall,
}

/// Pages for people on call: these, and those below that folder.
const ON_CALL: [&str; 2] = ["docs/on-call.md", "docs/runbooks/"];
/// What is in commands that read and need more than that role: another's name, a way into a pod, quotas, and the Secrets in
/// which Helm keeps its releases.
const NEED_MORE: [&str; 4] = [" --as=", "/proxy/", "describe quota", "helm history"];
/// The API server judges it and keeps nothing.
const KUBECTL: Way = Way::With("--dry-run=server");
const APIFLEET: Way = Way::With("--dry-run=server");

/// The way of a command.
pub(super) fn of(command: &str) -> Way {
    let words: Vec<&str> = command.split_whitespace().collect();
    match words.as_slice() {
        ["docker", ..] | ["cargo", "install", ..] => Way::Elsewhere,
        ["cargo", ..] => Way::Known,
        // Below the home of whoever types, which is the place's own.
        ["ln", "-s", ..] => Way::AsItIs,
        ["helm", rest @ ..] => of_helm(rest),
        ["kubectl", "apifleet", rest @ ..] | ["apifleet", rest @ ..] => of_apifleet(rest),
        ["kubectl", "-n", _, rest @ ..] | ["kubectl", rest @ ..] => of_kubectl(rest),
        _ => Way::Unsaid,
    }
}

/// Who types a command of this page.
pub(super) fn who(page: &str, command: &str) -> Who {
    let words: Vec<&str> = command.split_whitespace().collect();
    let is_theirs = match words.as_slice() {
        ["kubectl", "apifleet", ..] | ["apifleet", ..] => true,
        ["kubectl", "-n", _, rest @ ..] | ["kubectl", rest @ ..] => reads(rest),
        ["helm", rest @ ..] => of_helm(rest) == Way::AsItIs,
        _ => false,
    };
    let needs_more = NEED_MORE.iter().any(|part| command.contains(part));
    if is_theirs && !needs_more && ON_CALL.iter().any(|begin| page.starts_with(begin)) {
        Who::OnCall
    } else {
        Who::Administrator
    }
}

fn of_kubectl(words: &[&str]) -> Way {
    match words {
        ["port-forward", ..] => Way::ForAMoment,
        ["get" | "logs", rest @ ..] if is_watch(rest) => Way::ForAMoment,
        words if reads(words) => Way::AsItIs,
        // Where the editor changes nothing, edits do not either.
        ["edit", ..] | ["apply", "edit-last-applied", ..] => Way::AsItIs,
        [
            "patch" | "apply" | "delete" | "scale" | "create" | "label" | "annotate" | "taint",
            ..,
        ]
        | ["rollout", "undo", ..] => KUBECTL,
        ["rollout", "restart", ..] => Way::Known,
        _ => Way::Unsaid,
    }
}

fn reads(words: &[&str]) -> bool {
    matches!(
        words,
        ["get" | "logs" | "describe" | "explain" | "auth" | "wait" | "diff", ..]
            | ["rollout", "status" | "history", ..]
    )
}

fn of_apifleet(words: &[&str]) -> Way {
    match words {
        ["override", rest @ ..] if rest.contains(&"--list") => Way::AsItIs,
        ["override" | "hold" | "resume", ..] | ["policy", "set" | "apply", ..] => APIFLEET,
        ["status", rest @ ..] if is_watch(rest) => Way::ForAMoment,
        [
            "status" | "explain" | "calendar" | "simulate" | "plan" | "history" | "check"
            | "import" | "policy" | "completion" | "man" | "version",
            ..,
        ] => Way::AsItIs,
        _ => Way::Unsaid,
    }
}

/// Cases of their own install, upgrade and remove releases of the chart.
fn of_helm(words: &[&str]) -> Way {
    match words {
        ["install" | "upgrade" | "rollback", ..] => Way::With("--dry-run=client"),
        ["uninstall", ..] => Way::With("--dry-run"),
        ["test" | "history" | "list" | "template" | "status" | "get", ..] => Way::AsItIs,
        _ => Way::Unsaid,
    }
}

fn is_watch(words: &[&str]) -> bool {
    words.iter().any(|word| ["-w", "--watch", "-f", "--follow"].contains(word))
}

/// A command that was taken for harmless would change the fleet that all cases share.
pub(super) fn leaves_nothing_changed() -> Result<()> {
    for (command, way) in [
        ("kubectl get pods -n shop", Way::AsItIs),
        ("kubectl get pods -n shop -w", Way::ForAMoment),
        ("kubectl -n shop delete pod a", KUBECTL),
        ("kubectl rollout undo deployment/a", KUBECTL),
        ("kubectl rollout history deployment/a", Way::AsItIs),
        ("kubectl port-forward pod/a 1:1 &", Way::ForAMoment),
        ("kubectl apifleet hold a --for 10m", APIFLEET),
        ("apifleet override a --floor 12 --for 1h --reason x", APIFLEET),
        ("apifleet override --list", Way::AsItIs),
        ("apifleet policy set a targetPerReplica=45", APIFLEET),
        ("apifleet policy diff a.yaml", Way::AsItIs),
        ("apifleet explain a --why-not 25", Way::AsItIs),
        ("apifleet explain a --at 08:03", Way::AsItIs),
        ("helm upgrade a b", Way::With("--dry-run=client")),
        ("kubectl rollout restart deployment/a", Way::Known),
        ("kubectl drain a", Way::Unsaid),
        ("apifleet destroy a", Way::Unsaid),
        ("cargo xtask up", Way::Known),
        ("cargo install --path a", Way::Elsewhere),
        ("docker push a", Way::Elsewhere),
        ("ln -s a b", Way::AsItIs),
    ] {
        let found = of(command);
        ensure!(found == way, "{command}: {found:?}");
    }
    Ok(())
}

/// What an administrator tries, people on call may not be able to do.
pub(super) fn is_tried_by_those_who_read() -> Result<()> {
    for (page, command, expected) in [
        ("docs/runbooks/AtMax.md", "kubectl get pods -n shop", Who::OnCall),
        ("docs/runbooks/alerts/NoLeader.md", "apifleet check", Who::OnCall),
        ("docs/on-call.md", "kubectl -n shop rollout status deployment/a", Who::OnCall),
        ("docs/on-call.md", "kubectl apifleet hold a --for 10m", Who::OnCall),
        ("docs/on-call.md", "kubectl create rolebinding a", Who::Administrator),
        ("docs/runbooks/AtMax.md", "kubectl edit apifleet a", Who::Administrator),
        ("docs/runbooks/AtMax.md", "helm upgrade a b", Who::Administrator),
        ("docs/runbooks/AtMax.md", "helm history a", Who::Administrator),
        ("docs/runbooks/AtMax.md", "kubectl auth can-i get pods --as=a", Who::Administrator),
        ("docs/install.md", "kubectl get pods -n shop", Who::Administrator),
    ] {
        let found = who(page, command);
        ensure!(found == expected, "{page}: {command}: {found:?}");
    }
    Ok(())
}
