//! When the floor of a curve changes next, without walking through it second by second.

use super::Floor;
use super::slot::Slot;
use crate::quantity::Replicas;
use jiff::{SignedDuration, Timestamp};

/// The first instants in `now..until`, which lie in the slot's window, at which its curve's floor is above `size`, and
/// at which it is below what it is now where that holds `size` up.
pub(super) fn of_curve(
    slot: &Slot,
    now: Timestamp,
    until: Timestamp,
    size: Replicas,
) -> [Option<Timestamp>; 2] {
    let Floor::Curve(points) = &slot.schedule.floor else { return [None, None] };
    let floor = |piece: Piece, at: Timestamp| {
        let after = piece.position + at.duration_since(piece.from);
        slot.schedule.floor.replicas(after, slot.per_replica)
    };
    let (mut rise, mut fall) = (None, None);
    let mut held = None;
    let pieces = Pieces { slot, from: now, until, left: 2 * points.len() + CLOCK_CHANGES };
    for piece in pieces {
        let held = *held.get_or_insert_with(|| floor(piece, now));
        rise = rise.or_else(|| piece.first(|at| floor(piece, at) > size));
        if held >= size {
            fall = fall.or_else(|| piece.first(|at| floor(piece, at) < held));
        }
        if rise.is_some() && (fall.is_some() || held < size) {
            break;
        }
    }
    [rise, fall]
}

/// No window meets more changes of the clock than this.
const CLOCK_CHANGES: usize = 8;

/// A part of a window in which the curve is one line: the wall clock runs through and no point lies inside.
#[derive(Clone, Copy)]
struct Piece {
    from: Timestamp,
    /// The first instant outside.
    to: Timestamp,
    /// Where `from` is on the window's wall clock.
    position: SignedDuration,
}

impl Piece {
    /// The first instant at which this holds, where it stays so until the end of the piece once it is so.
    fn first(&self, holds: impl Fn(Timestamp) -> bool) -> Option<Timestamp> {
        let at = |nanos| {
            let after = SignedDuration::try_from_nanos_i128(nanos);
            after.and_then(|after| self.from.checked_add(after).ok()).unwrap_or(self.to)
        };
        let (mut no, mut yes) = (-1, self.to.duration_since(self.from).as_nanos() - 1);
        if yes < 0 || !holds(at(yes)) {
            return None;
        }
        while yes - no > 1 {
            let middle = no + (yes - no) / 2;
            if holds(at(middle)) { yes = middle } else { no = middle }
        }
        Some(at(yes))
    }
}

/// The pieces from an instant to another.
struct Pieces<'a> {
    slot: &'a Slot<'a>,
    from: Timestamp,
    until: Timestamp,
    left: usize,
}

impl Iterator for Pieces<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        self.left = self.left.checked_sub(1)?;
        let from = self.from;
        let Floor::Curve(points) = &self.slot.schedule.floor else { return None };
        if from >= self.until {
            return None;
        }
        let calendar = &self.slot.schedule.calendar;
        let position = calendar.position(&self.slot.window, from);
        let points = points.iter().filter_map(|point| SignedDuration::try_from(point.after).ok());
        let bend = points.filter(|after| *after > position).min();
        let bend = bend.and_then(|after| from.checked_add(after - position).ok());
        let clock = calendar.zone.following(from).next().map(|change| change.timestamp());
        let to = bend.into_iter().chain(clock).fold(self.until, Timestamp::min);
        self.from = to;
        Some(Piece { from, to, position })
    }
}
