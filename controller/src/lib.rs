//! The operator: a thin shell around [`apifleet_core::decide`].
//!
//! Start reading at [`reconcile`]: one fleet from looking to reporting, in named steps, one file each. [`engine`]
//! calls it for every fleet that is due; [`run`] puts the parts together; `main` only reads the command line.
//!
//! | step | file | |
//! |---|---|---|
//! | observe | [`observe`], for Prometheus [`observe::signals`] and [`observe::query`] | needs a client |
//! | validate | [`validate`], [`conflicts`], [`capacity`] | pure |
//! | decide | `apifleet-core`; [`hold`] for a fleet whose policy is unknown | pure |
//! | place | [`plan`], [`drain`] | pure |
//! | apply | [`apply`] | needs a client |
//! | report | [`report`] | needs a client |
//!
//! Before that, [`shared`] lays each fleet over the `ScalingPolicy` that it names. Before everything, [`definitions`] sees to
//! it that the cluster's definitions are not older than the program.
//!
//! The operator writes `spec.replicas` of Deployments, the status of fleets, events and its Lease; where spot nodes are
//! being taken away, it taints those and evicts the fleet's pods from them; and it removes `FleetOverride`s that have
//! long been over ([`records`]). It never creates, edits or deletes a
//! workload, and if it is gone every fleet keeps its size. Nothing depends on this library but its program and its
//! tests.

pub mod apply;
pub mod backoff;
pub mod caches;
pub mod capacity;
pub mod check;
pub mod cli;
pub mod cluster;
pub mod conflicts;
pub mod crew;
pub mod definitions;
pub mod drain;
pub mod engine;
pub mod error;
pub mod facts;
pub mod health;
pub mod hold;
pub mod kubernetes;
pub mod lease;
pub mod metrics;
pub mod observe;
pub mod plan;
pub mod reconcile;
pub mod records;
pub mod report;
pub mod roster;
pub mod run;
pub mod schedule;
pub mod shared;
pub mod state;
pub mod target;
pub mod validate;
