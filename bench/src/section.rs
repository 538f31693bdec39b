//! A titled table: what a summary is made of, on a terminal, in `docs` and on a page. Pure.

use crate::markdown;

/// A titled table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) title: String,
    pub(crate) head: Vec<String>,
    /// Each has as many cells as the head; one that begins and ends with `**` is to be noticed.
    pub(crate) lines: Vec<Vec<String>>,
}

impl Section {
    /// A table, if anything is in it.
    pub(crate) fn new(
        title: String,
        head: impl IntoIterator<Item = impl Into<String>>,
        lines: Vec<Vec<String>>,
    ) -> Option<Self> {
        let head = head.into_iter().map(Into::into).collect();
        (!lines.is_empty()).then_some(Self { title, head, lines })
    }

    /// As Markdown.
    pub(crate) fn markdown(&self) -> String {
        let head: Vec<_> = self.head.iter().map(String::as_str).collect();
        let table = markdown::table(&head, self.lines.iter().cloned());
        format!("### {}\n\n{table}\n", self.title)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_its_title_above_and_one_without_lines_is_none() {
        let line = vec!["a".to_owned()];
        let section = Section::new("t".into(), ["who"], vec![line]).expect("a table");
        assert_eq!(section.markdown(), "### t\n\n| who |\n| --- |\n| a   |\n\n");
        assert_eq!(Section::new("t".into(), ["who"], Vec::new()), None);
    }
}
