//! Counts changes of the wanted size, and those that take back the one before.

/// Within so many seconds a change in the other direction is a reversal.
const SHORT: u32 = 600;
/// The same, for the longer count.
const LONG: u32 = 1800;

/// What one change was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Change {
    /// Within 10 minutes after one in the other direction.
    pub(super) reverses_10min: bool,
    /// Within 30 minutes after one in the other direction.
    pub(super) reverses_30min: bool,
}

/// The last change.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Changes {
    last: Option<(u32, bool)>,
}

impl Changes {
    /// The size went up or down.
    pub(super) fn change(&mut self, second: u32, up: bool) -> Change {
        let turned = self.last.filter(|last| last.1 != up).map(|last| second - last.0);
        self.last = Some((second, up));
        let within = |most| turned.is_some_and(|since| since <= most);
        Change { reverses_10min: within(SHORT), reverses_30min: within(LONG) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reversal_is_a_turn_soon_after_a_change() {
        let mut changes = Changes::default();
        let seen: Vec<(bool, bool)> =
            [(0, true), (100, true), (700, false), (1301, true), (3102, false), (3103, false)]
                .into_iter()
                .map(|(second, up)| changes.change(second, up))
                .map(|it| (it.reverses_10min, it.reverses_30min))
                .collect();
        let (no, long, both) = ((false, false), (false, true), (true, true));
        assert_eq!(seen, [no, no, both, long, no, no]);
    }
}
