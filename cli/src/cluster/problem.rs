//! Why the cluster did not give what was asked of it: one line each, with what is, and what to do next.

use crate::near;
use kube::Error;
use std::fmt;
use std::time::Duration;

/// Servers and proxies may put whole pages into their messages.
const LONGEST: usize = 300;
/// What to do comes last in the message of a rule, behind the names of the rule and its binding.
const LONGEST_RULE: usize = 900;

/// Why the cluster did not give what was asked of it.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// There is no kubeconfig.
    #[error(
        "no kubeconfig: {looked} does not exist, and this is no pod of a cluster; name one with --kubeconfig or \
         $KUBECONFIG"
    )]
    NoKubeconfig {
        /// Where it was looked for.
        looked: String,
    },
    /// It cannot be used.
    #[error("the kubeconfig cannot be used: {reason}; check it with: kubectl config view")]
    BadKubeconfig {
        /// Why.
        reason: String,
    },
    /// It has no such context.
    #[error(
        "the kubeconfig has no context {context:?}{}; list them with: kubectl config get-contexts",
        near::hint(.near)
    )]
    NoSuchContext {
        /// What was asked for.
        context: String,
        /// What may have been meant.
        near: Vec<String>,
    },
    /// It says no current context.
    #[error("the kubeconfig has no current context: choose one of {} with --context", .known.join(", "))]
    NoContext {
        /// Those that it has.
        known: Vec<String>,
    },
    /// No answer in time.
    #[error(
        "the API server {server} did not answer within {} s: is it up? ask with: kubectl cluster-info; or wait longer \
         with --request-timeout",
        .limit.as_secs_f64()
    )]
    Silent {
        /// Its address.
        server: String,
        /// How long it was waited for.
        limit: Duration,
    },
    /// No connection.
    #[error("cannot reach the API server {server}: {reason}; ask with: kubectl cluster-info")]
    Unreachable {
        /// Its address.
        server: String,
        /// Why.
        reason: String,
    },
    /// The credentials are not accepted, or cannot be had.
    #[error(
        "the API server {server} does not accept the kubeconfig's credentials: {reason}; log in again"
    )]
    NotLoggedIn {
        /// Its address.
        server: String,
        /// Why.
        reason: String,
    },
    /// A permission is missing.
    #[error(
        "no permission to {verb} {resource} {}: ask for {}{}; check with: kubectl auth can-i {verb} {resource} {}",
        place(.namespace.as_deref()),
        .resource.role(),
        narrower(*.resource, .namespace.as_deref()),
        flag(.namespace.as_deref())
    )]
    Forbidden {
        /// The verb that is missing.
        verb: &'static str,
        /// On what.
        resource: Resource,
        /// Where it is missing; `None` for the whole cluster.
        namespace: Option<String>,
    },
    /// The cluster does not know fleets.
    #[error(
        "the cluster at {server} does not serve {resource}: install ApiFleet with: helm install apifleet \
         charts/apifleet -n apifleet-system --create-namespace --set operator.prometheusUrl=URL; or choose another \
         cluster with --context"
    )]
    NotInstalled {
        /// Its address.
        server: String,
        /// What it does not serve.
        resource: Resource,
    },
    /// There is no such fleet.
    #[error("no fleet {name:?} in namespace {namespace:?}{}", elsewhere(.near, .namespace, *.none_at_all))]
    NoSuchFleet {
        /// What was asked for.
        name: String,
        /// Where.
        namespace: String,
        /// What may have been meant.
        near: Vec<String>,
        /// Whether the namespace has no fleet at all.
        none_at_all: bool,
    },
    /// A fleet, or its policy, holds something that this program does not know.
    #[error("{what} is not understood: {reason}; a newer apifleet may understand it")]
    NotUnderstood {
        /// Which.
        what: String,
        /// Why.
        reason: String,
    },
    /// What was to be written breaks a rule.
    #[error("the API server refuses it: {message}")]
    Denied {
        /// Which rule, and what to do, in the words of the rule.
        message: String,
    },
    /// Somebody wrote it meanwhile.
    #[error(
        "nothing was written, for somebody else wrote meanwhile: {message}; repeat the command to see how it is now"
    )]
    Overtaken {
        /// What is different.
        message: String,
    },
    /// More fleets than any cluster has.
    #[error("the list of {resource} did not end after {most}: name a namespace with -n")]
    TooMany {
        /// Of what.
        resource: Resource,
        /// So many were read.
        most: usize,
    },
    /// The API server refused, or its answer makes no sense.
    #[error("the API server {server} failed: {message}{}; try again", number(*.code))]
    Refused {
        /// Its address.
        server: String,
        /// The HTTP status; 0 where there was none.
        code: u16,
        /// What it said, shortened.
        message: String,
    },
}

/// What this program reads and writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// Fleets.
    Fleets,
    /// What fleets share.
    Policies,
    /// What people ordered for a while.
    Overrides,
    /// Who somebody is.
    Reviews,
    /// What was said about fleets.
    Events,
    /// Something of Kubernetes, or of another autoscaler, by its name in roles.
    Foreign(&'static str),
}

/// What was asked of the API server.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    verb: &'static str,
    resource: Resource,
    namespace: Option<String>,
    pub(super) server: String,
}

// === impl Resource ===

impl Resource {
    /// Who may read it, in words.
    fn role(self) -> &'static str {
        match self {
            Self::Fleets | Self::Policies | Self::Overrides | Self::Reviews | Self::Events => {
                "the ClusterRole apifleet-oncall"
            }
            Self::Foreign(_) => "a role that may",
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fleets => "apifleets.apifleet.dev",
            Self::Policies => "scalingpolicies.apifleet.dev",
            Self::Overrides => "fleetoverrides.apifleet.dev",
            Self::Reviews => "selfsubjectreviews.authentication.k8s.io",
            Self::Events => "events.events.k8s.io",
            Self::Foreign(name) => name,
        })
    }
}

// === impl Asked ===

impl Asked {
    pub(super) fn new(
        verb: &'static str,
        resource: Resource,
        namespace: Option<&str>,
        server: &str,
    ) -> Self {
        Self { verb, resource, namespace: namespace.map(str::to_owned), server: server.to_owned() }
    }

    pub(super) fn resource(&self) -> Resource {
        self.resource
    }

    fn writes(&self) -> bool {
        matches!(self.verb, "create" | "patch" | "delete")
    }
}

// === impl Problem ===

impl Problem {
    /// What a failed call means.
    pub(super) fn of(error: Error, asked: &Asked) -> Self {
        let server = asked.server.clone();
        match error {
            Error::Api(status) => Self::of_status(&status, asked),
            Error::Auth(error) => Self::NotLoggedIn { server, reason: bounded(&root(&error)) },
            Error::HyperError(error) => {
                Self::Unreachable { server, reason: bounded(&root(&error)) }
            }
            Error::Service(error) => {
                Self::Unreachable { server, reason: bounded(&root(error.as_ref())) }
            }
            Error::SerdeError(error) => Self::Refused {
                server,
                code: 0,
                message: bounded(&format!("its answer is not understood: {error}")),
            },
            other => Self::Refused { server, code: 0, message: bounded(&root(&other)) },
        }
    }

    fn of_status(status: &kube::core::Status, asked: &Asked) -> Self {
        let server = asked.server.clone();
        let named = status.details.as_ref().is_some_and(|details| !details.name.is_empty());
        match status.code {
            401 => Self::NotLoggedIn { server, reason: bounded(&status.message) },
            403 if asked.writes() && !lacks_permission(&status.message, asked.verb) => {
                Self::Denied { message: shortened(&status.message, LONGEST_RULE) }
            }
            403 => Self::Forbidden {
                verb: asked.verb,
                resource: asked.resource,
                namespace: asked.namespace.clone(),
            },
            404 if named && asked.resource == Resource::Fleets => Self::NoSuchFleet {
                name: status
                    .details
                    .as_ref()
                    .map_or_else(String::new, |details| details.name.clone()),
                namespace: asked.namespace.clone().unwrap_or_default(),
                near: Vec::new(),
                none_at_all: false,
            },
            404 if named && asked.writes() => Self::Overtaken { message: bounded(&status.message) },
            404 if matches!(asked.resource, Resource::Foreign(_)) => {
                Self::Refused { server, code: 404, message: bounded(&status.message) }
            }
            404 => Self::NotInstalled { server, resource: asked.resource },
            400 | 422 if asked.writes() => {
                Self::Denied { message: shortened(&status.message, LONGEST_RULE) }
            }
            409 if asked.writes() => Self::Overtaken { message: bounded(&status.message) },
            code => Self::Refused { server, code, message: bounded(&status.message) },
        }
    }

    /// Whether trying again is no use.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self {
            Self::Silent { .. } | Self::Unreachable { .. } | Self::Refused { .. } => false,
            Self::NoKubeconfig { .. }
            | Self::BadKubeconfig { .. }
            | Self::NoSuchContext { .. }
            | Self::NoContext { .. }
            | Self::NotLoggedIn { .. }
            | Self::Forbidden { .. }
            | Self::NotInstalled { .. }
            | Self::NoSuchFleet { .. }
            | Self::NotUnderstood { .. }
            | Self::Denied { .. }
            | Self::Overtaken { .. }
            | Self::TooMany { .. } => true,
        }
    }
}

/// The innermost cause: "connection refused" rather than "client error".
fn root(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// One line of bounded length.
fn bounded(text: &str) -> String {
    shortened(text, LONGEST)
}

fn shortened(text: &str, longest: usize) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    apifleet_crds::convert::bounded(&line, longest)
}

/// Whether a refusal says that a role is missing, rather than that a rule of admission is broken.
fn lacks_permission(message: &str, verb: &str) -> bool {
    message.contains(&format!(" cannot {verb} resource "))
}

fn place(namespace: Option<&str>) -> String {
    namespace.map_or_else(|| "in all namespaces".to_owned(), |name| format!("in namespace {name}"))
}

/// What helps whoever may look into some namespaces only.
fn narrower(resource: Resource, namespace: Option<&str>) -> &'static str {
    match (resource, namespace) {
        (Resource::Fleets | Resource::Policies | Resource::Overrides | Resource::Events, None) => {
            ", or name a namespace with -n"
        }
        (Resource::Reviews | Resource::Foreign(_), None) | (_, Some(_)) => "",
    }
}

fn flag(namespace: Option<&str>) -> String {
    namespace.map_or_else(|| "-A".to_owned(), |name| format!("-n {name}"))
}

fn number(code: u16) -> String {
    if code == 0 { String::new() } else { format!(" ({code})") }
}

fn elsewhere(near: &[String], namespace: &str, none_at_all: bool) -> String {
    if none_at_all {
        return ", nor any other; list those of all namespaces with: kubectl get apifleets -A"
            .to_owned();
    }
    if near.is_empty() {
        return format!("; list them with: kubectl get apifleets -n {namespace}");
    }
    near::hint(near)
}

#[cfg(test)]
mod tests;
