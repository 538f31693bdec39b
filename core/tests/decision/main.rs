//! Tests of the decision through its public surface: worked cases in a small closed loop, the HPA's vectors,
//! invariants as properties, overrides, dependencies, the loss of spot nodes, restarts, what is stored, whose replicas are
//! whose, and the runbooks of its reasons.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "fixtures are test code, too: what is not there is a failed test"
)]

mod calendars;
mod dependencies;
mod fleet;
mod hpa_vectors;
mod invariant_table;
mod invariants;
mod override_invariants;
mod overrides;
mod ownership;
mod patience;
mod readings;
mod restarts;
mod runbooks;
mod schedule_invariants;
mod schedules;
mod scripts;
mod speed;
mod spot;
mod spot_fleet;
mod spot_invariants;
mod spot_loss;
mod spot_orders;
mod spot_pre_warm;
mod stored_memory;
mod totality_invariants;
mod worked_cases;
mod zones_table;
