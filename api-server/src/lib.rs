//! The API server that an `ApiFleet` scales: a campaign of 24 doors, one gift per user and door.
//!
//! It answers what day it is, what a user has claimed, and takes claims; an acknowledged claim is a
//! committed claim. It never scales anything, knows nothing of Kubernetes, and keeps no state in a
//! replica that another replica would need.
//!
//! Where to begin:
//! * [`cli`] and [`config`]: what was typed, and what it means.
//! * [`campaign`] and [`claim`]: the rules, as pure functions.
//! * [`admission`]: who may begin when there is too much to do.
//! * [`http`]: routes, answers and the measuring middleware.
//! * [`net`]: how a connection lives and ends.
//! * [`store`]: claims, events and recommendations in SQLite or MySQL, behind a short-lived cache.
//! * [`events`]: what clients report, stored in the background.
//! * [`serve`]: start, run, drain, exit.

pub mod admission;
pub mod campaign;
pub mod claim;
pub mod cli;
pub mod commands;
pub mod config;
pub mod events;
pub mod http;
pub mod lifecycle;
pub mod logs;
pub mod metrics;
pub mod net;
pub mod problem;
pub mod recommendation;
pub mod serve;
pub mod store;
pub mod time;

pub use commands::main;
