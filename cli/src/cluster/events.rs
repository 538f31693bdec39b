//! Reads what was said about one fleet: its events, which the API server keeps for an hour or as it is told.
//!
//! Part of [`Cluster`]; what is read is made sense of by [`crate::history`].

use super::{Cluster, Problem, Resource};
use crate::names::FleetName;
use k8s_openapi::api::events::v1::Event;
use kube::api::ListParams;
use kube::core::DeserializeGuard;

/// So many events of one fleet are read.
const MOST: u32 = 500;

impl Cluster {
    /// The events of a fleet, in no order; at most five hundred. What is not understood is left out.
    pub async fn events(&self, namespace: &str, fleet: &FleetName) -> Result<Vec<Event>, Problem> {
        let asked = self.asked("list", Resource::Events, Some(namespace));
        let of_fleet = format!("regarding.kind=ApiFleet,regarding.name={fleet}");
        let params = ListParams::default().fields(&of_fleet).limit(MOST);
        let page = self.call(&asked, self.api::<Event>(Some(namespace)).list(&params)).await?;
        Ok(page.items.into_iter().filter_map(|DeserializeGuard(read)| read.ok()).collect())
    }
}
