//! Removes `FleetOverride`s that ended seven days ago: until then they are the record of who ordered what, and why.
//!
//! A loop of its own, so that it delays no fleet; a few at a time, and only while this copy leads. Each deletion names
//! the version that was seen: an override that somebody prolongs meanwhile stays. Needs a client. Started by
//! [`crate::run`].

use crate::cluster::Cluster;
use crate::error::Class;
use crate::facts::OrderFact;
use crate::kubernetes::Kubernetes;
use crate::lease::Leadership;
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// An override is kept for so long after its end.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Between two looks.
const EVERY: Duration = Duration::from_mins(1);
/// Removed in one look at most.
const AT_ONCE: usize = 20;

/// Removes old records until the future is dropped.
pub async fn keep_removing(kubernetes: Kubernetes, leadership: Leadership, cluster: Arc<Cluster>) {
    loop {
        tokio::time::sleep(EVERY).await;
        remove_old(&kubernetes, &leadership, &cluster, Timestamp::now()).await;
    }
}

/// One look.
pub async fn remove_old(
    kubernetes: &Kubernetes,
    leadership: &Leadership,
    cluster: &Cluster,
    now: Timestamp,
) {
    let mut old = cluster.orders.filter(|order| is_old(order, now));
    old.sort_by_key(|order| order.intent.order.expires_at);
    for order in old.into_iter().take(AT_ONCE) {
        if !leadership.is_held() {
            return;
        }
        let OrderFact { key, uid, resource_version, .. } = order.as_ref();
        match kubernetes.delete_override(key, uid, resource_version).await {
            Ok(()) => {
                tracing::info!(fleet_override = %key, "removed: it ended seven days ago");
            }
            // Gone, prolonged, or another one of its name by now: the cache will tell.
            Err(error) if error.is_not_found() || error.is_conflict() => {}
            Err(error) => {
                tracing::warn!(fleet_override = %key, %error, "it is kept and removed later");
                // What is refused for one may be done with the next.
                if error.class() == Class::Transient {
                    return;
                }
            }
        }
    }
}

fn is_old(order: &OrderFact, now: Timestamp) -> bool {
    now.duration_since(order.intent.order.expires_at) >= KEPT_FOR
}
