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

    /// A line of parts.
    #[must_use]
    pub fn line(mut self, parts: impl IntoIterator<Item = Text>) -> Self {
        let painted: Vec<String> = parts.into_iter().map(|part| paint(&part)).collect();
        self.text.push_str(&painted.join(GAP));
        self.text.push('\n');
        self
    }

    /// What must not be overlooked, each on lines of its own.
    #[must_use]
    pub fn notices(self, notices: &[String]) -> Self {
        notices.iter().fold(self, |page, notice| {
            let mut grid = Grid::default();
            grid.push(vec![toned(Tone::Bad, format!("! {notice}"))]);
            page.grid(&grid)
        })
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
