//! What the API server wrote down about the operator's requests: which pod asked for what, where and when, and how it ended.

use anyhow::{Context as _, Result};
use apifleet_local::stack::{SYSTEM, Stack};
use jiff::Timestamp;
use serde_json::Value;

/// The operator's service account.
const OPERATOR: &str = "apifleet-controller";

/// One request of a copy of the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// When it arrived.
    pub at: Timestamp,
    /// The pod that sent it; empty where none did.
    pub pod: String,
    /// `get`, `update`, ...
    pub verb: String,
    /// `group/resource[/subresource]`.
    pub resource: String,
    /// The namespace that it was about; empty where it was about all of them, or none.
    pub namespace: String,
    /// The code of the answer; 0 where there was none.
    pub code: u64,
}

impl Request {
    /// Whether it was done.
    #[must_use]
    pub fn is_done(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// Whether it was meant to change something.
    #[must_use]
    pub fn is_write(&self) -> bool {
        matches!(self.verb.as_str(), "create" | "update" | "patch" | "delete" | "deletecollection")
    }

    /// Whether it wrote the lease.
    #[must_use]
    pub fn is_lease_write(&self) -> bool {
        self.is_write() && self.resource == "coordination.k8s.io/leases"
    }

    /// Whether it wrote replicas.
    #[must_use]
    pub fn is_scale(&self) -> bool {
        self.is_write() && self.resource == "apps/deployments/scale"
    }
}

/// The requests of the cluster's operator since then, oldest first. Discovery asks for no resource and is left out.
pub fn requests_since(stack: &Stack, since: Timestamp) -> Result<Vec<Request>> {
    requests_of(stack, SYSTEM, since)
}

/// The same of the operator that is installed in this namespace.
pub fn requests_of(stack: &Stack, installed: &str, since: Timestamp) -> Result<Vec<Request>> {
    let user = format!("system:serviceaccount:{installed}:{OPERATOR}");
    let file = stack.cluster().audit_log();
    let log = std::fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
    let mut requests = Vec::new();
    // Its last line may be being written.
    for line in log.lines().filter(|line| line.ends_with('}')) {
        let event: Value = serde_json::from_str(line).context("an audit event is JSON")?;
        requests.extend(read(&event, &user)?.filter(|request| request.at >= since));
    }
    requests.sort_by_key(|request| request.at);
    Ok(requests)
}

/// `None` for what is not this user's.
fn read(event: &Value, user: &str) -> Result<Option<Request>> {
    let text = |path: &str| event.pointer(path).and_then(Value::as_str).unwrap_or_default();
    if text("/user/username") != user || text("/objectRef/resource").is_empty() {
        return Ok(None);
    }
    let group = text("/objectRef/apiGroup");
    let mut resource = format!("{group}/{}", text("/objectRef/resource"));
    if let Some(part) = Some(text("/objectRef/subresource")).filter(|part| !part.is_empty()) {
        resource.push('/');
        resource.push_str(part);
    }
    let code = event.pointer("/responseStatus/code").and_then(Value::as_u64).unwrap_or_default();
    Ok(Some(Request {
        at: text("/requestReceivedTimestamp").parse().context("an audit event has a time")?,
        pod: text("/user/extra/authentication.kubernetes.io~1pod-name/0").to_owned(),
        verb: text("/verb").to_owned(),
        resource,
        namespace: text("/objectRef/namespace").to_owned(),
        code,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const USER: &str = "system:serviceaccount:apifleet-system:apifleet-controller";

    fn event(user: &str, subresource: Option<&str>) -> Value {
        json!({
            "verb": "update", "requestReceivedTimestamp": "2026-12-10T10:00:00.123456Z",
            "user": {"username": user, "extra": {"authentication.kubernetes.io/pod-name": ["pod-1"]}},
            "objectRef": {"resource": "deployments", "apiGroup": "apps", "subresource": subresource,
                "namespace": "shop"},
            "responseStatus": {"code": 409},
        })
    }

    #[test]
    fn a_request_of_the_operator_tells_its_pod_and_its_end() {
        let request = read(&event(USER, Some("scale")), USER).unwrap().unwrap();
        assert_eq!((request.pod.as_str(), request.code), ("pod-1", 409));
        assert_eq!(request.namespace, "shop");
        assert!(request.is_scale() && request.is_write() && !request.is_done());
        assert!(!request.is_lease_write());
        let whole = read(&event(USER, None), USER).unwrap().unwrap();
        assert_eq!(whole.resource, "apps/deployments");
    }

    #[test]
    fn requests_of_others_are_left_out() {
        for user in ["shop:shop-api", "tenant:apifleet-controller"] {
            let other = event(&format!("system:serviceaccount:{user}"), None);
            assert_eq!(read(&other, USER).unwrap(), None);
        }
    }
}
