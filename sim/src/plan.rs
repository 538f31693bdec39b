//! [`Plan`]: what goes wrong in a campaign, when, and for how long, drawn from a seed. A plan is data: it can be printed,
//! and the same seed gives it again.
//!
//! What happens to the world ([`FaultKind`]) is carried out by [`crate::run`]; what happens to an operator's writes, and
//! what people do to a fleet meanwhile, is asked for here by whoever plays the operator: the campaigns of the tests.
//!
//! Every plan is bounded: a handful of mishaps a day, none longer than three hours, and none near the end, so that what
//! is there at the end can be compared with a run in which nothing went wrong.

mod people;

pub use people::{Edit, Order};

use crate::faults::{Fault, FaultKind};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::RangeInclusive;

/// The most mishaps that begin in a day.
pub const MOST_A_DAY: usize = 4;
/// No mishap lasts longer, in seconds.
pub const LONGEST: u32 = 3 * HOUR;

const HOUR: u32 = 3600;
const DAY: u32 = 24 * HOUR;

/// What goes wrong in a run, in the order in which it begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// What it was drawn from.
    pub seed: u64,
    /// What goes wrong.
    pub mishaps: Vec<Mishap>,
}

/// One thing that goes wrong, or that somebody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mishap {
    /// When it begins, in seconds after the start of the run.
    pub at: u32,
    /// For how many seconds.
    pub lasts: u32,
    /// What.
    pub what: What,
}

/// What goes wrong, or is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum What {
    /// Something in the world.
    World(FaultKind),
    /// What becomes of the operator's writes of `spec.replicas`.
    Writes(Answer),
    /// An edit of the fleet's spec, taken back at the end.
    Edit(Edit),
    /// An override of the fleet, which expires at the end.
    Order(Order),
}

/// What becomes of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Answer {
    /// It is not made, and that is said.
    Refused,
    /// It is made, and nobody hears of it.
    Lost,
}

/// How long a run is, and where its days are busy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Days.
    pub days: u32,
    /// When a day gets busy, in seconds after its beginning.
    pub opens: u32,
    /// When that ends.
    pub closes: u32,
    /// So many seconds at the end nothing goes wrong.
    pub calm: u32,
}

// === impl Plan ===

impl Plan {
    /// The plan of this seed.
    #[must_use]
    pub fn random(seed: u64, frame: Frame) -> Self {
        let mut rng = Pcg64::seed_from_u64(seed);
        let last = frame.days.saturating_mul(DAY).saturating_sub(frame.calm);
        let mut mishaps = Vec::new();
        for day in 0..frame.days {
            for _ in 0..rng.random_range(0..=MOST_A_DAY) {
                let mishap = Mishap::random(&mut rng, day.saturating_mul(DAY), frame);
                mishaps.extend(Some(mishap).filter(|mishap| mishap.end() <= last));
            }
        }
        mishaps.sort_by_key(|mishap| mishap.at);
        Self { seed, mishaps }
    }

    /// The plan in which nothing goes wrong.
    #[must_use]
    pub const fn calm() -> Self {
        Self { seed: 0, mishaps: Vec::new() }
    }

    /// What happens to the world.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        let fault = |mishap: &Mishap| match mishap.what {
            What::World(kind) => Some(Fault { at: mishap.at, lasts: mishap.lasts, kind }),
            What::Writes(_) | What::Edit(_) | What::Order(_) => None,
        };
        self.mishaps.iter().filter_map(fault).collect()
    }

    /// What goes on in this second after the start, with its place in the plan.
    pub fn under_way(&self, second: u32) -> impl Iterator<Item = (usize, &Mishap)> {
        let begun = self.mishaps.partition_point(|mishap| mishap.at <= second);
        let recent = self.mishaps.iter().enumerate().take(begun);
        recent.filter(move |(_, mishap)| mishap.is_on(second))
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "plan of seed {}: {} mishaps", self.seed, self.mishaps.len())?;
        self.mishaps.iter().try_for_each(|mishap| writeln!(f, "  {mishap}"))
    }
}

// === impl Mishap ===

impl Mishap {
    /// Whether it goes on in this second after the start.
    #[must_use]
    pub const fn is_on(&self, second: u32) -> bool {
        second >= self.at && second < self.end()
    }

    /// The first second after it.
    #[must_use]
    pub const fn end(&self) -> u32 {
        self.at.saturating_add(self.lasts)
    }

    fn random(rng: &mut Pcg64, day: u32, frame: Frame) -> Self {
        let (what, lasts) = What::random(rng);
        Self { at: day.saturating_add(moment(rng, frame)), lasts, what }
    }
}

/// Half of all mishaps come while it is busy, a quarter near an opening or a closing, where plans meet what is there.
fn moment(rng: &mut Pcg64, frame: Frame) -> u32 {
    let near = |edge: u32| edge.saturating_sub(HOUR / 2)..=edge.saturating_add(HOUR / 2);
    let within = match rng.random_range(0..8) {
        0..4 => frame.opens..=frame.closes,
        4 => near(frame.opens),
        5 => near(frame.closes),
        _ => 0..=DAY - 1,
    };
    if within.is_empty() { frame.opens } else { rng.random_range(within).min(DAY - 1) }
}

impl fmt::Display for Mishap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (day, second) = (self.at / DAY + 1, self.at % DAY);
        let (hour, minute, second) = (second / HOUR, second % HOUR / 60, second % 60);
        let Self { lasts, what, .. } = self;
        write!(f, "day {day}, {hour:02}:{minute:02}:{second:02}, for {lasts} s: {what}")
    }
}

// === impl What ===

impl What {
    /// Something, and for how long.
    fn random(rng: &mut Pcg64) -> (Self, u32) {
        let (what, lasts) = match rng.random_range(0..20) {
            0..8 => (Self::World(metrics(rng)), length(rng)),
            8..11 => (Self::World(FaultKind::Restart), rng.random_range(1..=90)),
            11..13 => (Self::World(FaultKind::SpotLost(share(rng, 10..=60))), length(rng)),
            13..15 => (Self::Writes(Answer::Refused), length(rng)),
            15 => (Self::Writes(Answer::Lost), length(rng)),
            16..18 => (Self::Edit(Edit::random(rng)), rng.random_range(300..=LONGEST)),
            _ => (Self::Order(Order::random(rng)), rng.random_range(300..=2 * HOUR)),
        };
        (what, lasts)
    }
}

/// Short ones are as frequent as long ones: what is over before anybody looks differs from what outlasts a window.
fn length(rng: &mut Pcg64) -> u32 {
    let longest = match rng.random_range(0..4) {
        0 => 20,
        1 => 90,
        2 => 300,
        _ => 1800,
    };
    rng.random_range(longest / 4..=longest)
}

fn share(rng: &mut Pcg64, within: RangeInclusive<u8>) -> u8 {
    rng.random_range(within)
}

fn metrics(rng: &mut Pcg64) -> FaultKind {
    match rng.random_range(0..8) {
        0..2 => FaultKind::MetricsGone,
        2..4 => FaultKind::MetricsFrozen,
        4 => FaultKind::MetricsEmpty,
        5 => FaultKind::MetricsNan,
        _ => FaultKind::MetricsPartial(share(rng, 0..=80)),
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::World(FaultKind::MetricsGone) => f.write_str("Prometheus is gone"),
            Self::World(FaultKind::MetricsFrozen) => f.write_str("metrics are frozen"),
            Self::World(FaultKind::MetricsEmpty) => f.write_str("metrics are empty"),
            Self::World(FaultKind::MetricsNan) => f.write_str("metrics are NaN"),
            Self::World(FaultKind::MetricsPartial(percent)) => {
                write!(f, "only {percent} % of the pods are scraped")
            }
            Self::World(FaultKind::Restart) => f.write_str("the operator restarts"),
            Self::World(FaultKind::SpotLost(percent)) => {
                write!(f, "{percent} % of the spot nodes are taken")
            }
            Self::Writes(Answer::Refused) => f.write_str("writes are refused"),
            Self::Writes(Answer::Lost) => f.write_str("answers to writes are lost"),
            Self::Edit(edit) => write!(f, "edited: {edit}"),
            Self::Order(order) => write!(f, "override: {order}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const FRAME: Frame = Frame { days: 24, opens: 8 * HOUR, closes: 20 * HOUR, calm: 8 * HOUR };

    #[test]
    fn the_same_seed_gives_the_same_plan_and_another_one_another() {
        let plan = Plan::random(7, FRAME);
        assert_eq!(plan, Plan::random(7, FRAME));
        assert_eq!(plan.to_string(), Plan::random(7, FRAME).to_string());
        assert_ne!(plan.mishaps, Plan::random(8, FRAME).mishaps);
        let stored = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&stored).unwrap(), plan);
    }

    #[test]
    fn every_plan_is_bounded_in_number_and_time_and_ends_in_calm() {
        for seed in 0..500 {
            let Plan { mishaps, .. } = Plan::random(seed, FRAME);
            assert!(mishaps.len() <= 24 * MOST_A_DAY, "{seed}");
            assert!(mishaps.is_sorted_by_key(|mishap| mishap.at), "{seed}");
            for mishap in &mishaps {
                assert!((1..=LONGEST).contains(&mishap.lasts), "{seed}: {mishap}");
                assert!(mishap.end() <= 24 * DAY - FRAME.calm, "{seed}: {mishap}");
            }
            for day in 0..24 {
                let of_day = mishaps.iter().filter(|mishap| mishap.at / DAY == day);
                assert!(of_day.count() <= MOST_A_DAY, "{seed}");
            }
        }
    }

    #[test]
    fn every_kind_of_mishap_comes_and_most_come_while_it_is_busy() {
        let (mut kinds, mut busy, mut all) = (BTreeSet::new(), 0, 0);
        for seed in 0..200 {
            for mishap in Plan::random(seed, FRAME).mishaps {
                let text: String = mishap.what.to_string();
                kinds.insert(text.replace(|c: char| c.is_ascii_digit(), ""));
                busy += usize::from((FRAME.opens..FRAME.closes).contains(&(mishap.at % DAY)));
                all += 1;
            }
        }
        assert_eq!(kinds.len(), 18, "{kinds:#?}");
        assert!(busy * 2 > all, "{busy} of {all}");
    }

    #[test]
    fn what_is_under_way_is_what_has_begun_and_not_ended() {
        let what = What::World(FaultKind::MetricsGone);
        let mishaps = vec![
            Mishap { at: 10, lasts: 100, what },
            Mishap { at: 20, lasts: 5, what: What::Writes(Answer::Lost) },
        ];
        let plan = Plan { seed: 0, mishaps };
        let at = |second| plan.under_way(second).map(|(index, _)| index).collect::<Vec<_>>();
        assert_eq!([at(9), at(10), at(20), at(24), at(25), at(109), at(110)], {
            let none = Vec::new();
            [none.clone(), vec![0], vec![0, 1], vec![0, 1], vec![0], vec![0], none]
        });
        assert_eq!(plan.faults(), [Fault { at: 10, lasts: 100, kind: FaultKind::MetricsGone }]);
        assert_eq!(
            plan.to_string(),
            "plan of seed 0: 2 mishaps\n  \
             day 1, 00:00:10, for 100 s: Prometheus is gone\n  \
             day 1, 00:00:20, for 5 s: answers to writes are lost\n"
        );
    }

    #[test]
    fn a_frame_without_room_has_a_plan_without_mishaps() {
        let frame = Frame { days: 1, calm: 2 * DAY, ..FRAME };
        assert!(Plan::random(1, frame).mishaps.is_empty());
        let none = Frame { days: 0, ..FRAME };
        assert_eq!(Plan::random(1, none).mishaps, Plan::calm().mishaps);
        let backwards = Frame { opens: 20 * HOUR, closes: 8 * HOUR, ..FRAME };
        assert!(Plan::random(1, backwards).mishaps.len() <= 24 * MOST_A_DAY);
    }
}
