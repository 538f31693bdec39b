//! How connections are accepted, how long they live and how they end.
//!
//! [`lifespan`] keeps the times of one connection, [`connection`] enforces them on its socket, and
//! [`server`] builds the listening server from both. No HTTP is parsed here: actix-http does that.

pub mod connection;
pub mod lifespan;
pub mod server;
