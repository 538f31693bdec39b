//! A list in a sentence: as many as one reads, and how many more there are.

/// The first of them, `most` at most.
#[must_use]
pub fn few(all: &[String], most: usize) -> String {
    let named = all.iter().take(most).map(String::as_str).collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(most) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_named_is_counted() {
        let all = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(few(&all, 3), "a, b, c");
        assert_eq!(few(&all, 1), "a and 2 more");
    }
}
