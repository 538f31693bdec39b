//! Why a manifest means nothing. Each message names the field, says what is wrong and what to do; it becomes the
//! message of condition `Stalled` where a manifest got past the API server.

/// A manifest that cannot be given a meaning.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// A number is outside its bounds.
    #[error("{field} is {value}, outside {min}..{max}: choose a value within")]
    OutOfRange {
        /// Path of the field.
        field: String,
        /// What was written.
        value: i64,
        /// Smallest allowed.
        min: i64,
        /// Largest allowed.
        max: i64,
    },
    /// A list or map is too short or too long.
    #[error("{field} has {count} entries, it may have {min}..{max}: add or remove some")]
    WrongCount {
        /// Path of the field.
        field: String,
        /// How many there are.
        count: usize,
        /// Smallest allowed.
        min: usize,
        /// Largest allowed.
        max: usize,
    },
    /// A text is not what its field needs.
    #[error("{field} {value:?} is not {expected}: correct it")]
    Malformed {
        /// Path of the field.
        field: String,
        /// What was written.
        value: String,
        /// What the field needs.
        expected: &'static str,
    },
    /// The bounds cross.
    #[error(
        "spec.maxReplicas {max} is below spec.minReplicas {min}: raise maxReplicas or lower minReplicas"
    )]
    BoundsCross {
        /// `minReplicas`
        min: u32,
        /// `maxReplicas`
        max: u32,
    },
    /// Both targets are one Deployment.
    #[error(
        "spec.targets.spot and spec.targets.onDemand both name {name:?}, so the split would be undone by every \
         write: create a second Deployment for spot"
    )]
    SameTargets {
        /// The name of both.
        name: String,
    },
    /// How to split is given, and nothing to split.
    #[error(
        "spec.spot says how much may run on spot, but there is no spec.targets.spot: name the spot Deployment there, \
         or remove the spot block"
    )]
    SpotWithoutTarget,
    /// Preset `Custom` without names.
    #[error(
        "spec.signals.preset is Custom, but spec.signals.custom is absent: name the series there"
    )]
    CustomMissing,
    /// Names that no preset reads.
    #[error(
        "spec.signals.custom is only read with preset Custom: set spec.signals.preset to Custom, or remove the block"
    )]
    CustomUnread,
    /// A latency guard without a histogram.
    #[error(
        "spec.signals.latency needs a histogram: name it in spec.signals.custom.durationSeconds, or remove the block"
    )]
    LatencyWithoutSeries,
    /// An error guard that cannot tell failures.
    #[error(
        "spec.signals.errors cannot tell which requests have failed: say so in spec.signals.custom.errors, or remove \
         the block"
    )]
    ErrorsWithoutSeries,
    /// Samples would be stale before a window is full.
    #[error(
        "spec.signals.staleAfterSeconds {stale} is below windowSeconds {window}: raise it, or choose a shorter window"
    )]
    StaleBeforeWindow {
        /// `staleAfterSeconds`
        stale: u32,
        /// `windowSeconds`
        window: u32,
    },
    /// `Fallback` without a size.
    #[error(
        "spec.signals.onMissing is Fallback, but spec.signals.fallbackReplicas is absent: set it, or use Hold"
    )]
    FallbackWithoutReplicas,
    /// A size that the bounds do not allow.
    #[error(
        "{field} {value} is outside minReplicas..maxReplicas {min}..{max}: change it or the bounds"
    )]
    OutsideBounds {
        /// Path of the field.
        field: String,
        /// What was written.
        value: u32,
        /// `minReplicas`
        min: u32,
        /// `maxReplicas`
        max: u32,
    },
    /// What must be there once is there twice.
    #[error("{field} {value:?} is there twice: remove or change one of them")]
    Twice {
        /// Path of the second.
        field: String,
        /// What was written.
        value: String,
    },
    /// A window without length, or of a whole day: nobody can tell.
    #[error(
        "{field}.end is {time} as start is, so nobody can tell no window from a whole day: write 00:00 to 24:00 for a \
         whole day, or remove the schedule"
    )]
    EmptyWindow {
        /// Path of the schedule.
        field: String,
        /// `start` and `end`
        time: String,
    },
    /// The last day is before the first.
    #[error(
        "{field}.to {to} is before from {from}: swap them, or set recurrence to Yearly for a time over New Year"
    )]
    DatesCross {
        /// Path of the schedule.
        field: String,
        /// `from`
        from: String,
        /// `to`
        to: String,
    },
    /// Nothing to repeat.
    #[error("{field}.recurrence Yearly repeats from and to: give both, or remove recurrence")]
    YearlyWithoutDates {
        /// Path of the schedule.
        field: String,
    },
    /// A name that the zone database does not have.
    #[error(
        "{field} {value:?} is no time zone of the IANA database{}{}: write one of its names, such as Europe/Paris or \
         UTC",
        release.map_or_else(String::new, |release| format!(" {release}")),
        like.as_ref().map_or_else(String::new, |zone| format!(" (perhaps {zone}?)"))
    )]
    UnknownZone {
        /// Path of the field.
        field: String,
        /// What was written.
        value: String,
        /// What was probably meant.
        like: Option<String>,
        /// Which release of the database was asked.
        release: Option<&'static str>,
    },
    /// No floor, or several.
    #[error(
        "{field} must have exactly one of replicas, requestsPerSecond and curve, and has {count}: keep one of them"
    )]
    NotOneFloor {
        /// Path of the floor.
        field: String,
        /// How many are given.
        count: usize,
    },
    /// A point of a curve at which its window is closed.
    #[error(
        "{field} {at} lies outside the window {start}..{end}: move or remove the point, or widen the window"
    )]
    PointOutsideWindow {
        /// Path of the point's time.
        field: String,
        /// `at`
        at: String,
        /// `start`
        start: String,
        /// `end`
        end: String,
    },
    /// A dependency that not even the smallest fleet fits.
    #[error(
        "{field} does not hold for minReplicas, even without the pods of a rollout: {min} x perReplica {per_replica} is \
         more than limit {limit} - reserved {reserved}: raise limit, or lower minReplicas, perReplica or reserved"
    )]
    DependencyTooSmall {
        /// Path of the dependency.
        field: String,
        /// `limit`
        limit: u32,
        /// `reserved`
        reserved: u32,
        /// `perReplica`
        per_replica: u32,
        /// `minReplicas`
        min: u32,
    },
    /// Preset `Custom` without a label.
    #[error(
        "spec.spot.nodeLabels is Custom, but spec.spot.customNodeLabels is absent: say there which label tells spot \
         nodes"
    )]
    NodeLabelsMissing,
    /// A label that no preset reads.
    #[error(
        "spec.spot.customNodeLabels is only read with nodeLabels Custom: set spec.spot.nodeLabels to Custom, or \
         remove the block"
    )]
    NodeLabelsUnread,
    /// Both kinds of nodes have the same value.
    #[error(
        "spec.spot.customNodeLabels.onDemand is {value:?} as spot is, so no node can be told from another: correct \
         one of them"
    )]
    NodeLabelsAlike {
        /// The value of both.
        value: String,
    },
    /// A floor, ceiling or pin without a size.
    #[error(
        "spec.replicas is absent, and Floor, Ceiling and Pin need it: set it, or choose another spec.action"
    )]
    OverrideWithoutReplicas,
    /// A size that nothing reads.
    #[error(
        "spec.replicas is only read with Floor, Ceiling and Pin: remove it, or choose another spec.action"
    )]
    OverrideWithReplicas,
    /// An override that is over before it begins.
    #[error(
        "spec.expiresAt {to} is not after spec.notBefore {from}: choose a later end, or an earlier beginning"
    )]
    OverrideNeverCounts {
        /// `notBefore`
        from: String,
        /// `expiresAt`
        to: String,
    },
    /// An override that nobody would remember.
    #[error(
        "spec.expiresAt {to} is more than 24 h after spec.notBefore {from}: choose an earlier end, and order another \
         override when it ends"
    )]
    OverrideTooLong {
        /// `notBefore`
        from: String,
        /// `expiresAt`
        to: String,
    },
}
