//! What a decision remembers: the extrema inside the stabilisation windows, the changes inside the rate windows, the
//! guard's state and the last good values. It goes through the resource's status, so it survives a restart, and its
//! size is bounded.
//!
//! The rule: a restarted run never scales in sooner, nor out later, than an uninterrupted one. Wherever something
//! has to be forgotten or merged, it is done in that direction.
//!
//! The operator calls [`Memory::resumed`] once per fleet after a start, hands the memory of each decision to the
//! next one, calls [`Memory::not_applied`] where the decision could not be carried out, and [`Memory::released`] where
//! nothing is decided.

mod attempt;

pub use attempt::Attempt;
pub(crate) use attempt::Perhaps;

use crate::behavior::Behavior;
use crate::changes;
use crate::decision::Placement;
use crate::observation::{Observation, SpotTarget};
use crate::overrides::ended;
use crate::patience::Patience;
use crate::policy::Mode;
use crate::quantity::Replicas;
use crate::schedule::lead::Learned;
use crate::schedule::opening::{self, Opening};
use crate::window::{self, Entry, Keep};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use crate::changes::Change;
pub use crate::overrides::ended::Imposed;
pub use crate::spot::memory::{Interrupted, Leaving, SpotMemory, Stance};
pub use crate::window::Recommendation;

/// The version of [`Memory`]'s stored form. Another one is discarded, which is safe.
pub const VERSION: i32 = 1;

/// Three foreign writes within this time are more than a slip.
const FOREIGN_WRITES_WITHIN: SignedDuration = SignedDuration::from_mins(10);

/// That many of them.
const FOREIGN_WRITES_REPEATED: usize = 3;

/// What the last decision left for the next. The default knows nothing: the fleet is then adopted as it is found.
///
/// Stored as it is in the resource's status: camel case, instants in RFC 3339, no floats, empty parts left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Memory {
    /// [`VERSION`].
    pub version: i32,
    /// When the decision was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// The fleet's size that was decided, without replicas that are only there for a move between targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Replicas>,
    /// What was last asked of the targets. Absent where nothing was ever written, as in `Observe`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement: Option<Placement>,
    /// Recommendations of the scale-down window that no later one tops: falling, at most 32.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub highs: Vec<Recommendation>,
    /// Recommendations of the scale-up window that no later one undercuts: rising, at most 32.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lows: Vec<Recommendation>,
    /// Changes of the size inside the longest rate period, oldest first, at most 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// What was learned about removals that demand took back.
    #[serde(default, skip_serializing_if = "Patience::is_unknown")]
    pub patience: Patience,
    /// Until then a scale-out runs on to what demand asks for, without tolerance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub climbing_until: Option<Timestamp>,
    /// Since when all configured signals have been trusted without a break.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted_since: Option<Timestamp>,
    /// The last good values.
    #[serde(default)]
    pub last: LastValues,
    /// The latency guard's state.
    #[serde(default)]
    pub guard: Guard,
    /// The state of the spot capacity.
    #[serde(default)]
    pub spot: SpotMemory,
    /// How long pods and nodes have taken to become Ready.
    #[serde(default, skip_serializing_if = "Learned::is_empty")]
    pub learned: Learned,
    /// The windows that are open or pre-warm.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub openings: Vec<Opening>,
    /// The overrides that counted for the size; at most 2.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<Imposed>,
    /// When others wrote `spec.replicas`, oldest first: the last three.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub foreign_writes: Vec<Timestamp>,
    /// Whether this was read back after a start and has not been used since.
    #[serde(skip)]
    pub(crate) resumed: bool,
    /// What was perhaps written without our knowing: what is there may be ours and not what we remember.
    #[serde(skip)]
    pub(crate) perhaps: Option<Perhaps>,
}

/// The last good value of each signal: a lower bound while it is young enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastValues {
    /// Requests per second over the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_rate: Option<Sample>,
    /// Requests per second over 15 seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst_rate: Option<Sample>,
    /// The guarded percentile, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Sample>,
    /// Failed requests in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors: Option<Sample>,
    /// Requests per second that must never be lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub critical_rate: Option<Sample>,
}

/// A value in thousandths, as the Kubernetes API knows no floats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sample {
    /// When it was scraped.
    pub at: Timestamp,
    /// A thousand times the value, rounded down.
    pub thousandths: i64,
}

/// The latency guard's state; see [`crate::rules::guard`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Guard {
    /// Since when latency has been above its target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above_since: Option<Timestamp>,
    /// Since when latency has been calm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calm_since: Option<Timestamp>,
    /// The latency at the first step, in thousandths of a millisecond.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<i64>,
    /// Steps that were taken since the baseline; saturates at 2.
    #[serde(default)]
    pub steps: i32,
    /// The size that the last step asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Replicas>,
    /// Since when so many replicas have been Ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_since: Option<Timestamp>,
    /// Whether the steps turned out not to help.
    #[serde(default)]
    pub exhausted: bool,
}

/// Somebody else's write of a target's `spec.replicas`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForeignWrite {
    /// What we last asked for.
    pub asked: Placement,
    /// What is there instead.
    pub found: Placement,
}

impl ForeignWrite {
    /// Whether it added replicas to the fleet.
    #[must_use]
    pub fn is_raise(&self) -> bool {
        self.found.sum() > self.asked.sum()
    }
}

impl Sample {
    /// A value, rounded down to thousandths; saturates.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, reason = "`as` saturates, and NaN gives zero")]
    pub fn new(value: f64, at: Timestamp) -> Self {
        Self { at, thousandths: (value * 1000.0).floor() as i64 }
    }

    /// The value.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "rounding far beyond what a rate means")]
    pub fn value(self) -> f64 {
        self.thousandths as f64 / 1000.0
    }
}

impl Entry for Sample {
    type Height = i64;

    fn at(&self) -> Timestamp {
        self.at
    }

    fn height(&self) -> i64 {
        self.thousandths
    }

    fn seen_at(self, at: Timestamp) -> Self {
        Self { at, ..self }
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            version: VERSION,
            at: None,
            size: None,
            placement: None,
            highs: Vec::new(),
            lows: Vec::new(),
            changes: Vec::new(),
            patience: Patience::default(),
            climbing_until: None,
            trusted_since: None,
            last: LastValues::default(),
            guard: Guard::default(),
            spot: SpotMemory::default(),
            learned: Learned::default(),
            openings: Vec::new(),
            overrides: Vec::new(),
            foreign_writes: Vec::new(),
            resumed: false,
            perhaps: None,
        }
    }
}

impl Memory {
    /// The memory after a start, from what the resource's status held; a missing one and one of another version
    /// know nothing. The first decision then starts from the larger of the remembered size and what is there, and
    /// takes the gap to have been spent at that size.
    #[must_use]
    pub fn resumed(stored: Option<Self>) -> Self {
        let Some(stored) = stored.filter(|stored| stored.version == VERSION) else {
            return Self::default();
        };
        let mut memory = Self { resumed: true, trusted_since: None, ..stored };
        // Written by us, but editable by others: the bounds are enforced on the way in, too.
        memory.highs.truncate(window::LIMIT);
        memory.lows.truncate(window::LIMIT);
        memory.changes.truncate(changes::LIMIT);
        memory.foreign_writes.truncate(FOREIGN_WRITES_REPEATED);
        memory.openings.truncate(opening::LIMIT);
        memory.overrides.truncate(ended::LIMIT);
        memory.learned.bound();
        memory.spot.limit();
        memory
    }

    /// The memory where the decision that returned `self` from `before` was not carried out, or not as a whole: what
    /// was seen and recommended stays; the size, the split and the change are taken back as far as they were not made.
    #[must_use]
    pub fn not_applied(self, before: &Self, attempt: Attempt) -> Self {
        let Attempt { written, unknown } = attempt;
        let perhaps = Perhaps::after(before.perhaps, unknown.then(|| Perhaps::of(&self)));
        let placement = before.placement.map(|asked| Placement {
            on_demand: written.on_demand.or(asked.on_demand),
            spot: written.spot.or(asked.spot),
        });
        // What was added is the fleet's and must not be removed again at once; what is only there for a move is not.
        let grown =
            placement.map_or(Replicas::ZERO, Placement::sum).min(self.size.unwrap_or_default());
        Self {
            size: before.size.map(|size| size.max(grown)),
            placement,
            changes: before.changes.clone(),
            patience: before.patience,
            foreign_writes: before.foreign_writes.clone(),
            resumed: before.resumed,
            perhaps,
            ..self
        }
    }

    /// The memory of a fleet that is not decided for a while. What others make of it meanwhile is theirs to do: the
    /// next decision takes the fleet over as it finds it. What was recommended and measured stays.
    #[must_use]
    pub fn released(self) -> Self {
        Self { size: None, placement: None, ..self }
    }

    /// Whether the next decision takes the fleet over: nothing is known of it, or it was only observed so far.
    #[must_use]
    pub fn adopts(&self, mode: Mode) -> bool {
        match mode {
            Mode::Observe => self.size.is_none(),
            Mode::Enforce | Mode::ScaleOutOnly => self.size.is_none() || self.placement.is_none(),
        }
    }

    /// What somebody else made of the targets since we last wrote them, if anything. After a restart and after a
    /// write whose answer was lost nothing is said: our own last write may not be what is remembered. The caller has
    /// made sure that what was seen is not older than that write.
    #[must_use]
    pub fn foreign_write(&self, seen: &Observation) -> Option<ForeignWrite> {
        let asked = self.placement.filter(|_| !self.may_have_written_more())?;
        let spot = match seen.spot {
            SpotTarget::Present(target) => target.wanted,
            SpotTarget::None | SpotTarget::Lost(_) => None,
        };
        let found = Placement { on_demand: seen.on_demand.wanted, spot };
        let differs = |asked: Option<Replicas>, found: Option<Replicas>| {
            asked.zip(found).is_some_and(|(asked, found)| asked != found)
        };
        (differs(asked.on_demand, found.on_demand) || differs(asked.spot, found.spot))
            .then_some(ForeignWrite { asked, found })
    }

    /// Whether this was read back after a start and has not been used since.
    pub(crate) fn is_resumed(&self) -> bool {
        self.resumed
    }

    /// Whether what is there may be ours although we do not remember it.
    pub(crate) fn may_have_written_more(&self) -> bool {
        self.resumed || self.perhaps.is_some()
    }

    /// Whether others have written `spec.replicas` three times in the ten minutes before `now`: a condition.
    #[must_use]
    pub fn foreign_writes_repeated(&self, now: Timestamp) -> bool {
        let recent = |at: &&Timestamp| now.duration_since(**at) < FOREIGN_WRITES_WITHIN;
        self.foreign_writes.iter().filter(recent).count() >= FOREIGN_WRITES_REPEATED
    }

    /// The memory as a decision at `now` may use it. Where the clock was set back, instants that are to come are
    /// taken for now, else they would count for as long as the clock was ahead.
    pub(crate) fn seen_at(&self, now: Timestamp) -> Self {
        let mut memory = self.clone();
        let LastValues { request_rate, burst_rate, latency, errors, critical_rate } =
            &mut memory.last;
        let samples =
            [request_rate, burst_rate, latency, errors, critical_rate].into_iter().flatten();
        let Guard { above_since, calm_since, ready_since, .. } = &mut memory.guard;
        let singles =
            [&mut memory.at, &mut memory.trusted_since, above_since, calm_since, ready_since];
        let recommended = memory.highs.iter_mut().chain(&mut memory.lows);
        let instants = (singles.into_iter().flatten())
            .chain(samples.map(|sample| &mut sample.at))
            .chain(recommended.map(|recommendation| &mut recommendation.at))
            .chain(memory.changes.iter_mut().map(|change| &mut change.at))
            .chain(memory.patience.instants())
            .chain(memory.openings.iter_mut().flat_map(Opening::instants))
            .chain(memory.learned.instants())
            .chain(&mut memory.foreign_writes);
        for at in instants {
            *at = (*at).min(now);
        }
        memory.spot.clamp(now);
        memory
    }

    /// Records what demand asked for, before any limit, as the HPA does.
    pub(crate) fn recommend(&mut self, behavior: &Behavior, replicas: Replicas, at: Timestamp) {
        self.recommend_high(behavior, replicas, at);
        let window = behavior.up.stabilization_window;
        window::record(&mut self.lows, Keep::Lowest, Recommendation { at, replicas }, window);
    }

    /// Records a size for the scale-down window alone: it keeps the fleet large and delays no scale-out.
    pub(crate) fn recommend_high(
        &mut self,
        behavior: &Behavior,
        replicas: Replicas,
        at: Timestamp,
    ) {
        let window = self.patience.window(behavior);
        window::record(&mut self.highs, Keep::Highest, Recommendation { at, replicas }, window);
    }

    /// Records a change of the size for as long as a rate policy may ask for it.
    pub(crate) fn note_change(&mut self, behavior: &Behavior, change: Option<Change>) {
        if let Some(change) = change {
            changes::record(&mut self.changes, change, behavior.longest_period());
        }
    }

    /// Notes a foreign write.
    pub(crate) fn note_foreign_write(&mut self, now: Timestamp) {
        self.foreign_writes.push(now);
        let surplus = self.foreign_writes.len().saturating_sub(FOREIGN_WRITES_REPEATED);
        self.foreign_writes.drain(..surplus);
    }
}
