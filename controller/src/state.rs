//! What the acting copy keeps of one fleet between its reconciles. Everything that must survive it is in the fleet's
//! status, from which it is made; a copy that begins to act, or whose reconcile panicked, reads that afresh.
//!
//! Owned by one reconcile at a time; kept by [`crate::engine`] in between.

use crate::caches::Key;
use crate::kubernetes::{CallError, FIELD_MANAGER, Kubernetes};
use crate::plan::{Applied, Plan};
use crate::report::retry::Retry;
use crate::schedule::Pace;
use crate::target::{PerTarget, Purpose, Target};
use crate::validate::Valid;
use apifleet_core::decision::Placement;
use apifleet_core::memory::{Attempt, ForeignWrite};
use apifleet_core::observation::{NodeId, SpotNode};
use apifleet_core::overrides;
use apifleet_core::policy::Mode;
use apifleet_core::quantity::Rps;
use apifleet_core::spot::sight::is_taken;
use apifleet_core::{Memory, Reason, Replicas};
use apifleet_crds::ApiFleetStatus;
use jiff::Timestamp;
use kube::api::ObjectMeta;
use kube::core::DeserializeGuard;
use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

/// An event that was published is not repeated within this time.
const SAID_FOR: Duration = Duration::from_mins(10);
/// So many published events are remembered.
const SAID: usize = 64;

/// Of so many overrides it is remembered what they were told.
const TOLD: usize = 2 * overrides::LIMIT;

/// One fleet's state.
#[derive(Debug, Clone)]
pub struct FleetState {
    /// Tells this fleet from a later one of the same name.
    pub uid: String,
    /// What the next decision remembers.
    pub memory: Memory,
    /// The status as it was last read or written, without the stages of its last decision.
    pub status: ApiFleetStatus,
    /// The fleet's version at that time, on which the next report is written; `None`: it is read first.
    pub version: Option<String>,
    /// When that was written; `None` if it was only read.
    pub reported_at: Option<Timestamp>,
    /// When a status that could not be written is written again.
    pub report_retry: Retry,
    /// When overrides that could not be told are told again.
    pub tell_retry: Retry,
    /// Whether the fleet has not been Ready since it was taken over.
    pub adopting: bool,
    /// Since when fewer replicas have been Ready than are wanted.
    pub below_since: Option<Timestamp>,
    /// What is kept of each target.
    pub targets: PerTarget<TargetState>,
    /// What is kept of each target's placeholders.
    pub placeholders: PerTarget<TargetState>,
    /// The request rate of the last decision, to see whether it moves.
    pub last_rate: Option<Rps>,
    /// While nodes are being taken away: how soon the fleet is looked at again even if its reconcile fails. Their
    /// notice runs out meanwhile.
    pub urgent: Option<Pace>,
    /// The nodes with pods of the fleet that are being taken away, to count each once.
    interrupted: BTreeSet<NodeId>,
    /// The reason that was last logged.
    pub logged: Option<Reason>,
    /// What was published lately.
    said: Vec<(u64, Instant)>,
    /// What overrides were told by this copy, by their uid: the cache may not show it yet.
    told: VecDeque<(String, (bool, Reason))>,
}

/// What is kept of one target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TargetState {
    /// Our own last write, or what was seen since: nothing older is acted on.
    pub written: Written,
    /// When the rollout that is under way was first seen.
    pub rollout_since: Option<Timestamp>,
}

/// Our own last write of a target's replicas, or what was seen of it since.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Written {
    /// Nothing is there to be older than.
    #[default]
    Seen,
    /// It made this version, or this one was seen after it; an older one must not be acted on.
    At(String),
    /// It may or may not have been made: nothing but a fresh read can be acted on.
    Unknown,
}

// === impl FleetState ===

impl FleetState {
    /// Reads a fleet's status and makes the state from it.
    pub async fn load(kubernetes: &Kubernetes, fleet: &Key) -> Result<Self, CallError> {
        let (metadata, status) = read(kubernetes, fleet).await?;
        let uid = metadata.uid.unwrap_or_default();
        Ok(Self { version: metadata.resource_version, ..Self::resumed(uid, status) })
    }

    /// Looks at the fleet's status again; whether it is still the fleet that this is the state of.
    pub async fn look_again(
        &mut self,
        kubernetes: &Kubernetes,
        fleet: &Key,
    ) -> Result<bool, CallError> {
        let (metadata, status) = read(kubernetes, fleet).await?;
        let same = metadata.uid.as_deref() == Some(self.uid.as_str());
        if same {
            (self.status, self.version) = (status, metadata.resource_version);
        }
        Ok(same)
    }

    /// The state after a start, from the status that is there.
    #[must_use]
    pub fn resumed(uid: String, status: ApiFleetStatus) -> Self {
        let stored = status.memory.clone();
        Self {
            uid,
            adopting: stored.is_none(),
            memory: Memory::resumed(stored),
            status,
            version: None,
            reported_at: None,
            report_retry: Retry::default(),
            tell_retry: Retry::default(),
            below_since: None,
            // Whoever acted before may have written what our caches do not show yet: the first look reads afresh.
            targets: PerTarget { on_demand: TargetState::unknown(), spot: TargetState::unknown() },
            placeholders: PerTarget {
                on_demand: TargetState::unknown(),
                spot: TargetState::unknown(),
            },
            last_rate: None,
            urgent: None,
            interrupted: BTreeSet::new(),
            logged: None,
            said: Vec::new(),
            told: VecDeque::new(),
        }
    }

    /// What somebody else made of the targets since we last wrote them, if anything. What we wrote ourselves without
    /// knowing (an answer that was lost) is not a foreign write, and in `ScaleOutOnly` what others add is welcome.
    #[must_use]
    pub fn foreign_write(&self, valid: &Valid) -> Option<ForeignWrite> {
        let write = self.memory.foreign_write(&valid.observation)?;
        if valid.intent.policy.mode == Mode::ScaleOutOnly && write.is_raise() {
            return None;
        }
        let ours = |target: Target| {
            let deployment =
                valid.targets.get(target).as_ref().and_then(|seen| seen.deployment.as_ref());
            deployment.is_none_or(|it| it.replicas_writer.as_deref() == Some(FIELD_MANAGER))
        };
        Target::ALL.into_iter().any(|target| !ours(target)).then_some(write)
    }

    /// Takes over what a decision remembers, as far as it was carried out.
    pub fn advance(&mut self, memory: Memory, valid: &Valid, plan: &Plan<Applied>, now: Timestamp) {
        self.memory = if plan.is_complete() {
            memory
        } else {
            let written = Placement {
                on_demand: plan.written(Target::OnDemand),
                spot: plan.written(Target::Spot),
            };
            memory.not_applied(&self.memory, Attempt { written, unknown: plan.is_uncertain() })
        };
        let ready = valid.observation.ready() >= plan.decision.desired;
        self.adopting &= !ready;
        // A clock that was set back does not put off for as long as it was ahead.
        let since = self.below_since.map_or(now, |since| since.min(now));
        self.below_since = (!ready).then_some(since);
    }

    /// Lets go of a fleet that is not decided: the next decision takes it over as it finds it.
    pub fn release(&mut self) {
        self.memory = std::mem::take(&mut self.memory).released();
        self.adopting = true;
        self.urgent = None;
    }

    /// Takes in what is seen of spot nodes; returns how many with pods of the fleet begin to be taken away. Each counts
    /// once, however its pods come and go meanwhile.
    pub fn newly_interrupted(&mut self, nodes: &[SpotNode]) -> u64 {
        let known = std::mem::take(&mut self.interrupted);
        let is_lost = |node: &&SpotNode| node.pods > Replicas::ZERO || known.contains(&node.id);
        let lost = nodes.iter().filter(|node| is_taken(node)).filter(is_lost);
        self.interrupted = lost.map(|node| node.id).collect();
        u64::try_from(self.interrupted.difference(&known).count()).unwrap_or(u64::MAX)
    }

    /// Remembers a status that was written.
    pub fn note_reported(&mut self, status: ApiFleetStatus, now: Timestamp) {
        self.status = without_stages(status);
        self.reported_at = Some(now);
        self.report_retry = Retry::default();
    }

    /// What is kept of one of the fleet's Deployments.
    pub const fn of_mut(&mut self, target: Target, purpose: Purpose) -> &mut TargetState {
        match purpose {
            Purpose::Serve => self.targets.get_mut(target),
            Purpose::HoldNodes => self.placeholders.get_mut(target),
        }
    }

    /// Whether something may be published: not if the same was within the last ten minutes. Remembers it if so.
    pub fn may_say(&mut self, what: u64, now: Instant) -> bool {
        self.said.retain(|(_, at)| now.saturating_duration_since(*at) < SAID_FOR);
        if self.said.iter().any(|(said, _)| *said == what) {
            return false;
        }
        if self.said.len() >= SAID {
            self.said.remove(0);
        }
        self.said.push((what, now));
        true
    }

    /// Whether this copy has told an override just this.
    #[must_use]
    pub fn has_told(&self, uid: &str, verdict: (bool, Reason)) -> bool {
        self.told.iter().any(|(told, last)| told == uid && *last == verdict)
    }

    /// Remembers what an override was told.
    pub fn note_told(&mut self, uid: String, verdict: (bool, Reason)) {
        self.told.retain(|(told, _)| *told != uid);
        if self.told.len() >= TOLD {
            self.told.pop_front();
        }
        self.told.push_back((uid, verdict));
    }
}

/// A fleet's metadata and status, past every cache.
async fn read(
    kubernetes: &Kubernetes,
    fleet: &Key,
) -> Result<(ObjectMeta, ApiFleetStatus), CallError> {
    let DeserializeGuard(object) = kubernetes.get_fleet(&fleet.namespace, &fleet.name).await?;
    let (metadata, status) = match object {
        Ok(object) => (object.metadata, object.status),
        // It says what is wrong with it all the same; what it remembers is lost.
        Err(unreadable) => (unreadable.metadata, None),
    };
    Ok((metadata, without_stages(status.unwrap_or_default())))
}

/// Nothing looks back at the stages of a decision, which are its longest texts; a patch gives those of the next one
/// whole, or leaves them as they are.
fn without_stages(mut status: ApiFleetStatus) -> ApiFleetStatus {
    if let Some(decision) = &mut status.last_decision {
        decision.stages = Vec::new();
    }
    status
}

// === impl TargetState ===

impl TargetState {
    fn unknown() -> Self {
        Self { written: Written::Unknown, rollout_since: None }
    }
}

// === impl Written ===

impl Written {
    /// Whether a cached version may be acted on: it is not older than our own last write.
    #[must_use]
    pub fn is_shown_by(&self, cached: &str) -> bool {
        match self {
            Self::Seen => true,
            Self::Unknown => false,
            // Versions of one kind are ordered numbers since Kubernetes 1.35, and have always been in practice; what
            // cannot be read as one is taken for too old, which costs a read.
            Self::At(written) => match (written.parse::<u64>(), cached.parse::<u64>()) {
                (Ok(written), Ok(cached)) => cached >= written,
                _ => written == cached,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use apifleet_core::observation::{Interruption, NodeHealth, PoolId};

    #[test]
    fn a_node_that_is_taken_away_counts_once_and_for_a_fleet_with_pods_there_alone() {
        let interruption =
            Interruption { at: Timestamp::UNIX_EPOCH, notice: Duration::from_mins(2) };
        let node = |id, pods| SpotNode {
            id: NodeId(id),
            pool: PoolId(id),
            health: NodeHealth::Ready,
            interruption: Some(interruption),
            tainted_by_us: false,
            pods: Replicas::new(pods),
            ready: Replicas::ZERO,
        };
        let well = SpotNode { interruption: None, ..node(3, 3) };
        let mut state = FleetState::resumed("u".to_owned(), ApiFleetStatus::default());
        assert_eq!(state.newly_interrupted(&[node(1, 3), node(2, 0), well]), 1);
        assert_eq!(state.newly_interrupted(&[node(1, 0), node(2, 0)]), 0);
        assert_eq!(state.newly_interrupted(&[node(1, 1), node(2, 2)]), 1, "the other has some now");
        assert_eq!(state.newly_interrupted(&[]), 0);
        assert_eq!(state.newly_interrupted(&[node(1, 1)]), 1, "it had stayed and is taken again");
    }

    #[test]
    fn of_a_status_that_was_written_all_is_kept_but_the_stages_of_its_decision() {
        let stage = serde_json::json!({"stage": "Trust", "in": 1, "out": 1, "reason": "Fresh", "message": "m"});
        let decision = serde_json::json!({"time": Timestamp::UNIX_EPOCH, "desired": 1, "previous": 1,
            "reason": "Fresh", "summary": "s", "stages": [stage]});
        let written = serde_json::json!({"replicas": 1, "lastDecision": decision});
        let mut fleet = FleetState::resumed("u".to_owned(), ApiFleetStatus::default());
        fleet.note_reported(serde_json::from_value(written).unwrap(), Timestamp::UNIX_EPOCH);
        let kept = fleet.status.last_decision.unwrap();
        assert_eq!((fleet.status.replicas, kept.desired, kept.stages.len()), (Some(1), 1, 0));
    }

    #[test]
    fn a_cache_older_than_our_own_write_is_not_acted_on() {
        let written = Written::At("100".to_owned());
        assert!(!written.is_shown_by("99"));
        assert!(written.is_shown_by("100"));
        assert!(written.is_shown_by("1000"), "compared as numbers, not as text");
        assert!(!written.is_shown_by("abc"));
        assert!(Written::Seen.is_shown_by("1"));
        assert!(!Written::Unknown.is_shown_by("1000"));
    }

    #[test]
    fn the_same_event_is_said_once_in_ten_minutes() {
        let mut state = FleetState::resumed("u".to_owned(), ApiFleetStatus::default());
        let now = Instant::now();
        assert!(state.may_say(1, now));
        assert!(!state.may_say(1, now));
        assert!(state.may_say(2, now));
        assert!(state.may_say(1, now + SAID_FOR));
    }

    #[test]
    fn a_fleet_without_memory_is_being_adopted() {
        assert!(FleetState::resumed("u".to_owned(), ApiFleetStatus::default()).adopting);
    }
}
