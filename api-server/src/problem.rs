//! Every refusal and failure that a client can see, as RFC 9457 `application/problem+json`.
//!
//! Each says what to do next and leaks nothing of the inside. Made by the routes and by the conversion
//! from store errors; never logged here.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;

use crate::claim::{MAX_KEY_LENGTH, UserIdError};
use crate::events::event::MAX_KIND_LENGTH;
use crate::metrics::Class;

/// Media type of every problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// Why a request got no success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// No such route.
    NoRoute,
    /// The route exists, with these methods only.
    Method(&'static str),
    /// The user's number is malformed or too large.
    User(UserIdError),
    /// `Idempotency-Key` is missing, repeated, too long or not visible ASCII.
    Key,
    /// The body is not sent as JSON.
    MediaType,
    /// The body exceeds this many bytes.
    TooLarge(usize),
    /// The body did not arrive in time.
    SlowBody,
    /// The body broke off or is encoded wrongly.
    BrokenBody,
    /// The body is not the JSON that is asked for.
    Json {
        /// A body that is.
        example: &'static str,
        /// What is wrong, and where.
        reason: String,
    },
    /// The body is encoded, and only plain JSON is taken.
    Encoding,
    /// There is no door with this number.
    NoDoor,
    /// The door opens on a later date.
    DoorClosed(String),
    /// The campaign has ended.
    CampaignEnded,
    /// The key belongs to another door's claim.
    KeyReused(u8),
    /// The door was claimed before, with another key.
    AlreadyClaimed(u8),
    /// A batch of events is empty or holds more than this many.
    Batch(usize),
    /// An event of a batch cannot be meant.
    Event {
        /// Which, from 0.
        index: usize,
        /// Why.
        reason: EventProblem,
    },
    /// There is too much to do for this class.
    Overloaded(Class),
    /// All connections to the store are busy, or it cannot be reached.
    StoreUnavailable,
    /// The store did not answer in time.
    StoreTimeout,
}

/// What is wrong with an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventProblem {
    /// Its id.
    Id,
    /// Its user.
    User,
    /// Its kind.
    Kind,
}

/// The body of a problem.
#[derive(Serialize)]
struct Body<'a> {
    r#type: &'a str,
    title: &'a str,
    status: u16,
    detail: &'a str,
}

impl Problem {
    /// Status and name; the name makes the `type` URI and, with spaces, the title.
    fn kind(&self) -> (StatusCode, &'static str) {
        match self {
            Self::NoRoute => (StatusCode::NOT_FOUND, "no-such-route"),
            Self::Method(_) => (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed"),
            Self::User(UserIdError::Malformed) => (StatusCode::BAD_REQUEST, "malformed-user-id"),
            Self::User(UserIdError::Unknown) => (StatusCode::NOT_FOUND, "no-such-user"),
            Self::Key => (StatusCode::BAD_REQUEST, "invalid-idempotency-key"),
            Self::MediaType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type"),
            Self::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "body-too-large"),
            Self::SlowBody => (StatusCode::REQUEST_TIMEOUT, "body-too-slow"),
            Self::BrokenBody => (StatusCode::BAD_REQUEST, "broken-body"),
            Self::Json { .. } => (StatusCode::BAD_REQUEST, "invalid-json"),
            Self::Encoding => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-encoding"),
            Self::NoDoor => (StatusCode::UNPROCESSABLE_ENTITY, "no-such-door"),
            Self::DoorClosed(_) => (StatusCode::FORBIDDEN, "door-closed"),
            Self::CampaignEnded => (StatusCode::FORBIDDEN, "campaign-ended"),
            Self::KeyReused(_) => (StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused"),
            Self::AlreadyClaimed(_) => (StatusCode::CONFLICT, "already-claimed"),
            Self::Batch(_) => (StatusCode::UNPROCESSABLE_ENTITY, "batch-size"),
            Self::Event { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "invalid-event"),
            Self::Overloaded(_) => (StatusCode::SERVICE_UNAVAILABLE, "overloaded"),
            Self::StoreUnavailable => (StatusCode::SERVICE_UNAVAILABLE, "store-unavailable"),
            Self::StoreTimeout => (StatusCode::GATEWAY_TIMEOUT, "store-timeout"),
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::NoRoute => "There is no such route; GET /v1/campaign shows the campaign.".into(),
            Self::Method(allowed) => format!("Use one of: {allowed}."),
            Self::User(error) => format!("{error}; correct the number in the path."),
            Self::Key => format!(
                "Send exactly one Idempotency-Key header of 1 to {MAX_KEY_LENGTH} visible ASCII characters, new for each claim and the same when repeating one."
            ),
            Self::MediaType => "Send the body as content-type: application/json.".into(),
            Self::TooLarge(limit) => format!("Send a body of at most {limit} bytes."),
            Self::SlowBody => "Send the whole body at once, then try again.".into(),
            Self::BrokenBody => "The body ended early or is chunked wrongly; send it again.".into(),
            Self::Json { example, reason } => format!("Send a body like {example}: {reason}."),
            Self::Encoding => "Send the body without content-encoding.".into(),
            Self::NoDoor => "The doors are 8 to 31; claim one of them.".into(),
            Self::DoorClosed(date) => format!("This door opens on {date}; claim it then."),
            Self::CampaignEnded => "The campaign is over; claims are no longer taken.".into(),
            Self::KeyReused(day) => format!(
                "This Idempotency-Key was used to claim door {day}; use a new key for another door."
            ),
            Self::AlreadyClaimed(day) => {
                format!("Door {day} was claimed before; GET the claims of this user to see when.")
            }
            Self::Batch(most) => format!("Send 1 to {most} events at once."),
            Self::Event { index, reason } => {
                format!("Event {index}, counted from 0, is refused with its whole batch: {reason}.")
            }
            Self::Overloaded(_) => {
                "There is too much to do at the moment; try again after the time in Retry-After."
                    .into()
            }
            Self::StoreUnavailable => {
                "The store is busy or away; try again after a second with the same key.".into()
            }
            Self::StoreTimeout => {
                "The store did not answer in time; try again after a second with the same key."
                    .into()
            }
        }
    }
}

impl Problem {
    /// Seconds after which trying again makes sense. The less a request matters, the later: those that were refused
    /// first should not be back first.
    fn retry_after(&self) -> Option<&'static str> {
        if let Self::Overloaded(class) = self {
            return Some(match class {
                Class::Critical => "1",
                Class::NonCritical => "2",
                Class::Background => "10",
            });
        }
        matches!(self, Self::StoreUnavailable | Self::StoreTimeout).then_some("1")
    }
}

impl fmt::Display for EventProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id => write!(f, "its id must be 1 to {MAX_KEY_LENGTH} visible ASCII characters"),
            Self::User => f.write_str("there is no such user"),
            Self::Kind => write!(
                f,
                "its kind must be 1 to {MAX_KIND_LENGTH} of a-z, 0-9 and _, the first a letter"
            ),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind().1, self.detail())
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.kind().0
    }

    fn error_response(&self) -> HttpResponse {
        let (status, name) = self.kind();
        let detail = self.detail();
        let body = Body {
            r#type: &format!("urn:apifleet:problem:{name}"),
            title: &name.replace('-', " "),
            status: status.as_u16(),
            detail: &detail,
        };
        let mut response = HttpResponse::build(status);
        response.insert_header((header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE)));
        if let Self::Method(allowed) = self {
            response.insert_header((header::ALLOW, HeaderValue::from_static(allowed)));
        }
        if let Some(seconds) = self.retry_after() {
            response.insert_header((header::RETRY_AFTER, HeaderValue::from_static(seconds)));
        }
        // Four strings and a number always serialize; an empty body with the right status otherwise.
        response.body(serde_json::to_vec(&body).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn a_problem_has_type_title_status_and_detail() {
        let response = Problem::AlreadyClaimed(9).error_response();
        assert_eq!(response.status(), StatusCode::CONFLICT);
        assert_eq!(response.headers().get("content-type").unwrap(), MEDIA_TYPE);
        let body = actix_web::body::to_bytes(response.into_body()).await.unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["type"], "urn:apifleet:problem:already-claimed");
        assert_eq!(body["title"], "already claimed");
        assert_eq!(body["status"], 409);
        assert!(body["detail"].as_str().unwrap().contains("Door 9"), "{body}");
    }

    #[test]
    fn whoever_may_try_again_is_told_when() {
        let after = |problem: Problem| {
            let response = problem.error_response();
            response.headers().get("retry-after").unwrap().to_str().unwrap().parse::<u32>().unwrap()
        };
        assert_eq!([Problem::StoreUnavailable, Problem::StoreTimeout].map(after), [1, 1]);
        let by_class = Class::ALL.map(|class| after(Problem::Overloaded(class)));
        assert!(by_class.is_sorted_by(|a, b| a > b), "{by_class:?}");
        assert!(!Problem::NoRoute.error_response().headers().contains_key("retry-after"));
    }

    #[test]
    fn a_wrong_method_is_answered_with_the_right_ones() {
        let response = Problem::Method("GET, POST").error_response();
        assert_eq!(response.headers().get("allow").unwrap(), "GET, POST");
    }
}
