//! Benchmarks: what is measured, against whom, and what becomes of the figures. `cargo xtask bench` is the command.
//!
//! Start reading at [`Report`], the one format that every bench leaves. [`reaction`] compares how soon autoscalers answer
//! a step of load on a real cluster; peers there (`keda`) are the real programs, built from their own modules and
//! installed from their own manifests. [`policy`] compares how well they scale on whole days of traffic, in the simulator;
//! [`tune`] is what our default behavior was chosen by. [`decisions`] says what a decision costs, [`operator`] what the
//! operator does with up to 10,000 fleets.
//!
//! A bench never scales anything itself, prints nothing (it reports to a `Progress`), and never touches a cluster
//! that it has not started.

pub mod decisions;
mod error;
mod keda;
mod machine;
mod markdown;
pub mod operator;
pub mod policy;
pub mod reaction;
mod report;
mod section;
mod statistics;
mod toolchain;
pub mod tune;

pub use error::{Error, Result};
pub use machine::{Machine, commit};
pub use report::{Bar, Report, Row};
