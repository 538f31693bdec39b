//! `POST /v1/events`: takes what clients report and answers before it is stored.
//!
//! Holds no slot, since it asks the store nothing; the task that does takes one for each batch.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::body::{self, Body, Object};
use super::{Api, json};
use crate::claim::{IdempotencyKey, UserId};
use crate::events::Full;
use crate::events::event::{Event, Kind};
use crate::metrics::Route;
use crate::problem::{EventProblem, Problem};

/// Most events in one request.
pub const MAX_EVENTS: usize = 100;

/// The body.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EventsBody {
    events: Vec<Object<EventBody>>,
}

impl Body for EventsBody {
    const EXAMPLE: &'static str = r#"{"events": [{"id": "k1", "user": 7, "kind": "door_opened", "at": "2026-12-08T09:00:00Z"}]}"#;
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EventBody {
    id: String,
    user: i64,
    kind: String,
    at: Timestamp,
}

#[derive(Serialize)]
struct Accepted {
    accepted: usize,
}

/// The handler: 202, or a refusal of the whole batch.
pub async fn events(
    request: HttpRequest,
    payload: Payload,
    api: Data<Api>,
) -> Result<HttpResponse, Problem> {
    if let Err(problem) = api.check(&request, Route::Events) {
        body::discard(payload).await;
        return Err(problem);
    }
    let deadline = api.deadline(&request);
    let body: EventsBody = body::read(&request, payload, deadline)
        .await
        .inspect_err(|problem| api.note_slow_body(Route::Events, problem))?;
    let events = parse(body, api.max_user)?;
    let accepted = events.len();
    api.events.offer(events).map_err(|Full| Problem::Overloaded(Route::Events.class()))?;
    Ok(json(HttpResponse::Accepted(), &Accepted { accepted }))
}

fn parse(body: EventsBody, max_user: i64) -> Result<Vec<Event>, Problem> {
    if !(1..=MAX_EVENTS).contains(&body.events.len()) {
        return Err(Problem::Batch(MAX_EVENTS));
    }
    let events = body.events.into_iter().enumerate();
    events
        .map(|(index, Object(event))| {
            event.parse(max_user).map_err(|reason| Problem::Event { index, reason })
        })
        .collect()
}

impl EventBody {
    fn parse(self, max_user: i64) -> Result<Event, EventProblem> {
        Ok(Event {
            id: IdempotencyKey::parse(self.id.as_bytes()).ok_or(EventProblem::Id)?,
            user: UserId::from_number(self.user, max_user).ok_or(EventProblem::User)?,
            kind: Kind::parse(self.kind).ok_or(EventProblem::Kind)?,
            at: self.at,
        })
    }
}
