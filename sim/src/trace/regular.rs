//! From instants and values to buckets of one width, for every reader.

/// The values in buckets of one width.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Regular {
    /// The width of a bucket, in seconds: the smallest step between two rows.
    pub(super) bucket: u32,
    /// One value a bucket.
    pub(super) values: Vec<f64>,
}

/// Why rows are not in buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Irregular {
    /// One row, or none, has no width.
    TooFew,
    /// The row of this index comes at an instant that is not a whole number of buckets after the one before, or more
    /// than two.
    Gap { index: usize, step: i64, bucket: u32 },
    /// The smallest step is none that a bucket can have.
    TooWide,
}

/// Puts rows that rise in time into buckets. One missing row between two others is taken for their mean: real series
/// lack one now and then. More is a gap.
pub(super) fn regular(rows: &[(i64, f64)]) -> Result<Regular, Irregular> {
    let steps = || rows.iter().zip(rows.iter().skip(1));
    let step = |(a, b): (&(i64, f64), &(i64, f64))| b.0.saturating_sub(a.0);
    let width = steps().map(step).min().ok_or(Irregular::TooFew)?;
    let bucket = u32::try_from(width).ok().filter(|it| *it > 0).ok_or(Irregular::TooWide)?;
    let mut values = Vec::with_capacity(rows.len());
    values.extend(rows.first().map(|row| row.1));
    for (index, pair) in steps().enumerate() {
        let (before, after) = (pair.0.1, pair.1.1);
        let step = step(pair);
        if step == width.saturating_mul(2) {
            values.push(f64::midpoint(before, after));
        } else if step != width {
            return Err(Irregular::Gap { index: index + 1, step, bucket });
        }
        values.push(after);
    }
    Ok(Regular { bucket, values })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_step_is_the_width_and_one_missing_row_is_made_up() {
        let rows = [(0, 1.0), (120, 3.0), (180, 4.0)];
        assert_eq!(regular(&rows), Ok(Regular { bucket: 60, values: vec![1.0, 2.0, 3.0, 4.0] }));
    }

    #[test]
    fn more_than_one_missing_row_is_a_gap() {
        let gap = Irregular::Gap { index: 2, step: 180, bucket: 60 };
        assert_eq!(regular(&[(0, 1.0), (60, 1.0), (240, 1.0)]), Err(gap));
        let odd = Irregular::Gap { index: 2, step: 90, bucket: 60 };
        assert_eq!(regular(&[(0, 1.0), (60, 1.0), (150, 1.0)]), Err(odd));
    }

    #[test]
    fn one_row_has_no_width() {
        assert_eq!(regular(&[]), Err(Irregular::TooFew));
        assert_eq!(regular(&[(5, 1.0)]), Err(Irregular::TooFew));
        assert_eq!(regular(&[(0, 1.0), (i64::MAX, 1.0)]), Err(Irregular::TooWide));
    }
}
