//! The reasons that a fleet can give, each with its meaning and its runbook.

use super::{Page, Section, Table, cell};
use apifleet_core::Reason;

pub(super) fn page() -> Page {
    let row = |reason: &Reason| {
        let word = reason.as_str();
        [format!("[`{word}`](../runbooks/{word}.md)"), cell(reason.meaning())]
    };
    let table = Table::of(["reason", "means"], Reason::ALL.iter().map(row));
    Page {
        file: "reasons.md",
        title: "Reasons",
        intro: "One word each, the same in conditions, events, metrics and on the command line. Where each is found, and what \
                to do, is said by its runbook; [all by condition](../runbooks/README.md#by-condition).",
        source: "`core/src/reason.rs`",
        sections: vec![Section::titled(2, "All reasons").with_table(table)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace;

    #[test]
    fn every_reason_has_a_meaning_and_a_runbook_that_exists() {
        for reason in Reason::ALL {
            let meaning = cell(reason.meaning());
            assert!(meaning.ends_with('.') && meaning.len() > 10, "{reason}: {meaning}");
            let runbook = format!("docs/runbooks/{reason}.md");
            assert!(workspace::root().join(&runbook).is_file(), "{runbook}");
        }
    }
}
