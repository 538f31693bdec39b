//! The meaning of `spec.signals`: what a decision needs, and where it is read.

use super::{counted, malformed, quantity, within};
use crate::error::SpecError;
use crate::names::{LabelName, LabelPattern, LabelValue, MetricName};
use crate::signals::{
    Custom, CustomErrors, Errors, Latency, OnMissing, Preset, RequestRate, Signals,
};
use crate::source::{CustomSeries, ErrorSelector, Series, SignalSource};
use apifleet_core::policy::{self, LatencyPolicy, SignalPolicy};
use apifleet_core::quantity::{Millis, Percent, Replicas, Rps};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use std::time::Duration;

/// What the block means; the size to fall back to is not yet held against the fleet's bounds.
pub(super) struct Meaning {
    pub(super) policy: SignalPolicy,
    pub(super) source: SignalSource,
}

pub(super) fn meaning(signals: &Signals) -> Result<Meaning, SpecError> {
    let series = series(signals)?;
    let (window, stale_after) = windows(signals)?;
    let fallback = match signals.fallback_replicas {
        Some(replicas) => Some(within("spec.signals.fallbackReplicas", replicas, 1..=1000)?),
        None => None,
    }
    .map(Replicas::new);
    let policy = SignalPolicy {
        window,
        stale_after,
        on_missing: on_missing(signals.on_missing.unwrap_or_default(), fallback)?,
        adoption: fallback.unwrap_or_default(),
        target_per_replica: target_per_replica(signals.request_rate.as_ref())?,
        latency: signals.latency.as_ref().map(latency).transpose()?,
        max_errors: signals.errors.as_ref().map(max_errors).transpose()?,
    };
    let source = SignalSource {
        series,
        window,
        percentile: policy.latency.map(|latency| latency.percentile),
        errors: policy.max_errors.is_some(),
    };
    Ok(Meaning { policy, source })
}

/// The window, 60 s unless given, and the age at which a sample is stale: 90 s, or the window where that is longer.
fn windows(signals: &Signals) -> Result<(Duration, Duration), SpecError> {
    let window =
        within("spec.signals.windowSeconds", signals.window_seconds.unwrap_or(60), 15..=900)?;
    let stale = match signals.stale_after_seconds {
        Some(seconds) => within("spec.signals.staleAfterSeconds", seconds, 15..=3600)?,
        None => window.max(90),
    };
    if stale < window {
        return Err(SpecError::StaleBeforeWindow { stale, window });
    }
    Ok((Duration::from_secs(window.into()), Duration::from_secs(stale.into())))
}

fn on_missing(kind: OnMissing, fallback: Option<Replicas>) -> Result<policy::OnMissing, SpecError> {
    match (kind, fallback) {
        (OnMissing::Hold, _) => Ok(policy::OnMissing::Hold),
        (OnMissing::Fallback, Some(replicas)) => Ok(policy::OnMissing::Fallback(replicas)),
        (OnMissing::Fallback, None) => Err(SpecError::FallbackWithoutReplicas),
    }
}

fn target_per_replica(rate: Option<&RequestRate>) -> Result<Rps, SpecError> {
    let target = rate.and_then(|rate| rate.target_per_replica).unwrap_or(50);
    let target = within("spec.signals.requestRate.targetPerReplica", target, 1..=1_000_000)?;
    Ok(Rps::new(target.into()).unwrap_or_default())
}

fn latency(latency: &Latency) -> Result<LatencyPolicy, SpecError> {
    let Latency { percentile, target_milliseconds, tolerance_percent } = latency;
    let percentile = within("spec.signals.latency.percentile", percentile.unwrap_or(95), 50..=99)?;
    let field = "spec.signals.latency.targetMilliseconds";
    let target = within(field, target_milliseconds.unwrap_or(200), 1..=600_000)?;
    let field = "spec.signals.latency.tolerancePercent";
    let tolerance = within(field, tolerance_percent.unwrap_or(10), 0..=100)?;
    Ok(LatencyPolicy {
        percentile: u8::try_from(percentile).unwrap_or(99),
        target: Millis::new(target.into()).unwrap_or_default(),
        tolerance: Percent::new(tolerance.into()).unwrap_or_default(),
    })
}

fn max_errors(errors: &Errors) -> Result<Percent, SpecError> {
    let default = IntOrString::String("0.5".to_owned());
    quantity::percent(
        "spec.signals.errors.maxPercent",
        errors.max_percent.as_ref().unwrap_or(&default),
    )
}

fn series(signals: &Signals) -> Result<Series, SpecError> {
    let custom = match (signals.preset.unwrap_or_default(), &signals.custom) {
        (Preset::ApiFleet, None) => return Ok(Series::ApiFleet),
        (Preset::ApiFleet, Some(_)) => return Err(SpecError::CustomUnread),
        (Preset::Custom, None) => return Err(SpecError::CustomMissing),
        (Preset::Custom, Some(custom)) => custom_series(custom)?,
    };
    if signals.latency.is_some() && custom.duration_seconds.is_none() {
        return Err(SpecError::LatencyWithoutSeries);
    }
    if signals.errors.is_some() && custom.errors.is_none() {
        return Err(SpecError::ErrorsWithoutSeries);
    }
    Ok(Series::Custom(custom))
}

fn custom_series(custom: &Custom) -> Result<CustomSeries, SpecError> {
    let Custom { requests_total, duration_seconds, errors, match_labels } = custom;
    let metric = |field: &str, name: &str| {
        let expected = "the name of a Prometheus series (letters, digits, _ and :, at most 128)";
        MetricName::parse(name).ok_or_else(|| malformed(field, name, expected))
    };
    let duration = duration_seconds.as_deref();
    let duration =
        duration.map(|name| metric("spec.signals.custom.durationSeconds", name)).transpose()?;
    counted("spec.signals.custom.matchLabels", match_labels.len(), 0..=8)?;
    let match_labels = match_labels.iter().map(|(name, value)| match_label(name, value));
    Ok(CustomSeries {
        requests_total: metric("spec.signals.custom.requestsTotal", requests_total)?,
        duration_seconds: duration,
        errors: errors.as_ref().map(error_selector).transpose()?,
        match_labels: match_labels.collect::<Result<_, _>>()?,
    })
}

fn match_label(name: &str, value: &str) -> Result<(LabelName, LabelValue), SpecError> {
    let field = format!("spec.signals.custom.matchLabels[{name:?}]");
    let expected = "printable ASCII without quotation mark and backslash, 1 to 128 characters";
    let value = LabelValue::parse(value).ok_or_else(|| malformed(&field, value, expected))?;
    Ok((label_name("spec.signals.custom.matchLabels", name)?, value))
}

fn error_selector(errors: &CustomErrors) -> Result<ErrorSelector, SpecError> {
    let CustomErrors { label, matches } = errors;
    counted("spec.signals.custom.errors.matches", matches.len(), 1..=8)?;
    let matches = matches.iter().enumerate().map(|(index, text)| {
        let field = format!("spec.signals.custom.errors.matches[{index}]");
        let expected = "a pattern of literals, ., \\., \\d, [sets], ?, * and +, 1 to 64 characters";
        LabelPattern::parse(text).ok_or_else(|| malformed(&field, text, expected))
    });
    Ok(ErrorSelector {
        label: label_name("spec.signals.custom.errors.label", label)?,
        matches: matches.collect::<Result<_, _>>()?,
    })
}

fn label_name(field: &str, name: &str) -> Result<LabelName, SpecError> {
    let expected = "a label that may be selected by (letters, digits and _, at most 63, not namespace or le, not \
                    beginning with __)";
    LabelName::parse(name).ok_or_else(|| malformed(field, name, expected))
}
