//! Reads what is not ours: kinds of Kubernetes and of other autoscalers, within the same deadlines and with the same
//! problems as all else. Nothing here writes; a review of access is a question that is put as an object.
//!
//! Part of [`Cluster`]; called by [`crate::check`] and [`crate::import`].

use super::{Cluster, MOST_PAGES, PAGE, Problem, Resource};
use jiff::Timestamp;
use kube::Client;
use kube::api::{Api, ListParams};
use kube::client::Body;
use kube::core::Status;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::future::Future;

/// What an API server says of itself.
#[derive(Debug, Clone)]
pub(crate) struct Greeting {
    /// As in `v1.37.2`.
    pub(crate) version: String,
    /// Its clock, to the second; `None` where it does not say.
    pub(crate) clock: Option<Timestamp>,
    /// This machine's clock before and after.
    pub(crate) asked: (Timestamp, Timestamp),
}

/// The part of its version that is shown.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    git_version: String,
}

impl Cluster {
    /// The client, for calls that go through [`Self::ask`].
    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    /// Makes one call about something that is not ours.
    pub(crate) async fn ask<T>(
        &self,
        verb: &'static str,
        resource: &'static str,
        namespace: Option<&str>,
        call: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, Problem> {
        self.call(&self.asked(verb, Resource::Foreign(resource), namespace), call).await
    }

    /// Reads a list page by page; only what `keep` makes of each object is kept.
    pub(crate) async fn every<K, T>(
        &self,
        resource: &'static str,
        namespace: Option<&str>,
        (api, params): (&Api<K>, ListParams),
        keep: impl Fn(K) -> Option<T>,
    ) -> Result<Vec<T>, Problem>
    where
        K: Clone + DeserializeOwned + Debug,
    {
        let mut kept = Vec::new();
        let mut params = params.limit(PAGE);
        for _ in 0..MOST_PAGES {
            let page = self.ask("list", resource, namespace, api.list(&params)).await?;
            kept.extend(page.items.into_iter().filter_map(&keep));
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params = params.continue_token(&token),
                None => return Ok(kept),
            }
        }
        let resource = Resource::Foreign(resource);
        Err(Problem::TooMany { resource, most: MOST_PAGES * PAGE as usize })
    }

    /// Asks for the server's version, and for the time while it is at it.
    pub(crate) async fn greet(&self) -> Result<Greeting, Problem> {
        self.ask("get", "/version", None, greeting(&self.client)).await
    }
}

async fn greeting(client: &Client) -> kube::Result<Greeting> {
    let before = Timestamp::now();
    let request = http::Request::get("/version").body(Body::empty());
    let answer = client.send(request.map_err(kube::Error::HttpError)?).await?;
    let after = Timestamp::now();
    let date = answer.headers().get(http::header::DATE);
    let clock = date.and_then(|date| date.to_str().ok()).and_then(instant);
    let code = answer.status();
    let body = answer.into_body().collect_bytes().await?;
    if !code.is_success() {
        let said = serde_json::from_slice::<Status>(&body);
        let status = said.unwrap_or_else(|_| Status::failure("it does not say its version", ""));
        return Err(kube::Error::Api(status.with_code(code.as_u16()).boxed()));
    }
    let version: Version = serde_json::from_slice(&body).map_err(kube::Error::SerdeError)?;
    Ok(Greeting { version: version.git_version, clock, asked: (before, after) })
}

/// The instant of a Date header.
fn instant(date: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::parse(date).ok().map(|date| date.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_header_is_an_instant() {
        let at = instant("Tue, 08 Dec 2026 07:00:30 GMT").unwrap();
        assert_eq!(at.to_string(), "2026-12-08T07:00:30Z");
        assert_eq!(instant("yesterday"), None);
    }
}
