//! What is recommended to a user: their own products, or else everyone's.
//!
//! Pure: the store reads rows and asks [`choose`] what they say. Working recommendations out is someone else's job.

use serde::Serialize;

/// Most products that one user is shown; positions in the table go as far.
pub const MOST: usize = 10;

/// For whom products were chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// For this user.
    Own,
    /// For all who have none of their own.
    Everyone,
}

/// What a user is shown, the best first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recommendations {
    /// For whom the products were chosen.
    pub source: Source,
    /// Their names.
    pub products: Vec<String>,
}

/// A stored row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// For whom.
    pub source: Source,
    /// What.
    pub product: String,
}

/// Chooses from the user's and everyone's rows, each in order of position.
#[must_use]
pub fn choose(rows: Vec<Row>) -> Recommendations {
    let has_own = rows.iter().any(|row| row.source == Source::Own);
    let source = if has_own { Source::Own } else { Source::Everyone };
    let products = rows.into_iter().filter(|row| row.source == source).map(|row| row.product);
    Recommendations { source, products: products.take(MOST).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(source: Source, product: &str) -> Row {
        Row { source, product: product.into() }
    }

    #[test]
    fn own_products_come_instead_of_everyones_and_not_beside_them() {
        let rows =
            vec![row(Source::Own, "kite"), row(Source::Everyone, "tea"), row(Source::Own, "drum")];
        let chosen = choose(rows);
        assert_eq!(
            (chosen.source, chosen.products),
            (Source::Own, vec!["kite".into(), "drum".into()])
        );
    }

    #[test]
    fn without_own_products_everyones_are_shown_and_without_any_none() {
        let chosen = choose(vec![row(Source::Everyone, "tea")]);
        assert_eq!((chosen.source, chosen.products), (Source::Everyone, vec!["tea".into()]));
        assert_eq!(choose(Vec::new()).products, Vec::<String>::new());
    }

    #[test]
    fn no_user_is_shown_more_than_ten() {
        let rows = vec![row(Source::Own, "kite"); 50];
        assert_eq!(choose(rows).products.len(), MOST);
    }
}
