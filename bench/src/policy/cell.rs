//! The matrix: bounds of the fleet, how long a pod takes to become Ready, and how often each is drawn. Pure.

use std::fmt;

/// The smallest and the largest size of a fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Sizes {
    pub(crate) min: u32,
    pub(crate) max: u32,
}

/// One cell of the matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cell {
    pub(crate) sizes: Sizes,
    /// Seconds until a pod is Ready.
    pub(crate) lag: u32,
}

/// The campaign's own bounds.
const CAMPAIGN: Sizes = Sizes { min: 10, max: 30 };
/// Bounds that let a fleet follow a quiet night.
const WIDE: Sizes = Sizes { min: 2, max: 30 };
/// On a warm node with the image there; with the image to pull; on a new node.
const WARM: u32 = 10;
const PULL: u32 = 30;
const NEW_NODE: u32 = 150;
/// Where there is little to gain on the HPA, and ours has to match it.
pub(crate) const MATCHED: Cell = Cell { sizes: CAMPAIGN, lag: WARM };
/// Where most is claimed.
pub(crate) const CLAIMED: Cell = Cell { sizes: WIDE, lag: NEW_NODE };
/// Where faults and targets are compared.
pub(crate) const HARD: Cell = Cell { sizes: CAMPAIGN, lag: NEW_NODE };

impl Cell {
    /// All of them.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let lags = [NEW_NODE, PULL, WARM];
        [CAMPAIGN, WIDE]
            .into_iter()
            .flat_map(move |sizes| lags.into_iter().map(move |lag| Self { sizes, lag }))
    }

    /// Those in which a pod takes longest.
    pub(crate) fn hardest() -> impl Iterator<Item = Self> {
        Self::all().filter(|cell| cell.lag == NEW_NODE)
    }

    /// How many seeds it is drawn with: most where most is claimed.
    pub(crate) fn seeds(self, quick: bool) -> u64 {
        match (quick, self.lag) {
            (true, _) => 2,
            (false, NEW_NODE) => 20,
            (false, _) => 3,
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sizes: Sizes { min, max }, lag } = self;
        write!(f, "{min}-{max}.lag{lag}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_matrix_is_two_bounds_by_three_lags_with_names_of_their_own() {
        let names: BTreeSet<_> = Cell::all().map(|cell| cell.to_string()).collect();
        assert_eq!(names.len(), 6);
        assert!(names.contains("2-30.lag150") && names.contains(&HARD.to_string()), "{names:?}");
    }

    #[test]
    fn most_seeds_go_where_most_is_claimed() {
        let seeds = |lag| Cell { sizes: WIDE, lag }.seeds(false);
        assert_eq!((seeds(NEW_NODE), seeds(PULL), seeds(WARM)), (20, 3, 3));
        assert_eq!(HARD.seeds(true), 2);
    }
}
