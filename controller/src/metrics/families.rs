//! The families of series that show fleets: what each is called, and what it tells of a fleet. A family that tells
//! nothing of any is not there.
//!
//! Used by [`super::fleets`].

use super::fleets::{Fleets, Shown};
use super::labels::{Labels, NO_WORDS, Word};
use super::view::FleetView;
use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue, EncodeMetric};
use prometheus_client::metrics::TypedMetric;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use std::fmt;

/// The number of a word that is true.
const TRUE: u32 = 1;

/// All families, of these fleets.
#[derive(Debug)]
pub(super) struct Families<'e, 'f> {
    encoder: DescriptorEncoder<'e>,
    fleets: &'f Fleets,
}

impl<'e, 'f> Families<'e, 'f> {
    pub(super) fn new(encoder: DescriptorEncoder<'e>, fleets: &'f Fleets) -> Self {
        Self { encoder, fleets }
    }

    /// Writes them as text.
    pub(super) fn write(mut self) -> fmt::Result {
        self.sizes()?;
        self.targets()?;
        self.words()?;
        self.times()?;
        self.counts()
    }

    /// Replicas of the fleet as a whole.
    fn sizes(&mut self) -> fmt::Result {
        self.gauge("fleet_size_replicas", "The size that is wanted, targets together.", |view| {
            view.size
        })?;
        self.gauge("fleet_min_replicas", "Smallest size.", |view| view.bounds.map(|(min, _)| min))?;
        self.gauge("fleet_max_replicas", "Largest size.", |view| view.bounds.map(|(_, max)| max))?;
        self.gauge(
            "fleet_schedule_floor_replicas",
            "Floor of the schedule that is in force or pre-warms.",
            |view| view.schedule_floor,
        )?;
        self.gauge(
            "fleet_spot_cover_replicas",
            "On-demand replicas that stand in for spot that is being lost.",
            |view| view.spot.map(|spot| spot.cover),
        )?;
        self.gauge(
            "fleet_on_demand_floor_replicas",
            "Replicas that must be on demand where there is spot.",
            |view| view.spot.map(|spot| spot.on_demand_floor),
        )
    }

    /// Replicas of each target.
    fn targets(&mut self) -> fmt::Result {
        self.gauges("fleet_desired_replicas", "Replicas decided, per target.", |view| {
            view.targets.iter().filter_map(|it| Some(([("target", it.target)], it.desired?)))
        })?;
        self.gauges("fleet_ready_replicas", "Ready pods, per target.", |view| {
            view.targets.iter().map(|it| ([("target", it.target)], it.ready))
        })?;
        self.gauges("fleet_pending_replicas", "Unscheduled pods, per target.", |view| {
            view.targets.iter().map(|it| ([("target", it.target)], it.pending))
        })
    }

    /// What is said of the fleet by a word: its series is 1, or, of a condition, 0.
    fn words(&mut self) -> fmt::Result {
        self.gauges("fleet_signal_verdict", "1 for the signal's verdict.", |view| {
            view.signals.iter().map(|it| ([("signal", it.signal), ("verdict", it.verdict)], TRUE))
        })?;
        self.gauges("fleet_condition", "1 where the condition is True.", |view| {
            let conditions = view.conditions.iter();
            conditions.map(|(kind, holds)| ([("condition", *kind)], u32::from(*holds)))
        })?;
        self.gauges("fleet_spot_state", "1 for the state of the spot capacity.", |view| {
            view.spot.map(|spot| ([("state", spot.state)], TRUE))
        })?;
        self.gauges(
            "fleet_limit",
            "1 for what holds the size away from what demand asks for.",
            |view| view.limit.map(|reason| ([("reason", reason)], TRUE)),
        )?;
        self.gauges("fleet_mode", "1 for the fleet's mode.", |view| {
            view.mode.map(|mode| ([("mode", mode)], TRUE))
        })
    }

    /// Seconds: since when, until when, how long.
    fn times(&mut self) -> fmt::Result {
        self.gauges("fleet_signal_age_seconds", "Age of the newest sample.", |view| {
            view.signals.iter().filter_map(|it| Some(([("signal", it.signal)], it.age?)))
        })?;
        self.gauge(
            "fleet_last_decision_timestamp_seconds",
            "When the last decision was made.",
            |view| view.decided_at,
        )?;
        self.gauge(
            "fleet_prewarm_lateness_seconds",
            "How late the floor of the open window was Ready, 0 in time.",
            |view| view.prewarm_lateness,
        )?;
        self.gauges(
            "fleet_override_begin_timestamp_seconds",
            "When the override that counts came into force.",
            |view| view.overrides.iter().map(|it| ([("action", it.action)], it.begins_at)),
        )?;
        self.gauges(
            "fleet_override_end_timestamp_seconds",
            "When the override that counts ends.",
            |view| view.overrides.iter().map(|it| ([("action", it.action)], it.ends_at)),
        )
    }

    /// What has happened to the fleet since it was shown first.
    fn counts(&mut self) -> fmt::Result {
        self.counter(
            "fleet_reversals",
            "Changes of the size within ten minutes after one in the other direction.",
            |shown| Some(shown.reversals),
        )?;
        self.counter(
            "fleet_spot_interruptions",
            "Spot nodes that were taken away from the fleet.",
            |shown| shown.interruptions,
        )
    }

    /// A number of each fleet that has it.
    fn gauge<V: EncodeGaugeValue>(
        &mut self,
        name: &str,
        help: &str,
        number: impl Fn(&'f FleetView) -> Option<V>,
    ) -> fmt::Result {
        self.gauges(name, help, |view| number(view).map(|number| (NO_WORDS, number)))
    }

    /// The numbers of each fleet by their words.
    fn gauges<const N: usize, V: EncodeGaugeValue, S: IntoIterator<Item = ([Word; N], V)>>(
        &mut self,
        name: &str,
        help: &str,
        numbers: impl Fn(&'f FleetView) -> S,
    ) -> fmt::Result {
        self.family(name, help, |shown| {
            let numbers = numbers(&shown.view).into_iter();
            numbers.map(|(words, number)| (words, ConstGauge::new(number)))
        })
    }

    /// A count of each fleet that has it.
    fn counter(
        &mut self,
        name: &str,
        help: &str,
        count: impl Fn(&'f Shown) -> Option<u64>,
    ) -> fmt::Result {
        self.family(name, help, |shown| {
            count(shown).map(|count| (NO_WORDS, ConstCounter::new(count)))
        })
    }

    /// A family: all series of each fleet.
    fn family<const N: usize, M, S>(
        &mut self,
        name: &str,
        help: &str,
        series: impl Fn(&'f Shown) -> S,
    ) -> fmt::Result
    where
        M: EncodeMetric + TypedMetric,
        S: IntoIterator<Item = ([Word; N], M)>,
    {
        let of_all = self.fleets.iter().flat_map(|(fleet, shown)| {
            series(shown).into_iter().map(move |(words, metric)| (Labels { fleet, words }, metric))
        });
        let mut of_all = of_all.peekable();
        if of_all.peek().is_none() {
            return Ok(());
        }
        let mut family = self.encoder.encode_descriptor(name, help, None, M::TYPE)?;
        for (labels, metric) in of_all {
            metric.encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
