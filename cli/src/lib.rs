//! `apifleet`, also `kubectl apifleet`: says what a fleet does, why, and what comes next.
//!
//! Start at [`args`]: what can be typed. [`settings`] gives it its meaning, once; [`run`] carries it out. Each verb has
//! a file of its own ([`status`], [`explain`], [`ordering`], [`calendar`], [`simulate`], [`check`], [`import`]): it reads
//! from the [`cluster`] or a [`manifest`] ([`find`] a fleet as it is decided), makes a plain value of what it read
//! ([`view`]), and shows that as a table, a screen or a document. Making and showing are pure functions of that value
//! and a [`time::Clock`], so every screen is tested without a cluster.
//!
//! Data goes to standard output, talk to standard error. The words and sentences are those that the operator wrote
//! into the fleet's status, or that the decision core makes; none is written anew here. A verb that writes to
//! the cluster does so through [`change`] alone, which shows what was and what will be, and asks.

pub mod args;
pub mod calendar;
pub mod change;
pub mod check;
pub mod cluster;
pub mod complete;
pub mod document;
pub mod explain;
pub mod failure;
pub mod few;
pub mod find;
pub mod history;
pub mod import;
pub mod man;
pub mod manifest;
pub mod names;
pub mod near;
pub mod ordering;
pub mod page;
pub mod pages;
pub mod plan;
pub mod policy;
pub mod prometheus;
pub mod run;
pub mod settings;
pub mod simulate;
pub mod status;
pub mod table;
pub mod terminal;
pub mod time;
pub mod view;

pub use failure::{Exit, Failure};
pub use run::run;
