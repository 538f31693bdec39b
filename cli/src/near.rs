//! What somebody may have meant: the known names that are near to a typed one.

/// So many are named.
const MOST: usize = 3;
/// From this likeness on (0: nothing in common, 1: the same) a name is near.
const NEAR: f64 = 0.75;

/// The nearest names, the nearest first; at most three, none where nothing is near.
pub fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut near: Vec<(f64, &str)> = known
        .into_iter()
        .map(|name| (likeness(typed, name), name))
        .filter(|(likeness, _)| *likeness >= NEAR)
        .collect();
    near.sort_by(|(one, first), (other, second)| other.total_cmp(one).then(first.cmp(second)));
    near.into_iter().take(MOST).map(|(_, name)| name.to_owned()).collect()
}

/// A part of a name is as near as a slip of the finger.
fn likeness(typed: &str, name: &str) -> f64 {
    let part = typed.len() >= 3 && name.contains(typed);
    strsim::jaro_winkler(typed, name).max(if part { NEAR } else { 0.0 })
}

/// The end of a message that names them; empty where there is none.
#[must_use]
pub fn hint(near: &[String]) -> String {
    if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_comes_first_and_far_ones_not_at_all() {
        let known = ["shop-api", "shop-app", "billing", "shop-api-eu"];
        assert_eq!(nearest("shop-apii", known).first().map(String::as_str), Some("shop-api"));
        assert!(!nearest("shop-apii", known).contains(&"billing".to_owned()));
        assert_eq!(nearest("bill", known), ["billing"]);
        assert!(nearest("zzz", known).is_empty());
        assert!(nearest("shop", (0..50).map(|_| "shop-api")).len() <= MOST);
    }

    #[test]
    fn a_message_without_near_names_ends_where_it_is() {
        assert_eq!(hint(&[]), "");
        assert_eq!(hint(&["a".to_owned(), "b".to_owned()]), "; did you mean a, b?");
    }
}
