//! Values as they are typed after `simulate`: a share, a length, a rate, an address.

use jiff::SignedDuration;
use std::fmt;

/// No pod that takes longer to start is worth waiting for.
const LONGEST_LAG: i64 = 3600;
/// The largest rate that traffic is scaled to.
const LARGEST_RATE: f64 = 1_000_000.0;

/// A share in percent, 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share(f64);

/// Where a Prometheus is asked.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(String);

// === impl Share ===

impl Share {
    /// `1%`, `0.5%`, or the number alone.
    ///
    /// # Errors
    /// Where it is none: what one looks like.
    pub fn parse(text: &str) -> Result<Self, String> {
        let number = text.strip_suffix('%').unwrap_or(text).trim();
        let percent = number.parse::<f64>().ok().filter(|it| (0.0..=100.0).contains(it));
        percent.map(Self).ok_or_else(|| "give a share such as 1% or 0.5%, at most 100%".to_owned())
    }

    /// The percents.
    #[must_use]
    pub const fn percent(self) -> f64 {
        self.0
    }
}

// === impl Address ===

impl Address {
    /// An address of HTTP.
    ///
    /// # Errors
    /// Where it is none: what one looks like.
    pub fn parse(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
        let is_one = rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
        is_one
            .then(|| Self(text.to_owned()))
            .ok_or_else(|| "give an address such as http://localhost:9090".to_owned())
    }

    /// As it was typed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It may carry credentials.
        f.write_str("Address(..)")
    }
}

/// How long a pod takes to become Ready, in seconds.
///
/// # Errors
/// Where it is no length, or none that a pod may take.
pub fn parse_lag(text: &str) -> Result<u32, String> {
    let usual = || "give a length such as 10s or 2m30s, at most 1h".to_owned();
    let plain = text.parse::<u32>().ok().map(|seconds| SignedDuration::from_secs(seconds.into()));
    let length = plain.or_else(|| text.parse().ok()).ok_or_else(usual)?;
    let seconds = Some(length.as_secs()).filter(|_| length.subsec_nanos() == 0);
    let seconds = seconds.filter(|seconds| (0..=LONGEST_LAG).contains(seconds));
    seconds.and_then(|seconds| u32::try_from(seconds).ok()).ok_or_else(usual)
}

/// Requests per second.
///
/// # Errors
/// Where it is no rate.
pub fn parse_rate(text: &str) -> Result<f64, String> {
    let rate = text.parse::<f64>().ok().filter(|rate| *rate > 0.0 && *rate <= LARGEST_RATE);
    rate.ok_or_else(|| "give requests per second such as 1400, at most 1000000".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_percentage_with_or_without_its_sign() {
        for (text, percent) in [("1%", 1.0), ("0.5 %", 0.5), ("0", 0.0), ("100%", 100.0)] {
            assert_eq!(Share::parse(text).map(Share::percent), Ok(percent), "{text}");
        }
        for bad in ["", "%", "-1%", "101%", "NaN", "inf", "1%%", "much"] {
            assert!(Share::parse(bad).is_err(), "{bad:?} was taken for a share");
        }
    }

    #[test]
    fn a_lag_is_whole_seconds_of_at_most_an_hour() {
        for (text, seconds) in [("10s", 10), ("2m30s", 150), ("30", 30), ("0", 0), ("1h", 3600)] {
            assert_eq!(parse_lag(text), Ok(seconds), "{text}");
        }
        for bad in ["", "-1s", "61m", "1.5", "500ms", "soon", "99999999999"] {
            assert!(parse_lag(bad).is_err(), "{bad:?} was taken for a lag");
        }
    }

    #[test]
    fn a_rate_is_above_nothing_and_finite() {
        assert_eq!(parse_rate("1400.5"), Ok(1400.5));
        for bad in ["", "0", "-5", "NaN", "inf", "1e9", "many"] {
            assert!(parse_rate(bad).is_err(), "{bad:?} was taken for a rate");
        }
    }

    #[test]
    fn an_address_is_one_of_http_and_is_not_told() {
        let address = Address::parse("http://user:secret@localhost:9090").unwrap();
        assert!(!format!("{address:?}").contains("secret"));
        for bad in ["", "localhost:9090", "ftp://x", "http://", "https:///x", "file:///etc/passwd"]
        {
            assert!(Address::parse(bad).is_err(), "{bad:?} was taken for an address");
        }
    }
}
