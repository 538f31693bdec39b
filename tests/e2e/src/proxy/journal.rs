//! What passed through proxies and was done, and whether two ever wrote at once. Pure.
//!
//! Written by [`super::serve`]; judged by end-to-end tests.

use super::rules::Asked;
use serde_json::Value;
use std::time::{Duration, Instant};

/// A lease that is not renewed runs out after so long.
const LEASE: Duration = Duration::from_secs(15);

/// A write that the API server took.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Whose proxy it passed through.
    pub by: String,
    /// What was asked.
    pub asked: Asked,
    /// When it was passed on.
    pub began: Instant,
    /// When it was done.
    pub ended: Instant,
    /// What was written.
    pub body: Value,
}

impl Entry {
    /// Whether it takes, renews or hands back the lease: who holds it then; empty where nobody does.
    fn holder(&self) -> Option<&str> {
        let holder = self.body.pointer("/spec/holderIdentity").and_then(Value::as_str);
        holder.filter(|_| self.asked.is_lease())
    }

    fn is_scale(&self) -> bool {
        self.asked.scales().is_some()
    }
}

/// The writes of replicas among all that was done, and whose, in their order.
#[must_use]
pub fn scales(entries: &[Entry]) -> Vec<&Entry> {
    entries.iter().filter(|entry| entry.is_scale()).collect()
}

/// The first write of replicas that was made by whoever did not hold the lease, or held one that had run out.
#[must_use]
pub fn unfenced(entries: &[Entry]) -> Option<String> {
    let mut entries: Vec<&Entry> = entries.iter().collect();
    entries.sort_by_key(|entry| entry.ended);
    let mut lease: Option<(&str, Instant)> = None;
    for entry in entries {
        if let Some(holder) = entry.holder() {
            // Its time counts from the start of the call that renewed it.
            lease = (!holder.is_empty()).then_some((entry.by.as_str(), entry.began));
        }
        if entry.is_scale() {
            let fenced = lease.is_some_and(|(by, since)| {
                by == entry.by && entry.ended.saturating_duration_since(since) <= LEASE
            });
            if !fenced {
                return Some(format!(
                    "{} wrote {} with the lease at {lease:?}",
                    entry.by, entry.asked.path
                ));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Method;
    use serde_json::json;

    const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/ops/leases/apifleet-controller";
    const SCALE: &str = "/apis/apps/v1/namespaces/shop/deployments/api/scale";

    fn entry(start: Instant, by: &str, second: u64, path: &str, body: Value) -> Entry {
        let began = start + Duration::from_secs(second);
        let asked = Asked::of(&Method::PUT, &path.parse().unwrap());
        Entry { by: by.to_owned(), asked, began, ended: began + Duration::from_millis(5), body }
    }

    fn lease(start: Instant, by: &str, second: u64, holder: &str) -> Entry {
        entry(start, by, second, LEASES, json!({"spec": {"holderIdentity": holder}}))
    }

    fn scale(start: Instant, by: &str, second: u64) -> Entry {
        entry(start, by, second, SCALE, json!({"spec": {"replicas": 11}}))
    }

    #[test]
    fn writes_of_the_holder_are_fenced_and_all_others_are_not() {
        let start = Instant::now();
        let a = [lease(start, "a", 0, "a_1"), scale(start, "a", 1), scale(start, "a", 14)];
        assert_eq!(unfenced(&a), None);
        let late = [lease(start, "a", 0, "a_1"), scale(start, "a", 16)];
        assert!(unfenced(&late).unwrap().contains("a wrote"));
        let other = [lease(start, "a", 0, "a_1"), scale(start, "b", 1)];
        assert!(unfenced(&other).unwrap().contains("b wrote"));
        let handed_back =
            [lease(start, "a", 0, "a_1"), lease(start, "a", 1, ""), scale(start, "a", 2)];
        assert!(unfenced(&handed_back).is_some());
        assert!(unfenced(&[scale(start, "a", 0)]).is_some());
    }

    #[test]
    fn the_order_is_that_in_which_writes_were_done() {
        let start = Instant::now();
        let mixed =
            [scale(start, "b", 20), lease(start, "b", 18, "b_1"), lease(start, "a", 0, "a_1")];
        assert_eq!(unfenced(&mixed), None);
        assert_eq!(scales(&mixed).len(), 1);
    }
}
