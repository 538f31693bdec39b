//! What was typed after `override`, `hold` and `resume`, as what it means.

use super::Task;
use crate::args::change::ChangeArgs;
use crate::args::ordering::{DeedArgs, HoldArgs, LastsArgs, OverrideArgs, ResumeArgs, WaitArgs};
use crate::failure::Failure;
use crate::names::FleetName;
use crate::ordering::end::End;
use crate::ordering::order::Wish;
use crate::ordering::{Deed, Order};
use apifleet_core::Replicas;
use apifleet_core::overrides::{Action, Pace};

/// What `override` is to do.
pub(super) fn overriding(typed: OverrideArgs) -> Result<Task, Failure> {
    // Without `..`: a new flag cannot be forgotten.
    let OverrideArgs { fleet, name, deed, lasts, reason, immediate, wait, change } = typed;
    let DeedArgs { floor, ceiling, pin, no_spot, list, extend, end } = deed;
    if name.is_some() && !extend && !end {
        return Err(wrong("OVERRIDE goes with --extend and --end only: a new one gets its name"));
    }
    if list {
        return Ok(Task::ListOverrides { fleet });
    }
    let fleet = fleet.ok_or_else(|| wrong("name a fleet"))?;
    let deed = if end {
        Deed::End { name, reason }
    } else if extend {
        Deed::Extend { name, end: until(lasts)?, reason }
    } else {
        let size = |size: Option<u32>| size.map(Replicas::new);
        let named = size(floor).map(Action::Floor);
        let named = named.or(size(ceiling).map(Action::Ceiling)).or(size(pin).map(Action::Pin));
        let action = named.or(no_spot.then_some(Action::NoSpot));
        Deed::Place(Wish {
            action: action.ok_or_else(|| wrong("say what is ordered: --floor N, for example"))?,
            pace: if immediate { Pace::Immediate } else { Pace::Gradual },
            end: until(lasts)?,
            reason: reason.ok_or_else(|| wrong("say why with --reason"))?,
        })
    };
    Ok(ordered(fleet, deed, wait, change))
}

/// What `hold` is to do.
pub(super) fn holding(typed: HoldArgs) -> Result<Task, Failure> {
    let HoldArgs { fleet, lasts, reason, wait, change } = typed;
    let end = until(lasts)?;
    let deed = Deed::Place(Wish { action: Action::Hold, pace: Pace::Gradual, end, reason });
    Ok(ordered(fleet, deed, wait, change))
}

/// What `resume` is to do.
pub(super) fn resuming(typed: ResumeArgs) -> Task {
    let ResumeArgs { fleet, wait, change } = typed;
    ordered(fleet, Deed::Resume, wait, change)
}

fn ordered(fleet: FleetName, deed: Deed, wait: WaitArgs, change: ChangeArgs) -> Task {
    let WaitArgs { wait, timeout } = wait;
    Task::Order(Box::new(Order { fleet, deed, how: change.into(), wait: wait.then_some(timeout) }))
}

fn until(LastsArgs { length, until }: LastsArgs) -> Result<End, Failure> {
    let end = length.map(End::After).or(until.map(End::Until));
    end.ok_or_else(|| wrong("say how long with --for or --until"))
}

fn wrong(text: &str) -> Failure {
    Failure::Usage(text.to_owned())
}

#[cfg(test)]
mod tests {
    use crate::args::{LowArgs, Program};
    use crate::ordering::Deed;
    use crate::settings::{Settings, Task};
    use apifleet_core::Replicas;
    use apifleet_core::overrides::{Action, Pace};
    use std::ffi::OsString;

    /// The task, or the exit code with which it is refused.
    fn task(line: &str) -> Result<Task, u8> {
        let words = std::iter::once("apifleet").chain(line.split(' ')).map(OsString::from);
        let typed = LowArgs::read(Program::Apifleet, words.collect()).map_err(|_| 2_u8)?;
        let settings = Settings::new(Program::Apifleet, typed);
        settings.map(|settings| settings.task).map_err(|failure| failure.exit() as u8)
    }

    fn placed(line: &str) -> (Action, Pace) {
        match task(line) {
            Ok(Task::Order(order)) => match order.deed {
                Deed::Place(wish) => (wish.action, wish.pace),
                other => panic!("{line}: {other:?}"),
            },
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn each_order_is_one_value() {
        let size = Replicas::new(9);
        for (line, action) in [
            ("override a --floor 9 --for 1h --reason why", Action::Floor(size)),
            ("override a --ceiling 9 --until 18:00 --reason why", Action::Ceiling(size)),
            ("override a --pin 9 --for 1h --reason why", Action::Pin(size)),
            ("override a --no-spot --for 1h --reason why", Action::NoSpot),
            ("hold a --for 30m", Action::Hold),
        ] {
            assert_eq!(placed(line), (action, Pace::Gradual), "{line}");
        }
        let (_, pace) = placed("override a --pin 9 --for 1h --reason why --immediate");
        assert_eq!(pace, Pace::Immediate);
    }

    #[test]
    fn an_override_is_named_where_there_are_several() {
        for line in ["override a calm --end", "override --end a calm", "override a fo/calm --end"] {
            let Ok(Task::Order(order)) = task(line) else { panic!("{line}") };
            let Deed::End { name: Some(name), reason: None } = order.deed else { panic!("{line}") };
            assert_eq!((order.fleet.as_str(), name.as_str()), ("a", "calm"), "{line}");
        }
        assert_eq!(task("override --list"), Ok(Task::ListOverrides { fleet: None }));
        assert!(matches!(task("override --list -A"), Ok(Task::ListOverrides { fleet: None })));
    }

    #[test]
    fn nothing_is_ordered_by_half() {
        for line in [
            "override",
            "override a",
            "override a --floor 9",
            "override a --floor 9 --for 1h",
            "override a --floor 9 --reason why",
            "override a --floor 0 --for 1h --reason why",
            "override a --floor 1001 --for 1h --reason why",
            "override a --floor 9 --pin 9 --for 1h --reason why",
            "override a --floor 9 --end",
            "override a --floor 9 --for 1h --until 18:00 --reason why",
            "override a --floor 9 --for 0 --reason why",
            "override a --floor 9 --for 0s --reason why",
            "override a --floor 9 --for 25h --reason why",
            "override a --floor 9 --for 30 --reason why",
            "override a --floor 9 --until soon --reason why",
            "override a --floor 9 --for 1h --reason x",
            "override a calm --floor 9 --for 1h --reason why",
            "override a --no-spot",
            "override a --extend",
            "override a --end --for 1h",
            "override a --end --immediate",
            "override a --list --for 1h",
            "override a --list --yes",
            "override a --list --dry-run=client",
            "override a --end -A",
            "override --end",
            "hold a",
            "hold a --for 30m --until 18:00",
            "hold a --for 30m --timeout 3s",
            "hold",
            "resume",
            "resume a --for 1h",
            "resume a -A",
        ] {
            assert_eq!(task(line), Err(2), "{line}");
        }
    }
}
