//! Tables for people: columns by spaces, a tone per cell, long sentences wrapped between words at the terminal's edge.
//!
//! Text is always made with its colours; [`crate::terminal`] takes them away where they are not wanted.

use comfy_table::{Attribute, Cell, Color, ColumnConstraint, Table, Width, presets};

/// Space between columns.
const GAP: u16 = 3;
/// A last column with words that are longer is no wider for them: they stand out, alone on their lines.
const LAST: usize = 24;

/// What a cell means to the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// Nothing in particular.
    #[default]
    Plain,
    /// What the eye should find first.
    Strong,
    /// As it should be.
    Good,
    /// Worth knowing.
    Note,
    /// Wrong.
    Bad,
    /// Beside the point.
    Dim,
}

/// A piece of text with its tone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    text: String,
    tone: Tone,
}

/// Rows of cells.
#[derive(Debug, Clone, Default)]
pub struct Grid {
    header: Vec<Text>,
    rows: Vec<Vec<Text>>,
}

/// Plain text.
#[must_use]
pub fn plain(text: impl Into<String>) -> Text {
    toned(Tone::Plain, text)
}

/// Text with a tone.
#[must_use]
pub fn toned(tone: Tone, text: impl Into<String>) -> Text {
    // What comes from a cluster must not move the cursor of a terminal, nor break a row.
    let text = text.into().replace(char::is_control, " ");
    Text { text, tone }
}

/// How long a line with columns of these widths is.
#[must_use]
pub fn line_width(columns: &[usize]) -> usize {
    columns.iter().sum::<usize>() + usize::from(GAP) * columns.len().saturating_sub(1)
}

/// The value, or a dash where there is none.
#[must_use]
pub fn known(value: Option<impl ToString>) -> Text {
    value.map_or_else(|| toned(Tone::Dim, "-"), |value| plain(value.to_string()))
}

// === impl Text ===

impl Text {
    /// What it says.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How it says it.
    #[must_use]
    pub fn tone(&self) -> Tone {
        self.tone
    }

    /// So many characters.
    #[must_use]
    pub fn width(&self) -> usize {
        self.text.chars().count()
    }

    /// The longest word has so many.
    fn longest_word(&self) -> usize {
        self.text.split(' ').map(|word| word.chars().count()).max().unwrap_or_default()
    }

    /// The same in lines of at most so many, but for longer words.
    fn wrapped(&self, width: usize) -> Self {
        let mut lines: Vec<String> = Vec::new();
        for word in self.text.split(' ') {
            match lines.last_mut() {
                Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                    line.push(' ');
                    line.push_str(word);
                }
                Some(_) | None => lines.push(word.to_owned()),
            }
        }
        Self { text: lines.join("\n"), tone: self.tone }
    }
}

// === impl Grid ===

impl Grid {
    /// An empty grid with a line of titles.
    #[must_use]
    pub fn titled(header: Vec<&'static str>) -> Self {
        let header = header.into_iter().map(|title| toned(Tone::Dim, title)).collect();
        Self { header, rows: Vec::new() }
    }

    /// Adds a row.
    pub fn push(&mut self, row: Vec<Text>) {
        self.rows.push(row);
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How long its lines are where none is wrapped.
    #[must_use]
    pub fn width(&self) -> usize {
        line_width(&self.widths(Text::width))
    }

    /// The grid as lines, each ended; wrapped at `width` where that is known.
    #[must_use]
    pub fn render(&self, width: Option<u16>) -> String {
        match width {
            Some(width) => lines(&self.wrapped(width.into()).table()),
            None => lines(&self.table()),
        }
    }

    /// The same with cells of several lines, so that none of the grid is longer than `width`. The widest columns get
    /// narrower first, and none narrower than its longest word.
    fn wrapped(&self, width: usize) -> Self {
        let (whole, mut least) = (self.widths(Text::width), self.widths(Text::longest_word));
        if let Some(last) = least.last_mut() {
            *last = LAST.min(*last);
        }
        let cut = |most: usize| -> Vec<usize> {
            whole.iter().zip(&least).map(|(whole, least)| most.min(*whole).max(*least)).collect()
        };
        let fitting = (0..=width).rev().map(cut).find(|columns| line_width(columns) <= width);
        let columns = fitting.unwrap_or_else(|| cut(0));
        let wrap = |row: &Vec<Text>| -> Vec<Text> {
            row.iter().zip(&columns).map(|(text, width)| text.wrapped(*width)).collect()
        };
        Self { header: wrap(&self.header), rows: self.rows.iter().map(wrap).collect() }
    }

    /// The largest measure among the cells of each column.
    fn widths(&self, measure: fn(&Text) -> usize) -> Vec<usize> {
        let mut widths = Vec::new();
        for row in std::iter::once(&self.header).chain(&self.rows) {
            widths.resize(row.len().max(widths.len()), 0);
            for (width, text) in widths.iter_mut().zip(row) {
                *width = measure(text).max(*width);
            }
        }
        widths
    }

    /// The grid as lines, with columns at least so wide.
    #[must_use]
    pub fn render_with(&self, widths: &[usize]) -> String {
        let mut table = self.table();
        for (column, width) in table.column_iter_mut().zip(widths) {
            let width = u16::try_from(width.saturating_add(usize::from(GAP))).unwrap_or(u16::MAX);
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(width)));
        }
        lines(&table)
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).force_no_tty().enforce_styling();
        table.style_text_only();
        if !self.header.is_empty() {
            table.set_header(self.header.iter().map(cell));
        }
        for row in &self.rows {
            table.add_row(row.iter().map(cell));
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, GAP));
        }
        table
    }
}

fn lines(table: &Table) -> String {
    let mut lines = table.trim_fmt();
    if !lines.is_empty() {
        lines.push('\n');
    }
    lines
}

fn cell(text: &Text) -> Cell {
    let cell = Cell::new(&text.text);
    match text.tone {
        // Nothing has no colour, else a line would not end where it seems to.
        _ if text.text.is_empty() => cell,
        Tone::Plain => cell,
        Tone::Strong => cell.add_attribute(Attribute::Bold),
        Tone::Good => cell.fg(Color::Green),
        Tone::Note => cell.fg(Color::Yellow),
        Tone::Bad => cell.fg(Color::Red),
        Tone::Dim => cell.add_attribute(Attribute::Dim),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(grid: &Grid, width: Option<u16>) -> String {
        anstream::adapter::strip_str(&grid.render(width)).to_string()
    }

    #[test]
    fn columns_line_up_and_no_line_ends_in_space() {
        let mut grid = Grid::titled(vec!["NAME", "WHY"]);
        grid.push(vec![plain("shop-api"), toned(Tone::Bad, "Stalled")]);
        grid.push(vec![plain("x"), known(None::<i32>)]);
        assert_eq!(shown(&grid, None), "NAME       WHY\nshop-api   Stalled\nx          -\n");
    }

    #[test]
    fn a_long_sentence_wraps_under_itself() {
        let mut grid = Grid::default();
        grid.push(vec![plain("why"), plain("one two three four five six seven")]);
        let text = shown(&grid, Some(26));
        assert!(text.lines().count() > 1, "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 26), "{text}");
        assert!(text.lines().skip(1).all(|line| line.starts_with("      ")), "{text}");
    }

    #[test]
    fn the_widest_column_is_wrapped_first_and_a_reason_never() {
        let mut grid = Grid::titled(vec!["CONDITION", "REASON", "SINCE", "WHY"]);
        let why = "22 of 30 replicas are Ready, 8 wait";
        grid.push(["Ready=False", "DatabaseOrDependencyBound", "15s ago", why].map(plain).into());
        assert_eq!(
            shown(&grid, Some(72)),
            "CONDITION     REASON                      SINCE     WHY\n\
             Ready=False   DatabaseOrDependencyBound   15s ago   22 of 30 replicas\n\
             \u{20}                                                   are Ready, 8 wait\n"
        );
    }

    #[test]
    fn no_word_is_halved_at_any_width() {
        let url = "https://example.com/a/page/with/a/long/address";
        let mut grid = Grid::titled(vec!["A", "B"]);
        grid.push(vec![plain("DatabaseOrDependencyBound"), plain(format!("see {url} at once"))]);
        for width in 1..80 {
            let text = shown(&grid, Some(width));
            let words: Vec<&str> = text.split_whitespace().collect();
            for word in ["DatabaseOrDependencyBound", "see", url, "at", "once"] {
                assert!(words.contains(&word), "{word} at {width}: {text}");
            }
        }
    }

    #[test]
    fn a_long_word_alone_stands_out_of_the_lines() {
        let mut grid = Grid::default();
        let url = "https://example.com/a/page/with/a/long/address";
        grid.push(vec![plain(format!("one two three four five six seven: {url}"))]);
        assert_eq!(shown(&grid, Some(30)), format!("one two three four five six\nseven:\n{url}\n"));
    }

    #[test]
    fn text_of_others_cannot_steer_a_terminal() {
        let mut grid = Grid::default();
        grid.push(vec![plain("a\u{1b}[2Jb\nc\u{7}"), plain("d")]);
        assert_eq!(grid.render(None), "a [2Jb c    d\n");
    }

    #[test]
    fn nothing_is_no_line() {
        assert_eq!(Grid::default().render(Some(80)), "");
    }
}
