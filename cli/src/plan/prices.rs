//! What an hour of a node costs, out of a file. This program knows no prices: they differ by region, contract and day.
//!
//! ```yaml
//! currency: USD
//! nodes:
//!   m6i.large: {onDemand: 0.107, spot: 0.041}
//! ```

use crate::failure::Failure;
use crate::manifest;
use crate::near;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// No hour of a node costs more, whatever the currency.
const DEAREST: f64 = 1e9;

/// What the nodes of a plan cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Price {
    /// The currency, as the file calls it.
    pub currency: String,
    /// An hour on demand.
    pub on_demand: f64,
    /// An hour on spot; `None` where nothing runs there.
    pub spot: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Prices {
    currency: String,
    nodes: BTreeMap<String, Hour>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Hour {
    on_demand: f64,
    spot: Option<f64>,
}

// === impl Price ===

impl Price {
    /// The price of a type of node.
    ///
    /// # Errors
    /// Where the file cannot be used, or does not have it.
    pub fn read(path: &Path, node: Option<&str>, with_spot: bool) -> Result<Self, Failure> {
        let bad = |reason: String| Failure::File { path: path.to_owned(), reason };
        Self::of(&manifest::text(path)?, node, with_spot).map_err(bad)
    }

    fn of(text: &str, node: Option<&str>, with_spot: bool) -> Result<Self, String> {
        let prices: Prices = serde_saphyr::from_str(text).map_err(|error| {
            let error = error.to_string();
            format!(
                "is no list of prices: {}; it reads currency: USD, and nodes: {{m6i.large: {{onDemand: 0.107, spot: \
                 0.041}}}}",
                error.lines().next().unwrap_or_default()
            )
        })?;
        let node = node.ok_or("has prices by the type of a node: name it with --node")?;
        let Prices { currency, nodes } = prices;
        let hour = nodes.get(node).ok_or_else(|| {
            let near = near::nearest(node, nodes.keys().map(String::as_str));
            format!("has no price of {node}{}", near::hint(&near))
        })?;
        let costs = |what: &str, price: f64| {
            let is_price = (0.0..=DEAREST).contains(&price);
            is_price
                .then_some(price)
                .ok_or_else(|| format!("{what} of {node} is {price}, which is no price"))
        };
        let on_demand = costs("onDemand", hour.on_demand)?;
        let spot = if with_spot {
            let spot =
                hour.spot.ok_or_else(|| format!("has no spot price of {node}: add it as spot"))?;
            Some(costs("spot", spot)?)
        } else {
            None
        };
        Ok(Self { currency, on_demand, spot })
    }

    /// What an hour of so many nodes costs.
    #[must_use]
    pub fn hour(&self, on_demand: u32, spot: u32) -> f64 {
        f64::from(on_demand) * self.on_demand + f64::from(spot) * self.spot.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "currency: EUR\nnodes:\n  m6i.large: {onDemand: 0.1, spot: 0.04}\n  c6i.large: {onDemand: 0.09}\n";

    #[test]
    fn an_hour_costs_what_its_nodes_cost() {
        let price = Price::of(FILE, Some("m6i.large"), true).unwrap();
        assert_eq!(price.currency, "EUR");
        assert!((price.hour(4, 6) - 0.64).abs() < 1e-9);
        let price = Price::of(FILE, Some("c6i.large"), false).unwrap();
        assert!((price.hour(10, 0) - 0.9).abs() < 1e-9);
    }

    #[test]
    fn what_a_file_does_not_say_is_no_price() {
        let said = |text: &str, node: Option<&str>| Price::of(text, node, true).unwrap_err();
        assert!(said(FILE, Some("m6i.larg")).contains("did you mean m6i.large"));
        assert!(said(FILE, Some("c6i.large")).contains("no spot price"));
        assert!(said(FILE, None).contains("--node"));
        assert!(said("nodes: []", Some("a")).contains("is no list of prices"));
        assert!(said(&FILE.replace("0.1,", "-0.1,"), Some("m6i.large")).contains("no price"));
        assert!(
            said(&FILE.replace("spot: 0", "spott: 0"), Some("m6i.large")).contains("is no list")
        );
    }
}
