//! The list of baselines: their names, what they are, their defaults, and what tuning tries.
//!
//! Called by the command line (`--baseline`) and by the bench.

use super::gcp::Gcp;
use super::hpa::scaler::Metric;
use super::hpa::{Behavior, HpaScaler};
use super::keda::Keda;
use super::keda::fallback::{Fallback, Substitute};
use super::kpa::Kpa;
use super::phpa::Phpa;
use super::seasonal::Seasonal;
use super::wpa::Wpa;
use super::zalando::Zalando;
use super::{Settings, aws, fixed, gcp, hpa, keda, kpa, phpa, seasonal, wpa, zalando};
use crate::scaler::Scaler;
use serde::Serialize;

/// What can be set on a baseline: data, so that a bench can try, keep and print it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Tuning {
    /// Of the HPA.
    Hpa(hpa::Tuning),
    /// Of KEDA.
    Keda(keda::Tuning),
    /// Of Knative's KPA.
    Kpa(kpa::Tuning),
    /// Of AWS target tracking.
    Aws(aws::Tuning),
    /// Of a fixed size: the size.
    Fixed(u32),
    /// Of the seasonal-naive floor on the HPA.
    Seasonal(seasonal::Tuning),
    /// Of Zalando's schedules on the HPA.
    Zalando(zalando::Tuning),
    /// Of Google's autoscaler.
    Gcp(gcp::Tuning),
    /// Of the Watermark Pod Autoscaler.
    Wpa(wpa::Tuning),
    /// Of the Predictive HPA.
    Phpa(phpa::Tuning),
}

impl Tuning {
    /// An autoscaler that has just started; `name` is what tables and reports call it.
    #[must_use]
    pub fn build(&self, name: &str, settings: &Settings) -> Box<dyn Scaler> {
        match self.clone() {
            Self::Hpa(tuning) => Box::new(HpaScaler::new(name, tuning, settings)),
            Self::Keda(tuning) => Box::new(Keda::new(name, tuning, settings)),
            Self::Kpa(tuning) => Box::new(Kpa::new(name, tuning, settings)),
            Self::Aws(tuning) => Box::new(aws::TargetTracking::new(name, tuning, settings)),
            Self::Fixed(size) => Box::new(fixed::Fixed::new(name, size)),
            Self::Seasonal(tuning) => Box::new(Seasonal::new(name, tuning, settings)),
            Self::Zalando(tuning) => Box::new(Zalando::new(name, tuning, settings)),
            Self::Gcp(tuning) => Box::new(Gcp::new(name, tuning, settings)),
            Self::Wpa(tuning) => Box::new(Wpa::new(name, tuning, settings)),
            Self::Phpa(tuning) => Box::new(Phpa::new(name, tuning, settings)),
        }
    }
}

/// One baseline.
#[derive(Debug, Clone, Copy)]
pub struct Baseline {
    /// What the command line and tables call it.
    pub name: &'static str,
    /// What it is, in one line.
    pub about: &'static str,
    default: fn() -> Tuning,
    grid: fn() -> Vec<Tuning>,
}

impl Baseline {
    /// Its defaults.
    #[must_use]
    pub fn tuning(&self) -> Tuning {
        (self.default)()
    }

    /// What tuning tries; the defaults alone where there is nothing to tune.
    #[must_use]
    pub fn grid(&self) -> Vec<Tuning> {
        (self.grid)()
    }

    /// An autoscaler with its defaults.
    #[must_use]
    pub fn build(&self, settings: &Settings) -> Box<dyn Scaler> {
        self.tuning().build(self.name, settings)
    }
}

/// Every baseline.
pub static ALL: &[Baseline] = &[
    Baseline {
        name: "hpa",
        about: "Kubernetes HPA v2 on requests per replica, without spec.behavior",
        default: || Tuning::Hpa(hpa::Tuning::default()),
        grid: || of(Tuning::Hpa, hpa::Tuning::grid(Metric::AverageValue)),
    },
    Baseline {
        name: "hpa-behavior",
        about: "Kubernetes HPA v2 on requests per replica, with the API's default spec.behavior",
        default: || Tuning::Hpa(with_behavior()),
        grid: || vec![Tuning::Hpa(with_behavior())],
    },
    Baseline {
        name: "hpa-cpu",
        about: "Kubernetes HPA v2 on CPU utilisation",
        default: || Tuning::Hpa(hpa::Tuning::cpu()),
        grid: || of(Tuning::Hpa, hpa::Tuning::grid(Metric::Cpu)),
    },
    Baseline {
        name: "keda",
        about: "KEDA with a prometheus trigger; silence counts as zero, as by default",
        default: || Tuning::Keda(keda::Tuning::default()),
        grid: || of(Tuning::Keda, keda::Tuning::grid(false)),
    },
    Baseline {
        name: "keda-cron",
        about: "KEDA with a prometheus and a cron trigger for the windows",
        default: || Tuning::Keda(keda::Tuning::with_cron()),
        grid: || of(Tuning::Keda, keda::Tuning::grid(true)),
    },
    Baseline {
        name: "keda-fallback",
        about: "KEDA with ignoreNullValues false and a fallback of 25 replicas after 3 failures",
        default: || Tuning::Keda(with_fallback()),
        grid: || vec![Tuning::Keda(with_fallback())],
    },
    Baseline {
        name: "kpa",
        about: "Knative's KPA on requests per second, with its panic mode",
        default: || Tuning::Kpa(kpa::Tuning::default()),
        grid: || of(Tuning::Kpa, kpa::Tuning::grid()),
    },
    Baseline {
        name: "aws",
        about: "AWS target tracking, scaling in in proportion to the load (variant A)",
        default: || Tuning::Aws(aws::Tuning::default()),
        grid: || of(Tuning::Aws, aws::Tuning::default().grid()),
    },
    Baseline {
        name: "aws-gradual",
        about: "AWS target tracking, scaling in by a tenth at a time (variant B)",
        default: || Tuning::Aws(aws::Tuning::gradual()),
        grid: || of(Tuning::Aws, aws::Tuning::gradual().grid()),
    },
    Baseline {
        name: "aws-scheduled",
        about: "AWS target tracking (variant A) with scheduled actions for the windows",
        default: || Tuning::Aws(aws::Tuning::with_schedule()),
        grid: || of(Tuning::Aws, aws::Tuning::with_schedule().grid()),
    },
    Baseline {
        name: "static",
        about: "a fleet that always has its largest size; static-N has N replicas",
        default: || Tuning::Fixed(u32::MAX),
        grid: || vec![Tuning::Fixed(u32::MAX)],
    },
    Baseline {
        name: "static-10",
        about: "a fleet of 10",
        default: || Tuning::Fixed(10),
        grid: || vec![Tuning::Fixed(10)],
    },
    Baseline {
        name: "static-30",
        about: "a fleet of 30",
        default: || Tuning::Fixed(30),
        grid: || vec![Tuning::Fixed(30)],
    },
    Baseline {
        name: "seasonal",
        about: "the HPA on a floor of what the day before needed (seasonal-naive)",
        default: || Tuning::Seasonal(seasonal::Tuning::default()),
        grid: || of(Tuning::Seasonal, seasonal::Tuning::grid()),
    },
    Baseline {
        name: "zalando",
        about: "the HPA with Zalando's ramped scaling schedules for the windows",
        default: || Tuning::Zalando(zalando::Tuning::default()),
        grid: || of(Tuning::Zalando, zalando::Tuning::grid()),
    },
    Baseline {
        name: "gcp",
        about: "Google's autoscaler of instance groups",
        default: || Tuning::Gcp(gcp::Tuning::default()),
        grid: || of(Tuning::Gcp, gcp::Tuning::grid()),
    },
    Baseline {
        name: "wpa",
        about: "Datadog's Watermark Pod Autoscaler",
        default: || Tuning::Wpa(wpa::Tuning::default()),
        grid: || of(Tuning::Wpa, wpa::Tuning::grid()),
    },
    Baseline {
        name: "phpa",
        about: "the Predictive HPA with its linear model",
        default: || Tuning::Phpa(phpa::Tuning::default()),
        grid: || of(Tuning::Phpa, phpa::Tuning::grid()),
    },
];

fn of<T>(kind: fn(T) -> Tuning, grid: Vec<T>) -> Vec<Tuning> {
    grid.into_iter().map(kind).collect()
}

fn with_behavior() -> hpa::Tuning {
    hpa::Tuning { behavior: Some(Behavior::default()), ..hpa::Tuning::default() }
}

fn with_fallback() -> keda::Tuning {
    let behavior = Substitute::CurrentIfHigher;
    let fallback = Fallback { replicas: 25, failure_threshold: 3, behavior };
    keda::Tuning { ignore_null_values: false, fallback: Some(fallback), ..Default::default() }
}

/// The baseline of this name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Baseline> {
    ALL.iter().find(|baseline| baseline.name == name)
}

/// An autoscaler of this name with its defaults; also `static-N` for any N.
#[must_use]
pub fn named(name: &str, settings: &Settings) -> Option<Box<dyn Scaler>> {
    if let Some(baseline) = by_name(name) {
        return Some(baseline.build(settings));
    }
    let size = name.strip_prefix("static-")?.parse().ok()?;
    Some(Tuning::Fixed(size).build(name, settings))
}

#[cfg(test)]
mod tests;
