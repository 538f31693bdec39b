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
    /// A size to fall back to that the bounds do not allow.
    #[error(
        "spec.signals.fallbackReplicas {fallback} is outside minReplicas..maxReplicas {min}..{max}: change it or the \
         bounds"
    )]
    FallbackOutsideBounds {
        /// `fallbackReplicas`
        fallback: u32,
        /// `minReplicas`
        min: u32,
        /// `maxReplicas`
        max: u32,
    },
}
