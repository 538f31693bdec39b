//! Amounts of CPU and memory as they are typed: the part of Kubernetes' quantities that people write for nodes and pods.

use std::fmt;

/// More CPU than any node has, in thousandths.
const MOST_MILLIS: u32 = 1_000_000;
/// More memory than any node has, in MiB.
const MOST_MEBIBYTES: u32 = 64 * 1024 * 1024;

/// CPU in thousandths; above zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cpu(u32);

/// Memory in MiB; above zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Memory(u32);

// === impl Cpu ===

impl Cpu {
    /// So many whole CPUs.
    #[must_use]
    pub const fn whole(count: u32) -> Self {
        Self(count.saturating_mul(1000))
    }

    /// `2`, `0.5` or `1500m`.
    ///
    /// # Errors
    /// Where it is none: what one looks like.
    pub fn parse(text: &str) -> Result<Self, String> {
        let millis = match text.strip_suffix('m') {
            Some(millis) => millis.parse().ok(),
            None => thousandths(text),
        };
        let millis = millis.filter(|millis| (1..=MOST_MILLIS).contains(millis));
        millis.map(Self).ok_or_else(|| "give CPU such as 2, 0.5 or 1500m".to_owned())
    }

    /// The thousandths.
    #[must_use]
    pub const fn millis(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(1000) {
            write!(f, "{}", self.0 / 1000)
        } else {
            write!(f, "{}m", self.0)
        }
    }
}

/// A number with at most three digits after the point, in thousandths.
fn thousandths(text: &str) -> Option<u32> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 3 {
        return None;
    }
    let fraction: u32 = format!("{fraction:0<3}").parse().ok()?;
    whole.parse::<u32>().ok()?.checked_mul(1000)?.checked_add(fraction)
}

// === impl Memory ===

impl Memory {
    /// So many GiB.
    #[must_use]
    pub const fn gibibytes(count: u32) -> Self {
        Self(count.saturating_mul(1024))
    }

    /// `512Mi`, `2Gi` or `1Ti`.
    ///
    /// # Errors
    /// Where it is none: what one looks like.
    pub fn parse(text: &str) -> Result<Self, String> {
        let units = [("Mi", 1_u32), ("Gi", 1024), ("Ti", 1024 * 1024)];
        let amount = units.into_iter().find_map(|(unit, mebibytes)| {
            let count: u32 = text.strip_suffix(unit)?.parse().ok()?;
            count.checked_mul(mebibytes)
        });
        let amount = amount.filter(|amount| (1..=MOST_MEBIBYTES).contains(amount));
        amount.map(Self).ok_or_else(|| "give memory such as 512Mi or 2Gi".to_owned())
    }

    /// The MiB.
    #[must_use]
    pub const fn mebibytes(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(1024) {
            write!(f, "{}Gi", self.0 / 1024)
        } else {
            write!(f, "{}Mi", self.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_is_read_in_every_spelling_and_shown_as_it_is_written_in_a_pod() {
        for (text, millis, shown) in [
            ("2", 2000, "2"),
            ("0.5", 500, "500m"),
            ("1500m", 1500, "1500m"),
            ("1.25", 1250, "1250m"),
        ] {
            let cpu = Cpu::parse(text).unwrap();
            assert_eq!((cpu.millis(), cpu.to_string()), (millis, shown.to_owned()), "{text}");
        }
        for bad in ["", "0", "0m", "-1", "1.", ".5", "1.2345", "2Gi", "many", "9999999", "m"] {
            assert!(Cpu::parse(bad).is_err(), "{bad:?} was taken for CPU");
        }
    }

    #[test]
    fn memory_is_read_with_its_unit_only() {
        for (text, mebibytes, shown) in
            [("512Mi", 512, "512Mi"), ("2Gi", 2048, "2Gi"), ("1Ti", 1_048_576, "1024Gi")]
        {
            let memory = Memory::parse(text).unwrap();
            assert_eq!((memory.mebibytes(), memory.to_string()), (mebibytes, shown.to_owned()));
        }
        for bad in ["", "2", "2G", "0Gi", "-1Gi", "1.5Gi", "Gi", "99999999Ti"] {
            assert!(Memory::parse(bad).is_err(), "{bad:?} was taken for memory");
        }
    }
}
