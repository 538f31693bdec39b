//! Tests of the decision through its public surface: worked cases in a small closed loop, the HPA's vectors,
//! invariants as properties, restarts, what is stored, whose replicas are whose, and the runbooks of its reasons.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "fixtures are test code, too: what is not there is a failed test"
)]

mod fleet;
mod hpa_vectors;
mod invariants;
mod ownership;
mod readings;
mod restarts;
mod runbooks;
mod scripts;
mod stored_memory;
mod worked_cases;
