//! How long decisions take and what they allocate: `cargo bench -p apifleet-core --bench decide`.
//! `cargo xtask bench core` runs it and reads its table.

mod fleet;
mod shapes;

use divan::{AllocProfiler, Bencher};
use fleet::{Fleet, at, campaign_demand, campaign_policy};
use jiff::SignedDuration;
use shapes::Shape;
use std::hint::black_box;

#[global_allocator]
static COUNTED: AllocProfiler = AllocProfiler::system();

/// 24 days, a decision every ten seconds.
const STEPS: i64 = 24 * 8640;

fn main() {
    divan::main();
}

/// One decision with its full ledger, and letting go of it.
#[divan::bench(args = Shape::ALL.map(Shape::as_str))]
fn decision(bencher: Bencher<'_, '_>, name: &str) {
    let Some(shape) = Shape::ALL.into_iter().find(|shape| shape.as_str() == name) else { return };
    let case = shape.case();
    bencher.bench_local(|| drop(black_box(case.decide())));
}

/// The campaign from its first night to its last: every decision on what the one before it left.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn december() {
    let mut fleet = Fleet::new(campaign_policy(), at(0));
    for step in 0..STEPS {
        black_box(fleet.step(campaign_demand(step * 10), SignedDuration::from_secs(10)));
    }
}
