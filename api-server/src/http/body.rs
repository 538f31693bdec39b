//! Reads a body: JSON, at most 64 KiB, before the deadline, and nothing but what is asked for.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use actix_web::HttpMessage;
use actix_web::HttpRequest;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use actix_web::web::{BytesMut, Payload};
use futures::StreamExt;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use tokio::time::Instant;

use crate::problem::Problem;
use crate::time::{Deadline, DeadlinePassed};

/// Most bytes that a body may have.
pub const MAX_BODY: usize = 64 * 1024;
/// Longest time for taking the body of a refused request; refusals end within 10 ms.
const DISCARD_LIMIT: Duration = Duration::from_millis(4);
/// Most characters of a parser's message that are sent back; it may quote what the client wrote.
const MAX_REASON: usize = 120;

/// What a route takes. Types say `deny_unknown_fields`, and [`Object`] around structs within.
pub trait Body: DeserializeOwned {
    /// A body that is accepted, shown to whoever sends another.
    const EXAMPLE: &'static str;
}

/// A struct that is written as a JSON object. A derived struct also accepts an array of its fields.
#[derive(Debug, PartialEq, Eq)]
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

/// Reads and parses the body.
pub async fn read<T: Body>(
    request: &HttpRequest,
    payload: Payload,
    deadline: Deadline,
) -> Result<T, Problem> {
    check_head(request)?;
    match deadline.bound(collect(payload)).await {
        Ok(bytes) => parse(&bytes?),
        Err(DeadlinePassed) => Err(Problem::SlowBody),
    }
}

/// Takes what has arrived of the body of a request that is refused. A connection with an unread body is closed, and
/// clients that open a new one for each refusal would make an overload worse; whoever is slower is disconnected.
pub async fn discard(payload: Payload) {
    let _ = Deadline::after(Instant::now(), DISCARD_LIMIT).bound(collect(payload)).await;
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

fn parse<T: Body>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map(|Object(body)| body).map_err(|error| Problem::Json {
        example: T::EXAMPLE,
        reason: error.to_string().chars().take(MAX_REASON).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Eq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Door {
        day: i64,
    }

    impl Body for Door {
        const EXAMPLE: &'static str = r#"{"day": 8}"#;
    }

    #[test]
    fn one_field_with_an_integer_is_accepted() {
        assert_eq!(parse(br#" {"day": 8} "#), Ok(Door { day: 8 }));
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
            match parse::<Door>(body) {
                Err(Problem::Json { example, reason }) => {
                    assert_eq!(example, Door::EXAMPLE);
                    assert!(reason.chars().count() <= MAX_REASON, "{shown}");
                }
                other => panic!("{shown}: {other:?}"),
            }
        }
    }
}
