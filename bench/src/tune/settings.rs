//! The settings that are compared: the default, the default with one thing changed, and a few candidates that change
//! several. Pure.

use crate::policy::{Contestant, ours};
use apifleet_core::behavior::{Amount, Behavior, Direction, RatePolicy};
use apifleet_core::{FleetPolicy, Percent, Replicas, Rps};
use std::time::Duration;

/// A setting, named by what it changes.
pub(crate) struct Setting {
    pub(crate) contestant: Contestant,
}

/// The name of the default.
pub(crate) const DEFAULT: &str = "default";

type Named = (String, Behavior);

/// All of them; the default comes first.
pub(crate) fn all() -> Vec<Setting> {
    let changed = windows().into_iter().chain(tolerances()).chain(limits()).chain(together());
    std::iter::once((DEFAULT.to_owned(), Behavior::default()))
        .chain(changed)
        .map(|(name, behavior)| Setting {
            contestant: ours(name, move |policy| policy.behavior = behavior.clone()),
        })
        .chain(signal_windows())
        .chain(targets())
        .collect()
}

fn windows() -> Vec<Named> {
    let down = [60, 120, 180, 300, 600, 900, 1800, 3600].map(|seconds| {
        let behavior = Behavior::default().with_down_window(Duration::from_secs(seconds));
        (format!("down-window-{seconds}s"), behavior)
    });
    let up = [15, 30, 60].map(|seconds| {
        let stabilization_window = Duration::from_secs(seconds);
        (format!("up-window-{seconds}s"), up(|up| Direction { stabilization_window, ..up }))
    });
    down.into_iter().chain(up).collect()
}

fn tolerances() -> Vec<Named> {
    let down = [5, 15, 20, 25].map(|value| {
        let tolerance = percent(value);
        (format!("down-tolerance-{value}"), down(|down| Direction { tolerance, ..down }))
    });
    let up = [0, 5, 15].map(|value| {
        let tolerance = percent(value);
        (format!("up-tolerance-{value}"), up(|up| Direction { tolerance, ..up }))
    });
    down.into_iter().chain(up).collect()
}

fn limits() -> Vec<Named> {
    let down = [(5, 1), (20, 4), (50, 10), (100, 30)].map(|(share, pods)| {
        let policies = rates(share, pods, 60);
        let name = format!("down-{share}%-or-{pods}-a-minute");
        (name, down(|down| Direction { policies: policies.clone(), ..down }))
    });
    let up = [(50, 4), (200, 16)].map(|(share, pods)| {
        let policies = rates(share, pods, 15);
        let name = format!("up-{share}%-or-{pods}-in-15s");
        (name, up(|up| Direction { policies: policies.clone(), ..up }))
    });
    down.into_iter().chain(up).collect()
}

/// Candidates that change several things at once.
fn together() -> Vec<Named> {
    let slow = |(seconds, up_tolerance, down_tolerance): (u64, u8, u8)| {
        let Behavior { up, down, longest_down_window } = Behavior::default();
        let behavior = Behavior {
            up: Direction { tolerance: percent(up_tolerance), ..up },
            down: Direction { tolerance: percent(down_tolerance), ..down },
            longest_down_window,
        };
        let name = format!("down-window-{seconds}s-up-{up_tolerance}-down-{down_tolerance}");
        (name, behavior.with_down_window(Duration::from_secs(seconds)))
    };
    let all = [(600, 5, 10), (900, 5, 10), (900, 5, 15), (600, 0, 15), (1800, 5, 10)];
    all.map(slow).into()
}

/// Other windows of the signals, with the default behavior.
fn signal_windows() -> impl Iterator<Item = Setting> {
    [30, 120].into_iter().map(|seconds| {
        let window = Duration::from_secs(seconds);
        let set = move |policy: &mut FleetPolicy| {
            policy.signals.window = window;
            policy.signals.stale_after = policy.signals.stale_after.max(window);
        };
        Setting { contestant: ours(format!("signals-over-{seconds}s"), set) }
    })
}

/// Other targets per replica, with long windows: what somebody can set whose traffic jumps about.
fn targets() -> impl Iterator<Item = Setting> {
    let one = |(target, seconds): (u8, u64)| {
        let window = Duration::from_secs(seconds);
        let set = move |policy: &mut FleetPolicy| {
            policy.signals.target_per_replica = Rps::new(f64::from(target)).unwrap_or_default();
            policy.behavior = policy.behavior.clone().with_down_window(window);
        };
        Setting { contestant: ours(format!("target-{target}-down-window-{seconds}s"), set) }
    };
    [(55, 300), (55, 1800), (55, 3600), (60, 300), (60, 1800), (60, 3600)].into_iter().map(one)
}

fn percent(value: u8) -> Percent {
    Percent::new(f64::from(value)).unwrap_or_default()
}

fn down(change: impl Fn(Direction) -> Direction) -> Behavior {
    let default = Behavior::default();
    Behavior { down: change(default.down), ..default }
}

fn up(change: impl Fn(Direction) -> Direction) -> Behavior {
    let default = Behavior::default();
    Behavior { up: change(default.up), ..default }
}

fn rates(percent: u32, pods: u32, seconds: u64) -> Vec<RatePolicy> {
    let period = Duration::from_secs(seconds);
    vec![
        RatePolicy { amount: Amount::Percent(percent), period },
        RatePolicy { amount: Amount::Pods(Replicas::new(pods)), period },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_setting_has_a_name_of_its_own_that_a_row_can_carry_and_the_default_is_first() {
        let settings = all();
        let names: BTreeSet<_> =
            settings.iter().map(|setting| setting.contestant.name.clone()).collect();
        assert_eq!(names.len(), settings.len());
        assert!(names.iter().all(|name| !name.contains('.')), "{names:?}");
        assert_eq!(settings.first().map(|one| one.contestant.name.as_str()), Some(DEFAULT));
    }
}
