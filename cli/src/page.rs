//! A page for people: lines, notices and grids, one under the other.

use crate::table::{Grid, Text, Tone, toned};
use anstyle::{AnsiColor, Style};

/// Between the parts of a line.
const GAP: &str = "   ";

/// A page that grows from top to bottom.
#[derive(Debug, Clone, Default)]
pub struct Page {
    text: String,
    width: Option<u16>,
}

// === impl Page ===

impl Page {
    /// An empty page; what is long is wrapped at `width` where that is known.
    #[must_use]
    pub fn new(width: Option<u16>) -> Self {
        Self { text: String::new(), width }
    }

    /// A line of short parts; those that it has no room for begin another one.
    #[must_use]
    pub fn line(mut self, parts: impl IntoIterator<Item = Text>) -> Self {
        let mut used = 0;
        for (place, part) in parts.into_iter().enumerate() {
            let end = used + GAP.len() + part.width();
            let fits = self.width.is_none_or(|width| end <= usize::from(width));
            used = match place {
                0 => part.width(),
                _ if fits => end,
                _ => {
                    self.text.push('\n');
                    GAP.len() + part.width()
                }
            };
            if place > 0 {
                self.text.push_str(GAP);
            }
            self.text.push_str(&paint(&part));
        }
        self.text.push('\n');
        self
    }

    /// A sentence, on as many lines as it takes.
    #[must_use]
    pub fn words(self, tone: Tone, text: impl Into<String>) -> Self {
        let mut grid = Grid::default();
        grid.push(vec![toned(tone, text)]);
        self.grid(&grid)
    }

    /// What must not be overlooked, each on lines of its own.
    #[must_use]
    pub fn notices(self, notices: &[String]) -> Self {
        notices.iter().fold(self, |page, notice| page.words(Tone::Bad, format!("! {notice}")))
    }

    /// A grid.
    #[must_use]
    pub fn grid(mut self, grid: &Grid) -> Self {
        self.text.push_str(&grid.render(self.width));
        self
    }

    /// A grid after an empty line; nothing where the grid is empty.
    #[must_use]
    pub fn section(self, grid: &Grid) -> Self {
        if grid.is_empty() { self } else { self.gap().grid(grid) }
    }

    /// An empty line.
    #[must_use]
    pub fn gap(mut self) -> Self {
        self.text.push('\n');
        self
    }

    /// The page as it is written.
    #[must_use]
    pub fn finish(self) -> String {
        self.text
    }
}

fn paint(part: &Text) -> String {
    let style = match part.tone() {
        Tone::Plain => Style::new(),
        Tone::Strong => Style::new().bold(),
        Tone::Good => AnsiColor::Green.on_default(),
        Tone::Note => AnsiColor::Yellow.on_default(),
        Tone::Bad => AnsiColor::Red.on_default(),
        Tone::Dim => Style::new().dimmed(),
    };
    format!("{style}{}{style:#}", part.text())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::plain;

    #[test]
    fn parts_without_room_begin_another_line() {
        let shown = |width| {
            let parts = ["shop/shop-api", "BelowDesired", "10..30 replicas"].map(plain);
            let page = Page::new(width).line(parts).words(Tone::Dim, "one two three");
            anstream::adapter::strip_str(&page.finish()).to_string()
        };
        let whole = "shop/shop-api   BelowDesired   10..30 replicas\none two three\n";
        assert_eq!((shown(None).as_str(), shown(Some(46)).as_str()), (whole, whole));
        let broken = "shop/shop-api   BelowDesired\n   10..30 replicas\none two three\n";
        assert_eq!(shown(Some(45)), broken);
    }
}
