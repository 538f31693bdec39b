//! The command line from outside: its screens from fixtures, and the program against an API server that answers as
//! Kubernetes does, or worse.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what it misses by failing"
)]

mod answers;
mod asking;
mod checks;
mod completions;
mod fixture;
mod following;
mod history;
mod imports;
mod krew;
mod linting;
mod ordering;
mod past;
mod planning;
mod policies;
mod program;
mod screens;
mod server;
mod shared;
mod simulations;
mod typed;
mod versions;
