//! Reads a claim's body: JSON, at most 64 KiB, before the deadline, and nothing but what is asked for.

use actix_web::HttpMessage;
use actix_web::HttpRequest;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use actix_web::web::{BytesMut, Payload};
use futures::StreamExt;
use serde::Deserialize;

use crate::problem::Problem;
use crate::time::{Deadline, DeadlinePassed};

/// Most bytes that a body may have.
pub const MAX_BODY: usize = 64 * 1024;
/// Most characters of a parser's message that are sent back; it may quote what the client wrote.
const MAX_REASON: usize = 120;

/// The body of `POST /v1/users/{id}/claims`.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimBody {
    /// The door's number, not yet checked.
    pub day: i64,
}

/// Reads and parses the body.
pub async fn read(
    request: &HttpRequest,
    payload: Payload,
    deadline: Deadline,
) -> Result<ClaimBody, Problem> {
    check_head(request)?;
    match deadline.bound(collect(payload)).await {
        Ok(bytes) => parse(&bytes?),
        Err(DeadlinePassed) => Err(Problem::SlowBody),
    }
}

/// Refuses by the head alone what need not be read.
fn check_head(request: &HttpRequest) -> Result<(), Problem> {
    if !request.content_type().eq_ignore_ascii_case("application/json") {
        return Err(Problem::MediaType);
    }
    if request.headers().contains_key(CONTENT_ENCODING) {
        return Err(Problem::Encoding);
    }
    let announced = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    match announced.and_then(|length| length.parse::<usize>().ok()) {
        Some(length) if length > MAX_BODY => Err(Problem::TooLarge(MAX_BODY)),
        Some(_) | None => Ok(()),
    }
}

async fn collect(mut payload: Payload) -> Result<BytesMut, Problem> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Problem::BrokenBody)?;
        if bytes.len() + chunk.len() > MAX_BODY {
            return Err(Problem::TooLarge(MAX_BODY));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn parse(bytes: &[u8]) -> Result<ClaimBody, Problem> {
    // A derived struct also accepts an array of its fields; only an object is asked for.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(Problem::Json("the body is no JSON object".into()));
    }
    serde_json::from_slice(bytes)
        .map_err(|error| Problem::Json(error.to_string().chars().take(MAX_REASON).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_field_with_an_integer_is_accepted() {
        assert_eq!(parse(br#" {"day": 8} "#), Ok(ClaimBody { day: 8 }));
    }

    #[test]
    fn everything_else_is_refused() {
        let deep = "[".repeat(60_000);
        let long = format!(r#"{{"{}":1}}"#, "x".repeat(60_000));
        let wrong: [&[u8]; 14] = [
            b"",
            b"null",
            b"8",
            b"[8]",
            b"{}",
            br#"{"day":"8"}"#,
            br#"{"day":8.5}"#,
            br#"{"day":8,"more":1}"#,
            br#"{"day":8,"day":9}"#,
            br#"{"day":8}}"#,
            br#"{"day":99999999999999999999}"#,
            b"{\"day\":8,\"\xff\":1}",
            deep.as_bytes(),
            long.as_bytes(),
        ];
        for body in wrong {
            let shown = String::from_utf8_lossy(body).chars().take(40).collect::<String>();
            match parse(body) {
                Err(Problem::Json(reason)) => {
                    assert!(reason.chars().count() <= MAX_REASON, "{shown}");
                }
                other => panic!("{shown}: {other:?}"),
            }
        }
    }
}
