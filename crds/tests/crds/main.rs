//! Tests of the custom resources, with an API server's admission emulated from the definition that is installed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that finds something unexpected stops there"
)]
#![allow(clippy::float_cmp, reason = "defaults and their conversions are exact")]

mod admission;
mod agreement;
mod authors;
mod definition;
mod manifests;
mod memory;
mod random;
mod ready_made;
mod revision;
mod sharing;
mod status;
