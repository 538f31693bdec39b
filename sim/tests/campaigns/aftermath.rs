//! What must be so when mishaps are over, held against the same campaign without any: S4 to S6.
//!
//! The two runs have the same requests in every second. Their sizes may still differ by what the tolerance allows: a fleet
//! that was larger when a load came stays larger under it. At the end of a campaign, in the night, they must be the same.

use crate::operator::Diary;
use crate::oracles::Breach;
use apifleet_sim::plan::Plan;

/// So long after a mishap, in minutes, all is as if it had not been: a window of samples, a stabilisation window, and
/// the way from the largest size to the smallest by the scale-down limits, with room.
const SETTLES: usize = 30;
/// A tenth up and a tenth down, and what the noise of a minute adds.
const APART_PERCENT: u32 = 30;
/// Small fleets are whole replicas apart.
const APART: u32 = 3;
/// Status writes an hour where nothing changes: one in five minutes.
const REPORTS: u32 = 12;
/// Other reasons for the same size come and go with the noise, and are written once a minute at most.
const REASONS: u32 = 30;
/// The edges of a window and of its pre-warm.
const NEWS: u32 = 4;

/// What is not as it should be.
pub(crate) fn judge(plan: &Plan, played: &Diary, reference: &Diary) -> Vec<Breach> {
    let calm = calm_minutes(plan, played.sizes.len());
    let mut breaches = Vec::new();
    breaches.extend(far_apart(&calm, played, reference));
    breaches.extend(restless(&calm, played, reference));
    breaches.extend(busy_in_calm(&calm, played));
    breaches.extend(other_end(played, reference));
    breaches
}

/// For each minute whether every mishap has been over for long enough, and none has begun.
fn calm_minutes(plan: &Plan, minutes: usize) -> Vec<bool> {
    let mut calm = vec![true; minutes];
    let minute = |second: u32| usize::try_from(second / 60).unwrap();
    for mishap in &plan.mishaps {
        let until = (minute(mishap.end()) + 1 + SETTLES).min(minutes);
        calm[minute(mishap.at).min(until)..until].fill(false);
    }
    calm
}

fn breach(minute: usize, oracle: &'static str, seen: String) -> Breach {
    Breach { second: i64::try_from(minute * 60).unwrap(), oracle, seen }
}

/// S5: the size is within a bound of what it would be without the mishaps.
fn far_apart(calm: &[bool], played: &Diary, reference: &Diary) -> Option<Breach> {
    let sizes = played.sizes.iter().zip(&reference.sizes).enumerate();
    let far = |a: u32, b: u32| a.abs_diff(b) > APART.max(b * APART_PERCENT / 100);
    let (minute, (a, b)) = sizes.filter(|(it, _)| calm[*it]).find(|(_, (a, b))| far(**a, **b))?;
    Some(breach(minute, "S5 as large as without mishaps", format!("{a}, and {b} without")))
}

/// S5: in each calm stretch it moves little more than it does without the mishaps.
fn restless(calm: &[bool], played: &Diary, reference: &Diary) -> Option<Breach> {
    let changes = |sizes: &[u32]| sizes.windows(2).filter(|pair| pair[0] != pair[1]).count();
    stretches(calm).find_map(|(from, to)| {
        let of = |diary: &Diary| changes(&diary.sizes[from..to.min(diary.sizes.len())]);
        let (a, b) = (of(played), of(reference));
        (a > 2 * b + 6).then(|| {
            let seen = format!("{a} changes in {} minutes, and {b} without", to - from);
            breach(from, "S5 stable after mishaps", seen)
        })
    })
}

/// The calm stretches, each from a minute to the one after its last.
fn stretches(calm: &[bool]) -> impl Iterator<Item = (usize, usize)> {
    let begins = |it: &usize| calm[*it] && (*it == 0 || !calm[*it - 1]);
    let end =
        |from: usize| calm[from..].iter().position(|it| !it).map_or(calm.len(), |it| from + it);
    (0..calm.len()).filter(begins).map(move |from| (from, end(from)))
}

/// S4: an hour in which nothing changes, nor moves back to spot, has no write of the size, and few of the status: one in five minutes; besides, an
/// edge of a window may be said, and noise may give other reasons for the same size.
fn busy_in_calm(calm: &[bool], played: &Diary) -> Option<Breach> {
    let of = |hours: &[u32], hour: usize| hours.get(hour).copied().unwrap_or_default();
    let steady = |hour: &usize| {
        let minutes = hour * 60 - 1..(hour + 1) * 60;
        let sizes = &played.sizes[minutes.clone()];
        let still =
            sizes.windows(2).all(|pair| pair[0] == pair[1]) && of(&played.moves, *hour) == 0;
        still && calm[minutes].iter().all(|it| *it)
    };
    // In the first hour the fleet is taken over.
    let hours = (1..played.sizes.len() / 60).filter(steady);
    let mut counts = hours.map(|hour| {
        let Diary { writes, reports, reasons, news, .. } = played;
        (hour, [writes, reports, reasons, news].map(|hours| of(hours, hour)))
    });
    let most = [0, REPORTS, REASONS, NEWS];
    let beyond = |counts: &[u32; 4]| counts.iter().zip(most).any(|(count, most)| *count > most);
    let (hour, [writes, reports, reasons, news]) = counts.find(|(_, it)| beyond(it))?;
    let seen = format!(
        "{writes} writes of the size; {reports} of the status without news, {reasons} with another reason, {news} with news"
    );
    Some(breach(hour * 60, "S4 nothing written in a steady hour", seen))
}

/// S6: at the end all is as if nothing had happened.
fn other_end(played: &Diary, reference: &Diary) -> Option<Breach> {
    (played.end != reference.end).then(|| {
        let seen = format!("{:?}, and without mishaps {:?}", played.end, reference.end);
        breach(played.sizes.len(), "S6 the same end state", seen)
    })
}
