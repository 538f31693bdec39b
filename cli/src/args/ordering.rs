//! What can be typed after `override`, `hold` and `resume`.

use super::change::ChangeArgs;
use crate::names::{FleetName, OverrideName};
use crate::ordering::end::{Length, Until};
use crate::ordering::order::Why;
use crate::time::parse_wait;
use std::time::Duration;

/// The title in help texts of what goes with an order.
const WITH_IT: &str = "With it";

/// Arguments of `override`.
#[derive(Debug, clap::Args)]
pub struct OverrideArgs {
    /// The fleet
    #[arg(value_parser = FleetName::parse, required_unless_present = "list")]
    pub fleet: Option<FleetName>,

    /// With --extend or --end: which override, where the fleet has several
    #[arg(value_name = "OVERRIDE", value_parser = OverrideName::parse)]
    pub name: Option<OverrideName>,

    /// What is to be done.
    #[command(flatten)]
    pub deed: DeedArgs,

    /// How long it lasts.
    #[command(flatten)]
    pub lasts: LastsArgs,

    /// Why, for whoever reads it later; needed to order something
    #[arg(long, value_name = "TEXT", value_parser = Why::parse, help_heading = WITH_IT)]
    pub reason: Option<Why>,

    /// Let the size fall at once, not by the limits of behavior.scaleDown; it rises at once anyway
    #[arg(long, conflicts_with_all = ["list", "extend", "end"], help_heading = WITH_IT)]
    pub immediate: bool,

    /// Whether it is waited for.
    #[command(flatten)]
    pub wait: WaitArgs,

    /// How it is written.
    #[command(flatten)]
    pub change: ChangeArgs,
}

/// What `override` does: exactly one of them.
#[derive(Debug, Clone, Copy, clap::Args)]
#[command(next_help_heading = "One of these")]
#[group(id = "deed", required = true, multiple = false)]
#[allow(clippy::struct_excessive_bools, reason = "flags of a group of which one can be given")]
pub struct DeedArgs {
    /// No fewer replicas than N
    #[arg(
        long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000),
        requires = "lasting", requires = "reason"
    )]
    pub floor: Option<u32>,

    /// No more replicas than N
    #[arg(
        long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000),
        requires = "lasting", requires = "reason"
    )]
    pub ceiling: Option<u32>,

    /// Exactly N replicas
    #[arg(
        long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000),
        requires = "lasting", requires = "reason"
    )]
    pub pin: Option<u32>,

    /// Every replica leaves spot, and none goes there
    #[arg(long, requires = "lasting", requires = "reason")]
    pub no_spot: bool,

    /// Show what is ordered, and what was in the last 7 days; without FLEET of every fleet
    #[arg(long, conflicts_with_all = ["lasting", "reason", "wait", "yes", "dry_run"])]
    pub list: bool,

    /// Let an override end later: by --for, or at --until
    #[arg(long, requires = "lasting")]
    pub extend: bool,

    /// End an override now; one that has not begun is deleted
    #[arg(long, conflicts_with = "lasting")]
    pub end: bool,
}

/// How long it lasts: in either of two ways.
#[derive(Debug, Clone, Copy, clap::Args)]
#[command(next_help_heading = "How long: one of these")]
#[group(id = "lasting", multiple = false)]
pub struct LastsArgs {
    /// So long: 30m, 2h, 1h30m; 24h at most
    #[arg(long = "for", value_name = "LENGTH", value_parser = Length::parse)]
    pub length: Option<Length>,

    /// Until your clock shows this: 18:00, 2026-12-10T18:00; or in UTC, 2026-12-10T17:00:00Z
    #[arg(long, value_name = "TIME", value_parser = Until::parse)]
    pub until: Option<Until>,
}

/// Whether the operator is waited for.
#[derive(Debug, Clone, Copy, clap::Args)]
#[command(next_help_heading = "Once it is written")]
pub struct WaitArgs {
    /// Wait until the operator acts on it; exit with 5 if the time runs out
    #[arg(long)]
    pub wait: bool,

    /// With --wait: no longer than this
    #[arg(
        long, value_name = "LENGTH", value_parser = parse_wait, default_value = "30s", requires = "wait"
    )]
    pub timeout: Duration,
}

/// Arguments of `hold`.
#[derive(Debug, clap::Args)]
pub struct HoldArgs {
    /// The fleet
    #[arg(value_parser = FleetName::parse, requires = "lasting")]
    pub fleet: FleetName,

    /// How long it lasts.
    #[command(flatten)]
    pub lasts: LastsArgs,

    /// Why, for whoever reads it later
    #[arg(
        long, value_name = "TEXT", value_parser = Why::parse, default_value = "held by hand",
        help_heading = WITH_IT
    )]
    pub reason: Why,

    /// Whether it is waited for.
    #[command(flatten)]
    pub wait: WaitArgs,

    /// How it is written.
    #[command(flatten)]
    pub change: ChangeArgs,
}

/// Arguments of `resume`.
#[derive(Debug, clap::Args)]
pub struct ResumeArgs {
    /// The fleet
    #[arg(value_parser = FleetName::parse)]
    pub fleet: FleetName,

    /// Whether it is waited for.
    #[command(flatten)]
    pub wait: WaitArgs,

    /// How it is written.
    #[command(flatten)]
    pub change: ChangeArgs,
}
