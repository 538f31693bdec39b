//! What schedules say: the floors and ceilings of their windows, and whether these open with every replica Ready.

use super::Why;
use super::sentences::Seconds;
use crate::name::Name;
use crate::quantity::Replicas;
use crate::reason::Reason;
use crate::schedule::window::Moment;
use std::fmt;
use std::time::Duration;

/// The sentences about schedules.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ScheduleWhy {
    /// A schedule's open window holds the size up.
    Floor {
        /// Which.
        schedule: Name,
        /// Its floor now.
        floor: Replicas,
        /// What was asked for.
        asks: Replicas,
        /// When its window closes.
        until: Moment,
    },
    /// The pre-warm of a schedule's window holds the size up.
    PreWarmFloor {
        /// Which.
        schedule: Name,
        /// What its ramp has reached.
        floor: Replicas,
        /// What it climbs to.
        full: Replicas,
        /// When its window opens.
        start: Moment,
    },
    /// A schedule's open window holds the size down.
    Ceiling {
        /// Which.
        schedule: Name,
        /// What was asked for.
        asks: Replicas,
        /// Its ceiling.
        ceiling: Replicas,
        /// What is kept now: the ceiling, or more while the size falls to it by the scale-down policies.
        keeps: Replicas,
        /// When its window closes.
        until: Moment,
    },
    /// A schedule's floor is above another's ceiling.
    Conflict {
        /// Whose floor.
        floor_of: Name,
        /// The floor, which wins.
        floor: Replicas,
        /// Whose ceiling.
        ceiling_of: Name,
        /// The ceiling.
        ceiling: Replicas,
        /// What is kept now.
        keeps: Replicas,
    },
    /// An override's floor, or its pin, is above a schedule's ceiling.
    Overridden {
        /// Which override.
        by: Name,
        /// Its floor, which wins.
        floor: Replicas,
        /// Whose ceiling.
        ceiling_of: Name,
        /// The ceiling.
        ceiling: Replicas,
        /// What is kept now.
        keeps: Replicas,
    },
    /// No window is open or near.
    NoWindow,
    /// No window is open or pre-warms; this one is the next.
    NextWindow {
        /// Of which schedule.
        schedule: Name,
        /// When it opens.
        start: Moment,
    },
    /// A window comes near.
    PreWarming {
        /// Of which schedule.
        schedule: Name,
        /// When it opens.
        start: Moment,
        /// The replicas that must be Ready then.
        full: Replicas,
        /// Those that are asked for by now; zero while only nodes are.
        asked: Replicas,
        /// Those that are Ready.
        ready: Replicas,
    },
    /// Every replica of an open window was Ready in time.
    PreWarmed {
        /// Of which schedule.
        schedule: Name,
        /// When it opened.
        start: Moment,
        /// The replicas that had to be Ready then.
        full: Replicas,
    },
    /// A window has opened with too few Ready replicas.
    PreWarmLate {
        /// Of which schedule.
        schedule: Name,
        /// When it opened.
        start: Moment,
        /// The replicas that had to be Ready then.
        full: Replicas,
        /// Those that are Ready.
        ready: Replicas,
        /// For how long some have been missing.
        late: Duration,
    },
    /// Nodes for a window did not come in time.
    CapacityLate {
        /// Of which schedule.
        schedule: Name,
        /// When it opens or opened.
        start: Moment,
        /// The replicas that must be Ready then.
        full: Replicas,
        /// Those that are Ready.
        ready: Replicas,
        /// The pods and placeholders that have no node: when the floor began to climb, and in the window now.
        waiting: Replicas,
        /// For how long replicas have been missing; `None` before the window.
        late: Option<Duration>,
    },
    /// Every replica of an open window is Ready, but not all were in time.
    OpenedLate {
        /// Of which schedule.
        schedule: Name,
        /// When it opened.
        start: Moment,
        /// The replicas that had to be Ready then.
        full: Replicas,
        /// By how long the last of them was late.
        late: Duration,
    },
}

impl ScheduleWhy {
    /// The one word for it.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Floor { .. } => Reason::ScheduleFloor,
            Self::Ceiling { .. } => Reason::ScheduleCeiling,
            Self::Conflict { .. } | Self::Overridden { .. } => Reason::ScheduleConflict,
            Self::NoWindow | Self::NextWindow { .. } => Reason::AsExpected,
            Self::PreWarmFloor { .. } | Self::PreWarming { .. } => Reason::PreWarming,
            Self::PreWarmed { .. } => Reason::PreWarmed,
            Self::PreWarmLate { .. } => Reason::PreWarmLate,
            Self::CapacityLate { .. } => Reason::CapacityLate,
            Self::OpenedLate { .. } => Reason::OpenedLate,
        }
    }

    /// By how much a window's replicas are late, or the last of them was; `None` where none is open, and where the
    /// only thing late so far are nodes for one that is to come.
    #[must_use]
    pub const fn lateness(&self) -> Option<Duration> {
        match self {
            Self::PreWarmLate { late, .. } | Self::OpenedLate { late, .. } => Some(*late),
            Self::CapacityLate { late, .. } => *late,
            Self::PreWarmed { .. } => Some(Duration::ZERO),
            Self::Floor { .. }
            | Self::Ceiling { .. }
            | Self::Conflict { .. }
            | Self::Overridden { .. }
            | Self::NoWindow
            | Self::NextWindow { .. }
            | Self::PreWarmFloor { .. }
            | Self::PreWarming { .. } => None,
        }
    }
}

impl From<ScheduleWhy> for Why {
    fn from(why: ScheduleWhy) -> Self {
        Self::Schedule(why)
    }
}

impl fmt::Display for ScheduleWhy {
    #[allow(clippy::too_many_lines, reason = "a table: one sentence per variant")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Floor { schedule, floor, asks, until } => write!(
                f,
                "schedule {schedule} holds {floor} at least until {until}, {asks} is asked for"
            ),
            Self::PreWarmFloor { schedule, floor, full, start } if floor < full => write!(
                f,
                "schedule {schedule} opens at {start} with {full}: {floor} by now, and more step by step"
            ),
            Self::PreWarmFloor { schedule, floor: _, full, start } => {
                write!(f, "schedule {schedule} opens at {start} with {full}: all of them by now")
            }
            Self::Ceiling { schedule, asks, ceiling, keeps, until } if keeps > ceiling => {
                write!(
                    f,
                    "schedule {schedule} allows {ceiling} at most until {until}: the size falls to it by the \
                     scale-down policies, {keeps} now, {asks} is asked for"
                )
            }
            Self::Ceiling { schedule, asks, ceiling, until, .. } => write!(
                f,
                "schedule {schedule} allows {ceiling} at most until {until}, {asks} is asked for"
            ),
            Self::Conflict { floor_of, floor, ceiling_of, ceiling, keeps } => write!(
                f,
                "schedule {floor_of} wants {floor} at least and schedule {ceiling_of} {ceiling} at most: the floor \
                 wins, {keeps} now"
            ),
            Self::Overridden { by, floor, ceiling_of, ceiling, keeps } => write!(
                f,
                "override {by} wants {floor} at least and schedule {ceiling_of} {ceiling} at most: the override wins, \
                 {keeps} now"
            ),
            Self::NoWindow => f.write_str("no window of a schedule is open or near"),
            Self::NextWindow { schedule, start } => {
                write!(f, "no window is open; schedule {schedule} opens next, at {start}")
            }
            Self::PreWarming { schedule, start, full, asked, ready }
                if *asked == Replicas::ZERO =>
            {
                write!(
                    f,
                    "schedule {schedule} opens at {start} with {full}: nodes are asked for, {ready} replicas are Ready"
                )
            }
            Self::PreWarming { schedule, start, full, asked, ready } => write!(
                f,
                "schedule {schedule} opens at {start} with {full}: {asked} by now, {ready} are Ready"
            ),
            Self::PreWarmed { schedule, start, full } => write!(
                f,
                "all {full} replicas for schedule {schedule}, open since {start}, were Ready in time"
            ),
            Self::PreWarmLate { schedule, start, full, ready, late } => write!(
                f,
                "schedule {schedule}, open since {start}, has {ready} of {full} replicas Ready, {} late by now",
                Seconds(*late)
            ),
            Self::CapacityLate { schedule, start, full, ready, waiting, late: None } => write!(
                f,
                "schedule {schedule} opens at {start} with {full}: {waiting} found no node in time, so replicas go \
                 where there are nodes; {ready} are Ready"
            ),
            Self::CapacityLate { schedule, start, full, ready, waiting, late: Some(late) } => {
                write!(
                    f,
                    "schedule {schedule}, open since {start}, has {ready} of {full} replicas Ready, {} late by now: \
                     {waiting} pods wait for a node",
                    Seconds(*late)
                )
            }
            Self::OpenedLate { schedule, start, full, late } => write!(
                f,
                "all {full} replicas for schedule {schedule}, open since {start}, are Ready, the last {} late",
                Seconds(*late)
            ),
        }
    }
}
