//! What a database must do to keep claims, events and recommendations, and what its errors mean for the next step.
//!
//! Implemented by [`super::sqlite`] and [`super::mysql`]; driven by [`super::pool`].

use std::fmt::Debug;
use std::future::Future;

use jiff::Timestamp;

use crate::campaign::Day;
use crate::claim::{Claim, ClaimRequest, Earlier, UserId};
use crate::events::event::Event;
use crate::recommendation::{Row, Source};

/// A user's own recommendations and everyone's, which are kept under user 0: the same words for every database.
pub const RECOMMENDATIONS: &str = "SELECT user_id, product FROM recommendations \
                                   WHERE user_id IN (?, 0) ORDER BY user_id, position";

/// What an error asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The connection is broken or leads to a server that takes no writes: use a new one.
    Connection,
    /// Another statement was in the way: try again on the same connection.
    Conflict,
    /// The server ended a statement that ran for too long.
    TooSlow,
    /// Anything else: trying again changes nothing.
    Permanent,
}

/// A database that keeps them.
pub trait Database: Debug {
    /// One connection to it.
    type Connection: Debug;

    /// Opens a connection with limits set on the server too.
    fn open(&self) -> impl Future<Output = Result<Self::Connection, sqlx::Error>>;

    /// All claims of a user, by door: one query.
    fn claims(
        connection: &mut Self::Connection,
        user: UserId,
    ) -> impl Future<Output = Result<Vec<Claim>, sqlx::Error>>;

    /// Stores a claim; `false` if a row with its user and door or key exists. Committed on return.
    fn insert(
        connection: &mut Self::Connection,
        request: &ClaimRequest,
    ) -> impl Future<Output = Result<bool, sqlx::Error>>;

    /// The rows of the user that have the door or the key of a request.
    fn earlier(
        connection: &mut Self::Connection,
        request: &ClaimRequest,
    ) -> impl Future<Output = Result<Vec<Earlier>, sqlx::Error>>;

    /// The products of a user and of everyone, each in order of position: one query.
    fn recommendations(
        connection: &mut Self::Connection,
        user: UserId,
    ) -> impl Future<Output = Result<Vec<Row>, sqlx::Error>>;

    /// Stores those of `events` that are not there yet, in one statement.
    fn store_events(
        connection: &mut Self::Connection,
        events: &[Event],
    ) -> impl Future<Output = Result<(), sqlx::Error>>;

    /// What an error asks for.
    fn fault(error: &sqlx::Error) -> Fault;
}

/// A stored row as a claim; an error if no claim could have been stored so.
pub fn claim_of(day: u8, at_ms: i64) -> Result<Claim, sqlx::Error> {
    let day = Day::new(i64::from(day))
        .ok_or_else(|| sqlx::Error::Decode(format!("stored day {day} is no door").into()))?;
    let at =
        Timestamp::from_millisecond(at_ms).map_err(|error| sqlx::Error::Decode(error.into()))?;
    Ok(Claim { day, at })
}

/// A stored product as a row; user 0 is everyone.
#[must_use]
pub fn row_of(user_id: i64, product: String) -> Row {
    Row { source: if user_id == 0 { Source::Everyone } else { Source::Own }, product }
}

/// The fault of errors that are the same for every database.
#[must_use]
pub fn fault_of_driver(error: &sqlx::Error) -> Fault {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::WorkerCrashed => Fault::Connection,
        sqlx::Error::RowNotFound => Fault::Conflict,
        _ => Fault::Permanent,
    }
}
