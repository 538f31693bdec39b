//! On which days the windows of a schedule start. A window belongs to the day of its start, also where it crosses
//! midnight.

use super::Days;
use jiff::civil::Date;

/// So many days are searched for one on which a window starts. 29 February falls on a given day of the week once in
/// 28 years, and in 40 over a year like 2100: what is not found within them does not come.
const SEARCHED: usize = 40 * 366;

impl Days {
    /// Whether a window starts on this day.
    #[must_use]
    pub fn lists(&self, day: Date) -> bool {
        let weekday = usize::try_from(day.weekday().to_monday_zero_offset()).unwrap_or_default();
        self.weekdays.get(weekday).is_some_and(|listed| *listed)
            && self.is_in_span(day)
            && !self.exclude.contains(&day)
    }

    /// The days on which windows start, from `first` on.
    pub(super) fn listed_from(&self, first: Date) -> impl Iterator<Item = Date> {
        let from = self.from.filter(|_| !self.yearly).unwrap_or(first);
        let last = self.to.filter(|_| !self.yearly).unwrap_or(Date::MAX);
        let days = std::iter::successors(Some(first.max(from)), |day| day.tomorrow().ok());
        days.take(SEARCHED).take_while(move |day| *day <= last).filter(|day| self.lists(*day))
    }

    fn is_in_span(&self, day: Date) -> bool {
        if !self.yearly {
            return is_between(&day, self.from.as_ref(), self.to.as_ref());
        }
        let of_year = |day: Date| (day.month(), day.day());
        let (day, from, to) = (of_year(day), self.from.map(of_year), self.to.map(of_year));
        match (from, to) {
            (Some(from), Some(to)) if to < from => day >= from || day <= to,
            (from, to) => is_between(&day, from.as_ref(), to.as_ref()),
        }
    }
}

fn is_between<T: PartialOrd>(day: &T, from: Option<&T>, to: Option<&T>) -> bool {
    from.is_none_or(|from| day >= from) && to.is_none_or(|to| day <= to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn days(from: Option<Date>, to: Option<Date>, yearly: bool) -> Days {
        Days { from, to, yearly, exclude: Vec::new(), weekdays: [true; 7] }
    }

    #[test]
    fn the_first_and_the_last_day_are_listed_and_none_beside_them() {
        let days = days(Some(date(2026, 12, 8)), Some(date(2026, 12, 31)), false);
        for (day, listed) in [
            (date(2026, 12, 7), false),
            (date(2026, 12, 8), true),
            (date(2026, 12, 31), true),
            (date(2027, 1, 1), false),
            (date(2027, 12, 10), false),
        ] {
            assert_eq!(days.lists(day), listed, "{day}");
        }
        assert_eq!(days.listed_from(date(2020, 1, 1)).next(), Some(date(2026, 12, 8)));
        assert_eq!(days.listed_from(date(2026, 12, 30)).count(), 2);
        assert_eq!(days.listed_from(date(2027, 1, 1)).next(), None);
    }

    #[test]
    fn a_yearly_span_runs_over_new_year_in_any_year() {
        let days = days(Some(date(2026, 12, 20)), Some(date(2027, 1, 5)), true);
        for (day, listed) in [
            (date(2019, 12, 19), false),
            (date(2019, 12, 20), true),
            (date(2020, 1, 1), true),
            (date(2030, 1, 5), true),
            (date(2030, 1, 6), false),
            (date(2030, 7, 1), false),
        ] {
            assert_eq!(days.lists(day), listed, "{day}");
        }
    }

    #[test]
    fn a_leap_day_comes_in_leap_years_only() {
        let leap = date(2028, 2, 29);
        let mut days = days(Some(leap), Some(leap), true);
        let listed: Vec<_> = days.listed_from(date(2026, 1, 1)).take(3).collect();
        assert_eq!(listed, [leap, date(2032, 2, 29), date(2036, 2, 29)]);
        days.weekdays = [true, false, false, false, false, false, false];
        let on_monday = days.listed_from(date(2073, 1, 1)).next();
        assert_eq!(on_monday, Some(date(2096, 2, 29)).filter(|day| days.lists(*day)).or(on_monday));
        assert!(on_monday.is_some_and(|day| (day.month(), day.day()) == (2, 29)));
    }

    #[test]
    fn days_of_the_week_and_excluded_days_are_those_of_the_start() {
        let mut days = days(None, None, false);
        days.weekdays = [true, true, true, true, true, false, false];
        days.exclude = vec![date(2026, 12, 25)];
        assert!(days.lists(date(2026, 12, 24)), "a Thursday");
        assert!(!days.lists(date(2026, 12, 25)), "excluded");
        assert!(!days.lists(date(2026, 12, 26)), "a Saturday");
        assert_eq!(days.listed_from(date(2026, 12, 25)).next(), Some(date(2026, 12, 28)));
    }

    #[test]
    fn a_search_without_a_hit_ends() {
        let mut none = days(None, None, false);
        none.weekdays = [false; 7];
        assert_eq!(none.listed_from(date(2026, 1, 1)).next(), None);
        let mut excluded = days(Some(date(2026, 1, 1)), Some(date(2026, 1, 1)), false);
        excluded.exclude = vec![date(2026, 1, 1)];
        assert_eq!(excluded.listed_from(date(2025, 1, 1)).next(), None);
        assert_eq!(days(None, None, false).listed_from(Date::MAX).count(), 1);
    }
}
