//! Signals that are assumed, as they are typed: `rps=1800,p95=260ms,errors=1%`.

use apifleet_core::{Millis, Percent, Rps};

/// Signals that are assumed; the others stay as they are.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Assumption {
    /// Requests per second of the whole fleet.
    pub rate: Option<Rps>,
    /// A percentile of latency, and its value.
    pub latency: Option<(u8, Millis)>,
    /// Failed requests of all.
    pub errors: Option<Percent>,
}

// === impl Assumption ===

impl Assumption {
    /// What was typed.
    ///
    /// # Errors
    /// Where it means nothing: which part, and what one looks like.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut assumed = Self::default();
        for part in text.split(',') {
            let (signal, value) = part.split_once('=').ok_or_else(|| usual(part))?;
            let again = match signal {
                "rps" => assumed
                    .rate
                    .replace(Rps::new(number(part, value)?).ok_or_else(|| usual(part))?)
                    .is_some(),
                "errors" => assumed.errors.replace(percent(part, value)?).is_some(),
                _ => assumed
                    .latency
                    .replace((percentile(part, signal)?, latency(part, value)?))
                    .is_some(),
            };
            if again {
                return Err(format!("{signal} is assumed twice"));
            }
        }
        Ok(assumed)
    }
}

fn usual(part: &str) -> String {
    format!(
        "{part:?} is no signal with a value; write rps=1800, p95=260ms or errors=1%, separated by commas"
    )
}

fn number(part: &str, value: &str) -> Result<f64, String> {
    let plain = value.chars().all(|c| c.is_ascii_digit() || c == '.');
    value.parse().ok().filter(|_| plain).ok_or_else(|| usual(part))
}

fn percent(part: &str, value: &str) -> Result<Percent, String> {
    let share = number(part, value.strip_suffix('%').unwrap_or(value))?;
    Percent::new(share).filter(|_| share <= 100.0).ok_or_else(|| usual(part))
}

fn percentile(part: &str, signal: &str) -> Result<u8, String> {
    let percentile = signal.strip_prefix('p').and_then(|text| text.parse().ok());
    percentile.filter(|percentile| (50..=99).contains(percentile)).ok_or_else(|| usual(part))
}

fn latency(part: &str, value: &str) -> Result<Millis, String> {
    let (text, scale) = match (value.strip_suffix("ms"), value.strip_suffix('s')) {
        (Some(text), _) => (text, 1.0),
        (None, Some(text)) => (text, 1000.0),
        (None, None) => (value, 1.0),
    };
    Millis::new(number(part, text)? * scale).ok_or_else(|| usual(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_signal_can_be_assumed_in_its_unit() {
        let assumed = Assumption::parse("rps=1800,p95=260ms,errors=0.5%").unwrap();
        assert_eq!(assumed.rate, Rps::new(1800.0));
        assert_eq!(assumed.latency, Some((95, Millis::new(260.0).unwrap())));
        assert_eq!(assumed.errors, Percent::new(0.5));
        assert_eq!(
            Assumption::parse("p99=1.5s").unwrap().latency,
            Some((99, Millis::new(1500.0).unwrap()))
        );
        assert_eq!(
            Assumption::parse("rps=0").unwrap(),
            Assumption { rate: Some(Rps::ZERO), ..Assumption::default() }
        );
    }

    #[test]
    fn what_means_nothing_is_refused_with_an_example() {
        for bad in [
            "",
            "rps",
            "rps=",
            "rps=-1",
            "rps=1e9",
            "rps=NaN",
            "rps=inf",
            "p10=1ms",
            "p95=slow",
            "errors=101",
            "x=1",
            "rps=1,,",
        ] {
            let said = Assumption::parse(bad).expect_err(&format!("{bad:?} was accepted"));
            assert!(said.contains("rps=1800"), "{bad:?}: {said}");
        }
        assert!(Assumption::parse("rps=1,rps=2").is_err());
        assert!(Assumption::parse("p95=1ms,p99=2ms").is_err());
    }
}
