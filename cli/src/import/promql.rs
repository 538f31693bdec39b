//! The series behind a PromQL query that asks for a rate of requests: `sum(rate(requests_total{app="shop"}[1m]))`, and no
//! other form. A fleet names series and never holds PromQL. Pure.

use apifleet_crds::signals::Custom;
use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{Expr, MatrixSelector, parse};
use std::collections::BTreeMap;

/// The counter that the bundled server has.
const BUNDLED: &str = "http_requests_total";

/// What a query reads.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    /// The series, where they are not those of the bundled server under the fleet's own name.
    pub custom: Option<Custom>,
    /// The window of the rate.
    pub window_seconds: i32,
}

/// What a query reads, for a fleet of this namespace and name.
///
/// # Errors
/// Where a fleet cannot read the same: why.
pub fn read(query: &str, namespace: &str, name: &str) -> Result<Read, String> {
    let selector = selector(parse(query).map_err(|error| one_line(&error))?)
        .ok_or("it is not the sum of one rate, sum(rate(SERIES[WINDOW]))")?;
    let MatrixSelector { vs, range } = selector;
    let offset = vs.offset.is_some() || vs.at.is_some();
    if offset || !vs.matchers.or_matchers.is_empty() {
        return Err("it reads another time, or alternatives of labels".to_owned());
    }
    let series = vs.name.ok_or("it names no series")?;
    let mut labels = BTreeMap::new();
    for Matcher { op, name: label, value } in vs.matchers.matchers {
        match op {
            MatchOp::Equal if label == "namespace" && value == namespace => {}
            MatchOp::Equal if label == "namespace" => {
                return Err(format!("it reads namespace {value:?}; a fleet reads its own"));
            }
            MatchOp::Equal => {
                labels.insert(label, value);
            }
            MatchOp::NotEqual | MatchOp::Re(_) | MatchOp::NotRe(_) => {
                return Err(format!("it selects by label {label} otherwise than by one value"));
            }
        }
    }
    let window_seconds = i32::try_from(range.as_secs()).unwrap_or(i32::MAX);
    let bundled = series == BUNDLED
        && labels.len() == 1
        && labels.get("fleet").is_some_and(|fleet| fleet == name);
    let custom = Custom {
        requests_total: series,
        duration_seconds: None,
        errors: None,
        match_labels: labels,
    };
    Ok(Read { custom: (!bundled).then_some(custom), window_seconds })
}

fn selector(expression: Expr) -> Option<MatrixSelector> {
    match expression {
        Expr::Paren(inner) => selector(*inner.expr),
        Expr::Aggregate(it) if it.op.to_string() == "sum" && it.modifier.is_none() => {
            rate(*it.expr)
        }
        _ => None,
    }
}

fn rate(expression: Expr) -> Option<MatrixSelector> {
    match expression {
        Expr::Paren(inner) => rate(*inner.expr),
        Expr::Call(call) if matches!(call.func.name, "rate" | "irate") => {
            match *call.args.args.into_iter().next()? {
                Expr::MatrixSelector(selector) => Some(selector),
                _ => None,
            }
        }
        _ => None,
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(query: &str) -> Result<Read, String> {
        read(query, "shop", "shop-api")
    }

    #[test]
    fn the_sum_of_a_rate_names_its_series() {
        let found = of(r#"(sum(rate(envoy_requests{app="shop",namespace="shop"}[2m])))"#).unwrap();
        let custom = found.custom.unwrap();
        assert_eq!((found.window_seconds, custom.requests_total.as_str()), (120, "envoy_requests"));
        assert_eq!(custom.match_labels, BTreeMap::from([("app".to_owned(), "shop".to_owned())]));
    }

    #[test]
    fn the_bundled_series_need_no_names() {
        let own = r#"sum(rate(http_requests_total{namespace="shop",fleet="shop-api"}[1m]))"#;
        assert_eq!(of(own), Ok(Read { custom: None, window_seconds: 60 }));
        let other = r#"sum(rate(http_requests_total{fleet="cart-api"}[1m]))"#;
        assert!(of(other).unwrap().custom.is_some());
    }

    #[test]
    fn what_a_fleet_cannot_read_is_refused_with_why() {
        for (query, why) in [
            ("sum(rate(a[1m])", ""),
            ("up", "sum of one rate"),
            ("avg(rate(a[1m]))", "sum of one rate"),
            ("sum by (pod) (rate(a[1m]))", "sum of one rate"),
            ("sum(rate(a[1m])) * 2", "sum of one rate"),
            ("sum(increase(a[1m]))", "sum of one rate"),
            (r#"sum(rate(a{app=~"shop.*"}[1m]))"#, "label app"),
            (r#"sum(rate(a{namespace="other"}[1m]))"#, "namespace"),
            ("sum(rate(a[1m] offset 1d))", "another time"),
        ] {
            let said = of(query).unwrap_err();
            assert!(said.contains(why) && !said.is_empty(), "{query}: {said}");
        }
    }
}
