//! Tables that read well as they are, in a terminal, and that Markdown renders. Pure.

use std::fmt::Write;

/// A table with a head; every line has as many cells as that.
pub(crate) fn table(head: &[&str], body: impl IntoIterator<Item = Vec<String>>) -> String {
    let lines: Vec<Vec<String>> = [
        head.iter().map(ToString::to_string).collect(),
        head.iter().map(|_| "---".to_owned()).collect(),
    ]
    .into_iter()
    .chain(body)
    .collect();
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|cells| cells.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..head.len()).map(width).collect();
    let mut table = String::new();
    for cells in &lines {
        for (cell, width) in cells.iter().zip(&widths) {
            // Writing into a String cannot fail.
            let _ = write!(table, "| {cell:<width$} ");
        }
        table.push_str("|\n");
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_in_characters() {
        let table = table(&["a", "b"], [vec!["µs".to_owned(), "longer".to_owned()]]);
        assert_eq!(table, "| a   | b      |\n| --- | ---    |\n| µs  | longer |\n");
    }
}
