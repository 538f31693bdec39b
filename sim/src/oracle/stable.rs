//! The cheapest plan without a reversal: sizes that are never below what is needed, and change in the other direction
//! more than ten minutes after the last change only.
//!
//! Found exactly, by dynamic programming backwards in time: the least that the rest costs, for each size and each state
//! of mind (free, or how long ago it went up or down). From there the plan is read off forwards. To need little memory
//! only every so many steps are kept, and those between them computed again.

/// A change in the other direction has to wait longer than this, in seconds.
const CALM: u32 = 600;
/// No plan costs so much.
const NEVER: u32 = u32::MAX / 4;
/// Steps between two that are kept.
const BLOCK: usize = 1024;

/// The costs of the rest of a plan: a row for each state of mind, in it a column for each size.
type Costs = Vec<u32>;

/// What the steps of a plan are computed with.
struct Problem<'a> {
    needed: &'a [u32],
    /// The size of column 0.
    least: u32,
    columns: usize,
    /// Steps after which a direction may turn.
    calm: usize,
}

/// A state of mind: free to turn, or so many steps after a change up or down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Free,
    Up(usize),
    Down(usize),
}

/// The sizes of the cheapest plan for what each step of so many seconds needs, from a size before the first.
pub(super) fn plan(needed: &[u32], step: u32, before: u32) -> Vec<u32> {
    let sizes = || needed.iter().copied().chain([before]);
    let (Some(least), Some(most)) = (sizes().min(), sizes().max()) else { return Vec::new() };
    let problem = Problem {
        needed,
        least,
        columns: (most - least) as usize + 1,
        calm: (CALM / step.max(1)) as usize + 1,
    };
    problem.solve((before - least) as usize)
}

impl Problem<'_> {
    fn solve(&self, before: usize) -> Vec<u32> {
        let steps = self.needed.len();
        // Costs at the beginning of each block, from the last to the first; after the end nothing costs anything.
        let mut kept = vec![self.nothing()];
        for block in (0..steps.div_ceil(BLOCK)).rev() {
            let last = kept.last().cloned().unwrap_or_default();
            let first = self.backwards(block, last, |_| {});
            kept.push(first);
        }
        kept.pop();
        let mut plan = Vec::with_capacity(steps);
        let (mut column, mut mood) = (before, Mood::Free);
        for block in 0..steps.div_ceil(BLOCK) {
            let after = kept.pop().unwrap_or_default();
            // What the steps of the block lead to, the last first.
            let mut rest = vec![after.clone()];
            self.backwards(block, after, |costs| rest.push(costs.to_vec()));
            rest.pop();
            for step in self.steps_of(block) {
                let next = rest.pop().unwrap_or_default();
                (column, mood) = self.best(step, &next, column, mood);
                plan.push(self.size(column));
            }
        }
        plan
    }

    /// Costs at the beginning of a block, from those after it; each in between is shown.
    fn backwards(&self, block: usize, after: Costs, mut show: impl FnMut(&[u32])) -> Costs {
        let mut next = after;
        for step in self.steps_of(block).rev() {
            next = self.costs(step, &next);
            show(&next);
        }
        next
    }

    fn steps_of(&self, block: usize) -> std::ops::Range<usize> {
        block * BLOCK..((block + 1) * BLOCK).min(self.needed.len())
    }

    /// Costs from a step on, from those after it.
    fn costs(&self, step: usize, next: &[u32]) -> Costs {
        let cost = |offers: Vec<(u32, usize)>| offers.into_iter().map(|offer| offer.0);
        let ups: Vec<u32> = cost(self.cheapest_up(step, next)).collect();
        let downs: Vec<u32> = cost(self.cheapest_down(step, next)).collect();
        let both: Vec<u32> = ups.iter().zip(&downs).map(|(up, down)| *up.min(down)).collect();
        let prices: Vec<u32> = (0..self.columns).map(|column| self.pay(step, column, 0)).collect();
        let mut costs = self.nothing();
        for (row, cells) in costs.chunks_exact_mut(self.columns).enumerate() {
            let mood = self.mood(row);
            let moves = match mood {
                Mood::Free => &both,
                Mood::Up(_) => &ups,
                Mood::Down(_) => &downs,
            };
            let rest = self.row(next, self.older(mood));
            let stays = prices.iter().zip(rest).map(|(price, rest)| price + rest);
            for ((cell, stay), other) in cells.iter_mut().zip(stays).zip(moves) {
                *cell = stay.min(*other).min(NEVER);
            }
        }
        costs
    }

    /// The best thing to do in a step, from a size in a mood: to stay, if that is as good as anything else.
    fn best(&self, step: usize, next: &[u32], column: usize, mood: Mood) -> (usize, Mood) {
        let older = self.older(mood);
        let stay = self.row(next, older).get(column).copied().unwrap_or(NEVER);
        let mut best = (self.pay(step, column, stay), (column, older));
        let mut offer = |offers: Vec<(u32, usize)>, mood| {
            if let Some((cost, to)) = offers.get(column).copied().filter(|it| it.0 < best.0) {
                best = (cost, (to, mood));
            }
        };
        if !matches!(mood, Mood::Down(_)) {
            offer(self.cheapest_up(step, next), Mood::Up(1));
        }
        if !matches!(mood, Mood::Up(_)) {
            offer(self.cheapest_down(step, next), Mood::Down(1));
        }
        best.1
    }

    /// For each size the cheapest larger one to go to now, with its column.
    fn cheapest_up(&self, step: usize, next: &[u32]) -> Vec<(u32, usize)> {
        let mut best = (NEVER, 0);
        let mut offers = vec![best; self.columns];
        let costs = self.row(next, Mood::Up(1));
        for (column, offer) in offers.iter_mut().enumerate().rev() {
            *offer = best;
            let cost = self.pay(step, column, costs.get(column).copied().unwrap_or(NEVER));
            best = best.min((cost, column));
        }
        offers
    }

    /// For each size the cheapest smaller one to go to now, with its column.
    fn cheapest_down(&self, step: usize, next: &[u32]) -> Vec<(u32, usize)> {
        let mut best = (NEVER, 0);
        let mut offers = vec![best; self.columns];
        let costs = self.row(next, Mood::Down(1));
        for (column, offer) in offers.iter_mut().enumerate() {
            *offer = best;
            let cost = self.pay(step, column, costs.get(column).copied().unwrap_or(NEVER));
            best = best.min((cost, column));
        }
        offers
    }

    /// What a size costs in a step, with what the rest costs; never where it is too small.
    fn pay(&self, step: usize, column: usize, rest: u32) -> u32 {
        let size = self.size(column);
        let is_enough = self.needed.get(step).is_some_and(|needed| size >= *needed);
        if is_enough { size.saturating_add(rest).min(NEVER) } else { NEVER }
    }

    fn size(&self, column: usize) -> u32 {
        self.least + u32::try_from(column).unwrap_or(u32::MAX)
    }

    fn nothing(&self) -> Costs {
        vec![0; self.columns * (2 * self.calm - 1)]
    }

    /// One step later.
    const fn older(&self, mood: Mood) -> Mood {
        match mood {
            Mood::Up(age) if age + 1 < self.calm => Mood::Up(age + 1),
            Mood::Down(age) if age + 1 < self.calm => Mood::Down(age + 1),
            Mood::Free | Mood::Up(_) | Mood::Down(_) => Mood::Free,
        }
    }

    /// The row of a mood: free first, then those after a change up, then those after one down.
    fn row<'a>(&self, costs: &'a [u32], mood: Mood) -> &'a [u32] {
        let row = match mood {
            Mood::Free => 0,
            Mood::Up(age) => age,
            Mood::Down(age) => self.calm - 1 + age,
        };
        costs.get(row * self.columns..(row + 1) * self.columns).unwrap_or_default()
    }

    const fn mood(&self, row: usize) -> Mood {
        if row == 0 {
            Mood::Free
        } else if row < self.calm {
            Mood::Up(row)
        } else {
            Mood::Down(row + 1 - self.calm)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Five minutes a step: a turn has to wait for three steps.
    const STEP: u32 = 300;

    fn cost(plan: &[u32]) -> u32 {
        plan.iter().sum()
    }

    /// Whether no change comes less than three steps after one in the other direction.
    fn is_calm(plan: &[u32], before: u32) -> bool {
        let mut last: Option<(usize, bool)> = None;
        let mut size = before;
        for (step, next) in plan.iter().enumerate() {
            if *next != size {
                let up = *next > size;
                if last.is_some_and(|(at, other)| other != up && step - at < 3) {
                    return false;
                }
                last = Some((step, up));
            }
            size = *next;
        }
        true
    }

    /// The cheapest plan, by trying all of them.
    fn by_trying(needed: &[u32], before: u32) -> u32 {
        let most = *needed.iter().max().unwrap().max(&before);
        let plans = (most as usize).pow(u32::try_from(needed.len()).unwrap());
        let nth = |mut index: usize| -> Vec<u32> {
            let mut digit = || {
                let digit = index % most as usize;
                index /= most as usize;
                u32::try_from(digit).unwrap() + 1
            };
            needed.iter().map(|_| digit()).collect()
        };
        (0..plans)
            .map(nth)
            .filter(|plan| plan.iter().zip(needed).all(|(size, needed)| size >= needed))
            .filter(|plan| is_calm(plan, before))
            .map(|plan| cost(&plan))
            .min()
            .unwrap()
    }

    #[test]
    fn no_other_plan_is_cheaper() {
        let cases: [(&[u32], u32); 7] = [
            (&[1, 1, 1, 1, 1, 1, 1, 1], 1),
            (&[1, 1, 3, 1, 1, 3, 1, 1], 1),
            (&[1, 3, 1, 1, 1, 1, 3, 1], 2),
            (&[3, 1, 1, 1, 2, 1, 1, 1], 3),
            (&[1, 2, 3, 2, 1, 2, 3, 2], 1),
            (&[2, 1, 2, 1, 2, 1, 2, 1], 3),
            (&[1, 1, 1, 1, 1, 1, 1, 3], 3),
        ];
        for (needed, before) in cases {
            let plan = plan(needed, STEP, before);
            assert!(plan.iter().zip(needed).all(|(size, needed)| size >= needed), "{plan:?}");
            assert!(is_calm(&plan, before), "{needed:?} from {before}: {plan:?}");
            assert_eq!(cost(&plan), by_trying(needed, before), "{needed:?}: {plan:?}");
        }
    }

    #[test]
    fn blocks_join_without_a_seam() {
        let needed: Vec<u32> =
            (0..3 * BLOCK + 7).map(|step| if step % 50 < 20 { 9 } else { 2 }).collect();
        let plan = plan(&needed, STEP, 2);
        assert_eq!(plan, needed, "every change is far from the next one");
    }

    #[test]
    fn nothing_to_plan_is_no_plan() {
        assert!(plan(&[], STEP, 5).is_empty());
    }
}
