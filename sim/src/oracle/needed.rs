//! The smallest fleet that keeps the promise, minute by minute: found by trying, with the plant's own latency.

use crate::load::Load;
use crate::plant::latency::{Sojourns, mean_millis};
use crate::plant::{Felt, SATURATION, SLO_MILLIS, demanded};

/// The smallest size within bounds of which p95 is kept in each minute and no request turned away; the largest where
/// none is enough.
pub(super) fn needed(load: &Load, (min, max): (u32, u32)) -> Vec<u32> {
    let mut felt = Felt::new(load.arrivals().first().copied().unwrap_or(0).into());
    let mut minute: Vec<(f64, f64)> = Vec::with_capacity(60);
    let mut sizes = Vec::with_capacity(load.arrivals().len() / 60 + 1);
    for arrivals in load.arrivals().chunks(60) {
        minute.clear();
        minute.extend(arrivals.iter().map(|it| f64::from(*it)).map(|it| (it, felt.add(it))));
        // Below what the mean asks for nothing is enough.
        let seconds = f64::from(u32::try_from(minute.len()).unwrap_or(1).max(1));
        let mean = minute.iter().map(|it| it.1).sum::<f64>() / seconds;
        let first = demanded(mean, (min, max)).saturating_sub(1).max(min);
        sizes.push((first..max).find(|size| is_enough(&minute, *size)).unwrap_or(max));
    }
    sizes
}

/// Whether so many pods keep the promise in a minute of arrivals and felt loads.
fn is_enough(minute: &[(f64, f64)], size: u32) -> bool {
    let capacity = f64::from(size) * SATURATION;
    let mut sojourns = Sojourns::default();
    let mut queue = 0.0;
    for (arrivals, felt) in minute {
        let there = queue + arrivals;
        queue = (there - capacity).max(0.0);
        if queue > capacity {
            return false;
        }
        let answered = there - queue;
        if answered > 0.0 {
            sojourns.add(answered, mean_millis(felt / capacity, queue / capacity * 1000.0));
        }
    }
    sojourns.p95().is_none_or(|p95| p95 <= SLO_MILLIS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Trace;
    use jiff::Timestamp;

    fn load(rates: &[f64]) -> Load {
        let seconds = rates.iter().flat_map(|rate| [*rate; 60]).collect();
        Load::exact(&Trace::new("t", Timestamp::UNIX_EPOCH, 1, seconds).unwrap())
    }

    #[test]
    fn a_steady_rate_needs_what_carries_it_at_85_percent() {
        // Almost 59.5 requests per second a pod.
        assert_eq!(needed(&load(&[594.0, 594.0]), (2, 30)), [10, 10]);
        assert_eq!(needed(&load(&[0.0, 0.0]), (2, 30)), [2, 2]);
        assert_eq!(needed(&load(&[9000.0]), (2, 30)), [30]);
    }

    #[test]
    fn the_second_half_of_a_minute_counts_as_well() {
        let mut rates = vec![100.0; 30];
        rates.extend([590.0; 30]);
        let trace = Trace::new("t", Timestamp::UNIX_EPOCH, 1, rates).unwrap();
        let needed = needed(&Load::exact(&trace), (2, 30));
        assert!(needed[0] >= 9, "{needed:?}: the mean alone asks for 6");
    }
}
