//! The small part of Kubernetes' Quantity that fractions here are written in: `1`, `"0.5"`, `"500m"`, `"500u"`.

use crate::error::SpecError;
use apifleet_core::quantity::Percent;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

const MICROS: u32 = 1_000_000;

/// A percentage, 0 to 100.
pub(super) fn percent(field: &str, quantity: &IntOrString) -> Result<Percent, SpecError> {
    let expected = "a percentage from 0 to 100 such as \"0.5\" or \"500m\"";
    let micros = micros_up_to(quantity, 100).ok_or_else(|| malformed(field, quantity, expected))?;
    Ok(Percent::new(f64::from(micros) / f64::from(MICROS)).unwrap_or_default())
}

/// A share, 0 to 1, as percent.
pub(super) fn share(field: &str, quantity: &IntOrString) -> Result<Percent, SpecError> {
    let expected = "a share from 0 to 1 such as \"0.1\" or \"100m\" (10 %)";
    let micros = micros_up_to(quantity, 1).ok_or_else(|| malformed(field, quantity, expected))?;
    Ok(Percent::new(f64::from(micros) / f64::from(MICROS / 100)).unwrap_or_default())
}

fn malformed(field: &str, quantity: &IntOrString, expected: &'static str) -> SpecError {
    let value = match quantity {
        IntOrString::Int(number) => number.to_string(),
        IntOrString::String(text) => text.clone(),
    };
    SpecError::Malformed { field: field.to_owned(), value, expected }
}

fn micros_up_to(quantity: &IntOrString, limit: u32) -> Option<u32> {
    let micros = match quantity {
        IntOrString::Int(number) => u32::try_from(*number).ok()?.checked_mul(MICROS)?,
        IntOrString::String(text) => micros(text)?,
    };
    (micros <= limit.checked_mul(MICROS)?).then_some(micros)
}

/// At most three digits before the point and six after it, or at most six with a suffix: more is noise.
fn micros(text: &str) -> Option<u32> {
    if let Some(thousandths) = text.strip_suffix('m') {
        return digits(thousandths, 6)?.checked_mul(1000);
    }
    if let Some(millionths) = text.strip_suffix('u') {
        return digits(millionths, 6);
    }
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    let whole = digits(whole, 3)?.checked_mul(MICROS)?;
    let fraction = match fraction {
        Some(text) => {
            digits(text, 6)?.checked_mul(10_u32.pow(6 - u32::try_from(text.len()).ok()?))?
        }
        None => 0,
    };
    whole.checked_add(fraction)
}

fn digits(text: &str, longest: usize) -> Option<u32> {
    let is_number = (1..=longest).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> IntOrString {
        IntOrString::String(text.to_owned())
    }

    #[test]
    fn reads_every_spelling_of_the_same_share() {
        for spelling in ["0.1", "100m", "100000u", "000.100"] {
            let percent = share("tolerance", &text(spelling)).unwrap();
            assert!((percent.get() - 10.0).abs() < 1e-9, "{spelling} is {percent}");
        }
        assert_eq!(share("tolerance", &IntOrString::Int(1)).unwrap(), Percent::new(100.0).unwrap());
    }

    #[test]
    fn refuses_what_is_no_quantity_or_too_large() {
        for bad in
            ["", "abc", "-1", "+1", "1.", ".5", "1e2", "0.1k", "100.000001", "1.0000000", "1 ", "٣"]
        {
            assert!(percent("maxPercent", &text(bad)).is_err(), "{bad:?} was accepted");
        }
        assert!(percent("maxPercent", &IntOrString::Int(101)).is_err());
        assert!(percent("maxPercent", &IntOrString::Int(i32::MIN)).is_err());
    }

    #[test]
    fn says_field_value_and_what_is_wanted() {
        let message =
            share("spec.behavior.scaleUp.tolerance", &text("10")).unwrap_err().to_string();
        assert_eq!(
            message,
            "spec.behavior.scaleUp.tolerance \"10\" is not a share from 0 to 1 such as \"0.1\" or \"100m\" (10 %): \
             correct it"
        );
    }
}
