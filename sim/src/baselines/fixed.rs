//! A fleet of one size: what a scaler must beat in cost, or match in quality.

use super::count;
use crate::scaler::{Scaler, View};

/// Always the same size, within the bounds.
#[derive(Debug, Clone)]
pub struct Fixed {
    name: String,
    size: u32,
}

impl Fixed {
    /// Of so many replicas.
    #[must_use]
    pub fn new(name: impl Into<String>, size: u32) -> Self {
        Self { name: name.into(), size }
    }
}

impl Scaler for Fixed {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn period(&self) -> u32 {
        60
    }

    fn look(&mut self, view: &View<'_>) -> Option<u32> {
        Some(count::within(self.size, view.bounds))
    }

    fn restart(&mut self, _view: &View<'_>) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baselines::testing::{Stage, settled};

    #[test]
    fn the_size_stays_within_the_bounds_whatever_the_load() {
        for (size, expected) in [(1, 10), (20, 20), (u32::MAX, 30)] {
            let stage = Stage::new(settled(12), 5000.0);
            assert_eq!(Fixed::new("static", size).look(&stage.view()), Some(expected));
        }
    }
}
