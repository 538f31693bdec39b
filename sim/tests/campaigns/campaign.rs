//! One campaign: 24 days of December, one of the fleets, and a plan of what goes wrong.

use crate::aftermath;
use crate::bugs::Bug;
use crate::operator::{Diary, Operator};
use crate::oracles::Breach;
use crate::policies::{Fleet, VARIANTS, fleet};
use apifleet_core::behavior::Behavior;
use apifleet_sim::plan::{Frame, Plan};
use apifleet_sim::plant::spot::SpotPool;
use apifleet_sim::trace::campaign::Campaign;
use apifleet_sim::{Load, Scenario, simulate_load};
use jiff::civil::date;
use jiff::tz::TimeZoneDatabase;
use std::sync::{Arc, OnceLock};

/// What a plan has to fit into.
pub(crate) const FRAME: Frame =
    Frame { days: 24, opens: 8 * 3600, closes: 20 * 3600, calm: 8 * 3600 };

/// A fleet and the load that it gets, with what becomes of them when nothing goes wrong.
pub(crate) struct Stage {
    pub(crate) fleet: Fleet,
    scenario: Scenario,
    load: Load,
}

/// What became of a campaign.
pub(crate) struct Outcome {
    pub(crate) plan: Plan,
    pub(crate) breaches: Vec<Breach>,
    pub(crate) diary: Diary,
}

impl Stage {
    /// The stage of one variant, for so many days.
    pub(crate) fn new(variant: usize, days: u32) -> Self {
        let seed = u64::try_from(variant).unwrap();
        let zone = TimeZoneDatabase::bundled().get("Europe/Paris").unwrap();
        let from = date(2026, 12, 8);
        let trace = Campaign { from, days, zone, seed }.trace().unwrap();
        let fleet = fleet(variant, trace.start());
        let mut scenario = Scenario::new(Arc::new(trace), fleet.policy.bounds, fleet.lag, seed);
        // Every other fleet hears of its nodes' end half a minute before it, not two.
        let notice = if variant == 0 { 120 } else { 30 };
        let pool = |percent| SpotPool { percent, notice, ..SpotPool::default() };
        scenario.spot = fleet.policy.spot.map(|spot| pool(spot.max_percent));
        let load = Load::draw(&scenario.trace, seed);
        Self { fleet, scenario, load }
    }

    /// Plays a plan; only what must hold at every decision is judged.
    pub(crate) fn play(&self, plan: Plan, bug: Option<Bug>) -> Outcome {
        let scenario = Scenario { faults: plan.faults(), ..self.scenario.clone() };
        let mut operator = Operator::new(&self.fleet, &plan, self.load.start(), bug);
        drop(simulate_load(&scenario, &self.load, &mut operator));
        let Operator { oracles, diary, .. } = operator;
        Outcome { breaches: oracles.breaches, diary, plan }
    }

    /// Plays a plan, and judges what it leaves behind, too.
    pub(crate) fn play_and_compare(
        &self,
        plan: Plan,
        reference: &Diary,
        bug: Option<Bug>,
    ) -> Outcome {
        let mut outcome = self.play(plan, bug);
        outcome.breaches.extend(aftermath::judge(&outcome.plan, &outcome.diary, reference));
        outcome
    }
}

/// The campaign of a seed with a scale-down window that is learned. What it leaves behind is not judged.
pub(crate) fn play_learning(seed: u64) -> Outcome {
    let mut stage = Stage::new(usize::try_from(seed).unwrap() % VARIANTS, FRAME.days);
    stage.fleet.policy.behavior = Behavior::default();
    stage.play(Plan::random(seed, FRAME), None)
}

/// The campaign of a seed.
pub(crate) fn play(seed: u64) -> Outcome {
    static STAGES: [OnceLock<(Stage, Diary)>; VARIANTS] = [const { OnceLock::new() }; VARIANTS];
    let variant = usize::try_from(seed).unwrap() % VARIANTS;
    let (stage, reference) = STAGES[variant].get_or_init(|| {
        let stage = Stage::new(variant, FRAME.days);
        let Outcome { diary, breaches, .. } = stage.play(Plan::calm(), None);
        assert!(breaches.is_empty(), "without any mishap, variant {variant}: {breaches:#?}");
        (stage, diary)
    });
    stage.play_and_compare(Plan::random(seed, FRAME), reference, None)
}
