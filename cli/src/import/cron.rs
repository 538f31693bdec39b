//! The times of day and days of the week of cron expressions, as far as a schedule can say them. Pure.

use apifleet_crds::schedules::Day;
use std::collections::BTreeSet;

const WEEK: [(Day, &str); 7] = [
    (Day::Mon, "MON"),
    (Day::Tue, "TUE"),
    (Day::Wed, "WED"),
    (Day::Thu, "THU"),
    (Day::Fri, "FRI"),
    (Day::Sat, "SAT"),
    (Day::Sun, "SUN"),
];

/// Once on each of some days of the week.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Daily {
    /// Minutes since midnight.
    minute: u32,
    days: BTreeSet<Day>,
}

/// A window that opens at one expression and closes at another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// When it opens, as a schedule has it.
    pub start: String,
    /// When it closes.
    pub end: String,
    /// The days on which it opens; `None` for every day.
    pub days: Option<Vec<Day>>,
}

/// The window between two expressions.
///
/// # Errors
/// Where a schedule cannot say it: why.
pub fn window(start: &str, end: &str) -> Result<Window, String> {
    let (opens, closes) = (daily(start)?, daily(end)?);
    if opens.minute == closes.minute {
        return Err("it opens and closes at the same time of day".to_owned());
    }
    // Before it opens is on the day after.
    let expected =
        if closes.minute < opens.minute { after(&opens.days) } else { opens.days.clone() };
    if closes.days != expected {
        return Err("it does not close within a day after it opens, on each of its days".to_owned());
    }
    let every_day = opens.days.len() == WEEK.len();
    Ok(Window {
        start: clock(opens.minute),
        end: clock(closes.minute),
        days: (!every_day).then(|| opens.days.into_iter().collect()),
    })
}

fn clock(minute: u32) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

fn after(days: &BTreeSet<Day>) -> BTreeSet<Day> {
    let following = WEEK.iter().cycle().skip(1);
    WEEK.iter()
        .zip(following)
        .filter(|((day, _), _)| days.contains(day))
        .map(|(_, (next, _))| *next)
        .collect()
}

fn daily(text: &str) -> Result<Daily, String> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let [minute, hour, day, month, weekday] = fields.as_slice() else {
        return Err(format!("{text:?} has not the five fields of a cron expression"));
    };
    let number = |field: &str, below: u32| field.parse::<u32>().ok().filter(|it| *it < below);
    let (Some(minute), Some(hour)) = (number(minute, 60), number(hour, 24)) else {
        return Err(format!("{text:?} is not one time of day"));
    };
    if !["*", "?"].contains(day) || *month != "*" {
        return Err(format!("{text:?} is not for days of the week"));
    }
    let days = weekdays(weekday).ok_or_else(|| format!("{text:?} names no days of the week"))?;
    Ok(Daily { minute: hour * 60 + minute, days })
}

fn weekdays(field: &str) -> Option<BTreeSet<Day>> {
    if matches!(field, "*" | "?") {
        return Some(WEEK.iter().map(|(day, _)| *day).collect());
    }
    let mut days = BTreeSet::new();
    for part in field.split(',') {
        let (first, last) = match part.split_once('-') {
            Some((first, last)) => (position(first, false)?, position(last, true)?),
            None => (position(part, true)?, position(part, true)?),
        };
        // 0-6 begins with Sunday, MON-SUN ends with it.
        let numbers = (first <= last).then_some(first..=last)?;
        for number in numbers {
            let (day, _) = WEEK.iter().cycle().nth(number + 6)?;
            days.insert(*day);
        }
    }
    Some(days)
}

/// 0 for Sunday to 6 for Saturday; 7 for Sunday where a range ends.
fn position(text: &str, ends: bool) -> Option<usize> {
    let upper = text.to_uppercase();
    let named = WEEK.iter().position(|(_, name)| *name == upper).map(|index| index + 1);
    let number = named.or_else(|| text.parse::<usize>().ok().filter(|it| *it <= 7))?;
    Some(if number == 7 && !ends { 0 } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(start: &str, end: &str) -> Option<(String, String, Option<Vec<Day>>)> {
        window(start, end).ok().map(|it| (it.start, it.end, it.days))
    }

    #[test]
    fn a_window_is_a_time_of_day_on_days_of_the_week() {
        let of = |start: &str, end: &str, days| Some((start.to_owned(), end.to_owned(), days));
        let work = vec![Day::Mon, Day::Tue, Day::Wed, Day::Thu, Day::Fri];
        assert_eq!(said("0 8 * * *", "0 20 * * *"), of("08:00", "20:00", None));
        assert_eq!(said("0 8 * * 1-5", "30 20 * * 1-5"), of("08:00", "20:30", Some(work.clone())));
        assert_eq!(said("0 8 * * MON-FRI", "30 20 * * mon,2-5"), of("08:00", "20:30", Some(work)));
        assert_eq!(said("0 8 * * 0-6", "0 9 * * 1-7"), of("08:00", "09:00", None));
        let ends = vec![Day::Sat, Day::Sun];
        assert_eq!(said("0 8 * * SAT-SUN", "0 9 * * 6,0"), of("08:00", "09:00", Some(ends)));
    }

    #[test]
    fn a_window_over_midnight_closes_on_the_days_after() {
        let of = |days| Some(("22:00".to_owned(), "06:00".to_owned(), days));
        assert_eq!(said("0 22 * * *", "0 6 * * *"), of(None));
        assert_eq!(said("0 22 * * 0", "0 6 * * 1"), of(Some(vec![Day::Sun])));
        assert_eq!(said("0 22 * * 1", "0 6 * * 1"), None, "it is open for a week less 16 hours");
    }

    #[test]
    fn what_a_schedule_cannot_say_is_refused_with_why() {
        for (start, end, why) in [
            ("0 8 * * 1", "0 20 * * 5", "within a day"),
            ("*/5 8 * * *", "0 20 * * *", "one time of day"),
            ("0 8 1 * *", "0 20 1 * *", "days of the week"),
            ("0 8 * 12 *", "0 20 * 12 *", "days of the week"),
            ("0 8 * *", "0 20 * * *", "five fields"),
            ("0 25 * * *", "0 20 * * *", "one time of day"),
            ("0 8 * * 8", "0 20 * * 8", "names no days"),
            ("0 8 * * 5-1", "0 20 * * 5-1", "names no days"),
            ("0 8 * * *", "0 8 * * *", "same time"),
            ("@daily", "0 8 * * *", "five fields"),
        ] {
            let said = window(start, end).unwrap_err();
            assert!(said.contains(why), "{start} {end}: {said}");
        }
    }
}
