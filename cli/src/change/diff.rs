//! The difference of two objects as lines of YAML: what goes with a minus, what comes with a plus. Pure.

use crate::document::{Syntax, write};
use crate::failure::Failure;
use crate::table::{Text, Tone, plain, toned};
use serde_json::Value;
use similar::{ChangeTag, TextDiff};

/// So many lines around a change are shown.
const AROUND: usize = 3;

/// The lines; none where nothing differs.
///
/// # Errors
/// Where an object cannot be written as YAML, which is a defect.
pub(super) fn lines(before: Option<&Value>, after: Option<&Value>) -> Result<Vec<Text>, Failure> {
    let (before, after) = (yaml(before)?, yaml(after)?);
    let diff = TextDiff::from_lines(before.as_str(), after.as_str());
    let mut lines = Vec::new();
    for (number, group) in diff.grouped_ops(AROUND).iter().enumerate() {
        if number > 0 {
            lines.push(toned(Tone::Dim, "  ..."));
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            lines.push(line(change.tag(), change.value().trim_end()));
        }
    }
    Ok(lines)
}

fn line(tag: ChangeTag, text: &str) -> Text {
    match tag {
        ChangeTag::Equal => plain(format!("  {text}")),
        ChangeTag::Delete => toned(Tone::Bad, format!("- {text}")),
        ChangeTag::Insert => toned(Tone::Good, format!("+ {text}")),
    }
}

fn yaml(object: Option<&Value>) -> Result<String, Failure> {
    object.map_or_else(|| Ok(String::new()), |object| write(Syntax::Yaml, object))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shown(before: Option<&Value>, after: Option<&Value>) -> Vec<String> {
        let lines = lines(before, after).unwrap();
        lines.iter().map(|line| line.text().to_owned()).collect()
    }

    #[test]
    fn a_change_is_shown_with_the_lines_around_it() {
        let object = |c: i32, z: i32| json!({"a": 1, "b": 1, "c": c, "d": 1, "e": 1, "f": 1, "g": 1, "h": 1, "i": 1, "j": 1, "k": 1, "z": z});
        let expected = [
            "  a: 1", "  b: 1", "- c: 1", "+ c: 2", "  d: 1", "  e: 1", "  f: 1", "  ...",
            "  i: 1", "  j: 1", "  k: 1", "- z: 1", "+ z: 2",
        ];
        assert_eq!(shown(Some(&object(1, 1)), Some(&object(2, 2))), expected);
    }

    #[test]
    fn what_is_new_and_what_goes_are_shown_whole_and_what_stays_not_at_all() {
        let object = json!({"a": "x"});
        assert_eq!(shown(None, Some(&object)), ["+ a: x"]);
        assert_eq!(shown(Some(&object), None), ["- a: x"]);
        assert_eq!(shown(Some(&object), Some(&object)), [""; 0]);
    }

    #[test]
    fn text_of_others_cannot_steer_a_terminal() {
        let shown = shown(None, Some(&json!({"a": "x\u{1b}[2Jy\nz"})));
        assert!(shown.iter().all(|line| !line.contains(char::is_control)), "{shown:?}");
    }
}
