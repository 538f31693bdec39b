//! What a proxy does to which requests. Pure.
//!
//! The first rule that fits a request counts; without one it is passed on as it is. Used by [`super`].

use http::{Method, Uri};

/// What is done to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Refused with 409, as if somebody had written in between.
    Conflict,
    /// Refused with 429, and to be asked again after so many seconds.
    Busy(u32),
    /// Refused with 500.
    Broken,
    /// Taken, and never answered; what is open already stands still.
    BlackHole,
    /// Done, and the answer breaks off in its middle.
    Truncated,
    /// A watch: its version is said to be gone.
    Gone,
    /// The connection is closed without an answer.
    Dropped,
    /// A list: answered as it was answered first, long ago.
    Past,
}

/// Which requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// All.
    Everything,
    /// Those that change something, but for the lease.
    Writes,
    /// Lists.
    Lists,
    /// Watches.
    Watches,
}

/// What is done to which.
pub type Rule = (On, Fault);

/// What a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It reads one object, or what is served.
    Read,
    /// It reads all of a kind.
    List,
    /// It follows a kind.
    Watch,
    /// It changes something.
    Write,
}

/// A request, as far as rules and the journal need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// What it is.
    pub kind: Kind,
    /// Its verb.
    pub verb: Method,
    /// Its path.
    pub path: String,
}

// === impl Asked ===

impl Asked {
    /// Reads it from the verb and the address.
    #[must_use]
    pub fn of(verb: &Method, uri: &Uri) -> Self {
        let query = uri.query().unwrap_or_default();
        let watches = query.split('&').any(|pair| matches!(pair, "watch=true" | "watch=1"));
        let kind = match *verb {
            Method::GET | Method::HEAD if watches => Kind::Watch,
            Method::GET | Method::HEAD if names_a_kind(uri.path()) => Kind::List,
            Method::GET | Method::HEAD => Kind::Read,
            _ => Kind::Write,
        };
        Self { kind, verb: verb.clone(), path: uri.path().to_owned() }
    }

    /// Whether it is about a lease.
    #[must_use]
    pub fn is_lease(&self) -> bool {
        self.path.contains("/leases")
    }

    /// The Deployment whose replicas it writes.
    #[must_use]
    pub fn scales(&self) -> Option<&str> {
        let of = self.path.strip_suffix("/scale").filter(|_| self.kind == Kind::Write)?;
        of.rsplit('/').next()
    }
}

/// Whether a path ends with a kind: `/api/v1/[namespaces/NAMESPACE/]KIND` or the same under `/apis/GROUP/VERSION`.
fn names_a_kind(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let (["api", _, below @ ..] | ["apis", _, _, below @ ..]) = parts.as_slice() else {
        return false;
    };
    matches!(below, [_] | ["namespaces", _, _])
}

/// What is done to a request.
#[must_use]
pub(super) fn fault(rules: &[Rule], asked: &Asked) -> Option<Fault> {
    let fits = |on: On| match on {
        On::Everything => true,
        On::Writes => asked.kind == Kind::Write && !asked.is_lease(),
        On::Lists => asked.kind == Kind::List,
        On::Watches => asked.kind == Kind::Watch,
    };
    rules.iter().find(|(on, _)| fits(*on)).map(|(_, fault)| *fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(verb: &Method, address: &str) -> Asked {
        Asked::of(verb, &address.parse().unwrap())
    }

    #[test]
    fn reads_lists_watches_and_writes_are_told_apart() {
        for (address, kind) in [
            ("/apis/apps/v1/deployments?limit=500", Kind::List),
            ("/apis/apps/v1/namespaces/shop/deployments", Kind::List),
            ("/api/v1/nodes", Kind::List),
            ("/apis/apps/v1/deployments?watch=true&resourceVersion=7", Kind::Watch),
            ("/apis/apps/v1/namespaces/shop/deployments/api", Kind::Read),
            ("/api/v1/namespaces/shop", Kind::Read),
            ("/apis/apifleet.dev/v1alpha1", Kind::Read),
            ("/version", Kind::Read),
        ] {
            assert_eq!(asked(&Method::GET, address).kind, kind, "{address}");
        }
        for verb in [Method::PUT, Method::POST, Method::PATCH, Method::DELETE] {
            assert_eq!(asked(&verb, "/apis/apps/v1/deployments").kind, Kind::Write);
        }
    }

    #[test]
    fn the_first_rule_that_fits_counts() {
        let rules = [(On::Watches, Fault::Gone), (On::Everything, Fault::Broken)];
        let watch = asked(&Method::GET, "/api/v1/pods?watch=true");
        let list = asked(&Method::GET, "/api/v1/pods");
        assert_eq!(fault(&rules, &watch), Some(Fault::Gone));
        assert_eq!(fault(&rules, &list), Some(Fault::Broken));
        assert_eq!(fault(&rules[..1], &list), None);
    }

    #[test]
    fn a_write_of_the_lease_is_no_write_of_the_fleets() {
        let lease =
            asked(&Method::PUT, "/apis/coordination.k8s.io/v1/namespaces/ops/leases/apifleet");
        assert!(lease.is_lease() && lease.scales().is_none());
        assert_eq!(fault(&[(On::Writes, Fault::Conflict)], &lease), None);
        assert!(fault(&[(On::Everything, Fault::Conflict)], &lease).is_some());
        let scale = asked(&Method::PUT, "/apis/apps/v1/namespaces/shop/deployments/api/scale");
        assert_eq!(scale.scales(), Some("api"));
        assert_eq!(fault(&[(On::Writes, Fault::Conflict)], &scale), Some(Fault::Conflict));
    }
}
