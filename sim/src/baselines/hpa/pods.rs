//! What metrics of single pods make the HPA propose: Resource (utilisation) and Pods (average value), with the pods
//! that are unready or have no metric.
//!
//! After Kubernetes v1.33 `replica_calculator.go` (baselines.md 2.1): unready pods and pods without a metric damp a
//! change, and never turn it round. Pure; called by [`super::scaler`].

use super::metric::{Milli, Tolerance};
use super::{Invalid, Proposal, Second};
use crate::baselines::count;

/// `--horizontal-pod-autoscaler-cpu-initialization-period`.
const CPU_INITIALISATION: Second = 300;
/// `--horizontal-pod-autoscaler-initial-readiness-delay`.
const INITIAL_READINESS: Second = 30;

/// A pod as the controller's cache has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pod {
    /// What it does.
    pub phase: Phase,
    /// `status.startTime`.
    pub started: Option<Second>,
    /// The condition `Ready`.
    pub ready: Option<Ready>,
    /// Its metric.
    pub sample: Option<Sample>,
    /// What it requests of the resource.
    pub request: Milli,
}

/// What a pod does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It is being deleted, or has failed.
    Gone,
    /// It is not scheduled, or its images are not there.
    Pending,
    /// It runs.
    Running,
}

/// The condition `Ready`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ready {
    /// Its status.
    pub is: bool,
    /// `lastTransitionTime`.
    pub since: Second,
}

/// A metric of a pod.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// The value, an average over a window.
    pub value: Milli,
    /// When the window ended.
    pub at: Second,
    /// The window in seconds.
    pub window: u32,
}

/// What the metric is compared with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// CPU: so many percent of what the pods request.
    Utilisation(u32),
    /// Any metric: so much on average.
    Average(Milli),
}

/// The pods, sorted by what they are worth.
#[derive(Debug, Default)]
struct Groups {
    /// Metric and request of the pods that count.
    counted: Vec<(f64, f64)>,
    /// Requests of the unready ones.
    unready: Vec<f64>,
    /// Requests of those without a metric.
    missing: Vec<f64>,
}

/// What the HPA proposes for `current` wanted replicas.
pub fn propose(
    current: u32,
    pods: &[Pod],
    target: Target,
    now: Second,
    tolerance: Tolerance,
) -> Proposal {
    let invalid = target.invalid();
    let mut groups = group(pods, target, now);
    let ratio = target.ratio(&groups.counted).ok_or(invalid)?;
    let rebalances = !groups.unready.is_empty() && ratio > 1.0;
    if !rebalances && groups.missing.is_empty() {
        let asked = count::ceil(ratio * f64::from(count_of(groups.counted.len())));
        return Ok(if tolerance.holds(ratio) { current } else { asked });
    }
    if ratio < 1.0 {
        groups
            .counted
            .extend(groups.missing.iter().map(|request| (target.full(*request), *request)));
    } else if ratio > 1.0 {
        groups.counted.extend(groups.missing.iter().map(|request| (0.0, *request)));
    }
    if rebalances {
        groups.counted.extend(groups.unready.iter().map(|request| (0.0, *request)));
    }
    let damped = target.ratio(&groups.counted).ok_or(invalid)?;
    let turns = (ratio < 1.0 && damped > 1.0) || (ratio > 1.0 && damped < 1.0);
    if tolerance.holds(damped) || turns {
        return Ok(current);
    }
    let asked = count::ceil(damped * f64::from(count_of(groups.counted.len())));
    let crosses = (damped < 1.0 && asked > current) || (damped > 1.0 && asked < current);
    Ok(if crosses { current } else { asked })
}

fn count_of(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

fn group(pods: &[Pod], target: Target, now: Second) -> Groups {
    let mut groups = Groups::default();
    for pod in pods {
        let request = pod.request.get();
        match (pod.phase, pod.sample) {
            (Phase::Gone, _) => {}
            (Phase::Pending, _) => groups.unready.push(request),
            (Phase::Running, None) => groups.missing.push(request),
            (Phase::Running, Some(sample)) => {
                if target.is_cpu() && pod.is_unready(sample, now) {
                    groups.unready.push(request);
                } else {
                    groups.counted.push((sample.value.get(), request));
                }
            }
        }
    }
    groups
}

impl Pod {
    /// Whether CPU says nothing about the pod yet: it starts up, or has not been Ready ever.
    fn is_unready(&self, sample: Sample, now: Second) -> bool {
        let (Some(ready), Some(started)) = (self.ready, self.started) else { return true };
        if started + CPU_INITIALISATION > now {
            !ready.is || sample.at < ready.since + Second::from(sample.window)
        } else {
            !ready.is && ready.since < started + INITIAL_READINESS
        }
    }
}

impl Target {
    const fn is_cpu(self) -> bool {
        matches!(self, Self::Utilisation(_))
    }

    const fn invalid(self) -> Invalid {
        match self {
            Self::Utilisation(_) => Invalid::Resource,
            Self::Average(_) => Invalid::Pods,
        }
    }

    /// What a pod without a metric is taken to use where the fleet would shrink.
    fn full(self, request: f64) -> f64 {
        match self {
            Self::Utilisation(percent) => (request * f64::from(percent.max(100)) / 100.0).trunc(),
            Self::Average(each) => each.get(),
        }
    }

    /// How far above the target the pods are; `None` without pods, requests or a target. In whole percent and whole
    /// thousandths, as the peer divides.
    fn ratio(self, counted: &[(f64, f64)]) -> Option<f64> {
        let used: f64 = counted.iter().map(|(used, _)| used).sum();
        let (is, wanted) = match self {
            Self::Utilisation(percent) => {
                let requested: f64 = counted.iter().map(|(_, request)| request).sum();
                ((used * 100.0 / requested).trunc(), f64::from(percent))
            }
            Self::Average(each) => {
                ((used / f64::from(count_of(counted.len()))).trunc(), each.get())
            }
        };
        let ratio = is / wanted;
        (ratio.is_finite() && wanted > 0.0).then_some(ratio)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Second = 10_000;

    fn milli(value: f64) -> Milli {
        Milli::of(value).unwrap()
    }

    /// A pod that has been Ready for long, at so much of its request of one core.
    fn pod(used: f64) -> Pod {
        Pod {
            phase: Phase::Running,
            started: Some(0),
            ready: Some(Ready { is: true, since: 60 }),
            sample: Some(Sample { value: milli(used), at: NOW, window: 30 }),
            request: milli(1.0),
        }
    }

    fn fleet(used: f64, pods: usize) -> Vec<Pod> {
        vec![pod(used); pods]
    }

    fn cpu(current: u32, pods: &[Pod]) -> Proposal {
        propose(current, pods, Target::Utilisation(50), NOW, Tolerance::default())
    }

    fn average(current: u32, pods: &[Pod]) -> Proposal {
        propose(current, pods, Target::Average(milli(50.0)), NOW, Tolerance::default())
    }

    #[test]
    fn utilisation_multiplies_the_pods_that_count() {
        assert_eq!(cpu(10, &fleet(1.0, 10)), Ok(20));
        assert_eq!(cpu(10, &fleet(0.55, 10)), Ok(10));
        assert_eq!(cpu(10, &fleet(0.25, 10)), Ok(5));
        // 55.9 % is cut to 55 %, which is within the tolerance.
        assert_eq!(cpu(10, &fleet(0.559, 10)), Ok(10));
    }

    #[test]
    fn unready_pods_damp_growth_and_are_left_out_of_removal() {
        let starting =
            Pod { ready: Some(Ready { is: false, since: NOW }), started: Some(NOW), ..pod(0.0) };
        let mut pods = fleet(1.0, 10);
        pods.extend([starting; 5]);
        // Ten at 100 % and five at 0 %: 66 % of 15.
        assert_eq!(cpu(15, &pods), Ok(20));
        let mut calm = fleet(0.25, 10);
        calm.extend([starting; 5]);
        assert_eq!(cpu(15, &calm), Ok(5));
    }

    #[test]
    fn pending_pods_are_unready_and_gone_ones_are_nothing() {
        let mut pods = fleet(1.0, 10);
        pods.extend([Pod { phase: Phase::Pending, sample: None, ..pod(0.0) }; 10]);
        pods.extend([Pod { phase: Phase::Gone, ..pod(1.0) }; 10]);
        // 50 % over all: what is asked for is already on its way.
        assert_eq!(cpu(20, &pods), Ok(20));
    }

    #[test]
    fn missing_pods_count_full_when_removing_and_nothing_when_adding() {
        let mut calm = fleet(0.25, 10);
        calm.push(Pod { sample: None, ..pod(0.0) });
        // (10 x 25 % + 100 %) / 11 = 31 %.
        assert_eq!(cpu(11, &calm), Ok(7));
        let mut busy = fleet(1.0, 10);
        busy.push(Pod { sample: None, ..pod(0.0) });
        // 10 x 100 % / 11 = 90 %.
        assert_eq!(cpu(11, &busy), Ok(20));
        let mut average_calm = vec![
            Pod {
                sample: Some(Sample { value: milli(25.0), at: NOW, window: 30 }),
                ..pod(0.0)
            };
            10
        ];
        average_calm.push(Pod { sample: None, ..pod(0.0) });
        // (10 x 25 + 50) / 11 = 27.27.
        assert_eq!(average(11, &average_calm), Ok(6));
    }

    #[test]
    fn a_change_of_direction_holds() {
        let mut calm = fleet(0.4, 3);
        calm.extend([Pod { sample: None, ..pod(0.0) }; 3]);
        // 40 % without the missing ones, 70 % with them.
        assert_eq!(cpu(6, &calm), Ok(6));
    }

    #[test]
    fn a_target_above_the_request_fills_missing_pods_up_to_it() {
        let mut pods = fleet(1.0, 2);
        pods.push(Pod { sample: None, ..pod(0.0) });
        let proposal = propose(3, &pods, Target::Utilisation(150), NOW, Tolerance::default());
        // (100 + 100 + 150) / 3 = 116 % of 150 %.
        assert_eq!(proposal, Ok(3));
    }

    #[test]
    fn a_young_pod_counts_once_a_window_has_passed_since_it_became_ready() {
        let ready = |since| Pod {
            started: Some(NOW - 100),
            ready: Some(Ready { is: true, since }),
            ..pod(1.0)
        };
        assert!(ready(NOW - 29).is_unready(ready(0).sample.unwrap(), NOW));
        assert!(!ready(NOW - 30).is_unready(ready(0).sample.unwrap(), NOW));
    }

    #[test]
    fn an_old_pod_that_fell_unready_counts_unless_it_never_was_ready() {
        let fell = |since| Pod { ready: Some(Ready { is: false, since }), ..pod(1.0) };
        let sample = pod(1.0).sample.unwrap();
        assert!(!fell(5_000).is_unready(sample, NOW));
        assert!(fell(29).is_unready(sample, NOW));
        assert!(Pod { ready: None, ..pod(1.0) }.is_unready(sample, NOW));
    }

    #[test]
    fn nothing_to_measure_is_invalid() {
        assert_eq!(cpu(10, &[]), Err(Invalid::Resource));
        assert_eq!(average(10, &[Pod { sample: None, ..pod(0.0) }]), Err(Invalid::Pods));
        assert_eq!(cpu(1, &[Pod { request: Milli::ZERO, ..pod(1.0) }]), Err(Invalid::Resource));
        let zero = propose(1, &fleet(1.0, 1), Target::Utilisation(0), NOW, Tolerance::default());
        assert_eq!(zero, Err(Invalid::Resource));
    }

    proptest! {
        #[test]
        fn pods_without_a_metric_never_turn_a_change_round(
            used in 0.0..3.0_f64, counted in 1_usize..40, missing in 0_usize..20, unready in 0_usize..20,
        ) {
            let mut pods = fleet(used, counted);
            pods.extend(vec![Pod { sample: None, ..pod(0.0) }; missing]);
            pods.extend(vec![Pod { phase: Phase::Pending, sample: None, ..pod(0.0) }; unready]);
            let current = count_of(pods.len());
            let asked = cpu(current, &pods).unwrap();
            if (used * 100.0).trunc() > 50.0 && (missing + unready) > 0 {
                prop_assert!(asked >= current);
            }
            if used < 0.5 && missing > 0 {
                prop_assert!(asked <= current);
            }
        }
    }
}
