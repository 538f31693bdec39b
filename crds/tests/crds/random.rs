//! Random manifests: mostly with a meaning, some nearly, so that what accepts and what refuses is tried alike.

use apifleet_crds::behavior::{
    PolicyType, ScalingBehavior, ScalingPolicyRule, ScalingRules, SelectPolicy,
};
use apifleet_crds::dependencies::Dependency;
use apifleet_crds::fleet_override::{FleetRef, OverrideAction, OverridePace};
use apifleet_crds::schedules::{CurvePoint, Day, Floor, Recurrence, Schedule, SpotReturn};
use apifleet_crds::signals::{
    Custom, CustomErrors, Errors, Latency, OnMissing, Preset, RequestRate, Signals,
};
use apifleet_crds::spec::{Mode, PolicyRef, Target, Targets};
use apifleet_crds::spot::{
    Capacity, CapacityMode, CustomNodeLabels, NodeLabelsPreset, Spot, SurviveLossOf,
};
use apifleet_crds::{ApiFleetSpec, FleetOverride, FleetOverrideSpec, ScalingPolicySpec};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use std::ops::RangeInclusive;

/// Mostly within the range and on its edges, sometimes just outside, rarely anything.
fn near(range: RangeInclusive<i32>) -> impl Strategy<Value = i32> + Clone {
    let (min, max) = (*range.start(), *range.end());
    prop_oneof![
        150 => range,
        20 => Just(min),
        20 => Just(max),
        1 => Just(min - 1),
        1 => Just(max + 1),
        1 => any::<i32>(),
    ]
}

/// Mostly good, rarely nearly good.
fn text(good: &'static str, nearly: &'static str) -> impl Strategy<Value = String> + Clone {
    prop_oneof![40 => good, 1 => nearly]
}

fn metric() -> impl Strategy<Value = String> {
    text("[a-zA-Z_:][a-zA-Z0-9_:]{0,20}", "[a-z0-9_:{\"-]{0,4}|a{127,130}")
}

fn label() -> impl Strategy<Value = String> {
    text("[a-zA-Z][a-zA-Z0-9_]{0,20}", "namespace|le|__name__|_|_a|[a-z0-9_=\"é]{0,4}|a{62,65}")
}

fn label_value() -> impl Strategy<Value = String> {
    text("[a-z .:/{}'-]{1,20}", "[a-z\"\\\\\né]{0,3}|a{127,130}")
}

fn label_pattern() -> impl Strategy<Value = String> {
    text("[45][0-9.]{1,2}|4\\[0-9\\]9|grpc_\\.\\*", "[a0.*+?()|\\[\\]\\\\^d-]{0,4}|a{63,66}")
}

fn quantity(good: &'static str) -> impl Strategy<Value = IntOrString> {
    prop_oneof![
        20 => good.prop_map(IntOrString::String),
        10 => (0..=1).prop_map(IntOrString::Int),
        1 => "[0-9.mue+-]{0,8}".prop_map(IntOrString::String),
        1 => near(0..=100).prop_map(IntOrString::Int),
    ]
}

fn targets() -> impl Strategy<Value = Targets> {
    let name = || text("[a-c]([a-z0-9.]{0,3}[a-z0-9])?", "[a-zA-Z0-9._-]{0,4}|a{252,255}");
    (name(), of(name())).prop_map(|(on_demand, spot)| Targets {
        on_demand: Target { deployment_name: on_demand },
        spot: spot.map(|deployment_name| Target { deployment_name }),
    })
}

fn custom() -> impl Strategy<Value = Custom> {
    let errors =
        (label(), prop_oneof![30 => vec(label_pattern(), 1..4), 1 => vec(label_pattern(), 0..=9)])
            .prop_map(|(label, matches)| CustomErrors { label, matches });
    let labels = prop_oneof![
        30 => btree_map(label(), label_value(), 0..3),
        1 => btree_map(label(), label_value(), 0..=10)
    ];
    (metric(), prop::option::weighted(0.9, metric()), prop::option::weighted(0.9, errors), labels)
        .prop_map(|(requests_total, duration_seconds, errors, match_labels)| Custom {
            requests_total,
            duration_seconds,
            errors,
            match_labels,
        })
}

fn series() -> impl Strategy<Value = (Option<Preset>, Option<Custom>)> {
    prop_oneof![
        10 => of(Just(Preset::ApiFleet)).prop_map(|preset| (preset, None)),
        10 => custom().prop_map(|custom| (Some(Preset::Custom), Some(custom))),
        1 => (of(prop_oneof![Just(Preset::ApiFleet), Just(Preset::Custom)]), of(custom())),
    ]
}

fn guards() -> impl Strategy<Value = (Option<RequestRate>, Option<Latency>, Option<Errors>)> {
    let rate =
        of(near(1..=1_000_000)).prop_map(|target_per_replica| RequestRate { target_per_replica });
    let latency = (of(near(50..=99)), of(near(1..=600_000)), of(near(0..=100))).prop_map(
        |(percentile, target_milliseconds, tolerance_percent)| Latency {
            percentile,
            target_milliseconds,
            tolerance_percent,
        },
    );
    let errors = of(quantity("[0-9]{1,2}(\\.[0-9]{1,3})?|100(\\.0)?|[0-9]{1,5}m"))
        .prop_map(|max_percent| Errors { max_percent });
    (of(rate), of(latency), of(errors))
}

fn signals() -> impl Strategy<Value = Signals> {
    let windows = (of(near(15..=900)), prop::option::weighted(0.3, near(600..=3600)));
    let missing = (
        of(prop_oneof![9 => Just(OnMissing::Hold), 1 => Just(OnMissing::Fallback)]),
        of(near(1..=1000)),
    );
    (series(), windows, missing, guards()).prop_map(
        |((preset, custom), windows, missing, (request_rate, latency, errors))| Signals {
            preset,
            custom,
            window_seconds: windows.0,
            stale_after_seconds: windows.1,
            on_missing: missing.0,
            fallback_replicas: missing.1.filter(|_| missing.0.is_some()),
            request_rate,
            latency,
            errors,
        },
    )
}

fn rules() -> impl Strategy<Value = ScalingRules> {
    let kind = prop_oneof![Just(PolicyType::Pods), Just(PolicyType::Percent)];
    let policy =
        (kind, near(1..=100_000), near(1..=1800)).prop_map(|(kind, value, period_seconds)| {
            ScalingPolicyRule { kind, value, period_seconds }
        });
    let policies = prop_oneof![
        30 => vec(policy.clone(), 1..=2),
        1 => vec(policy, 0..=9)
    ];
    let select =
        prop_oneof![Just(SelectPolicy::Max), Just(SelectPolicy::Min), Just(SelectPolicy::Disabled)];
    let tolerance = quantity("0(\\.[0-9]{1,6})?|1\\.0|[0-9]{1,3}m|1000m|[0-9]{1,6}u");
    (of(near(0..=3600)), of(select), of(policies), of(tolerance)).prop_map(
        |(stabilization_window_seconds, select_policy, policies, tolerance)| ScalingRules {
            stabilization_window_seconds,
            select_policy,
            policies,
            tolerance,
        },
    )
}

fn day_of_year() -> impl Strategy<Value = String> {
    text(
        "202[6-8]-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])",
        "20[0-9]{2}-(02-2|11-3|12-3|13-0|00-0)[0-9]|1999-12-31|x?",
    )
}

fn time() -> impl Strategy<Value = String> + Clone {
    text("(0[0-9]|1[0-9]|2[0-3]):(00|30|59)", "24:00|08:60|[0-9:]{4,6}|")
}

fn zone() -> impl Strategy<Value = String> {
    text(
        "Europe/Paris|Africa/Casablanca|UTC|Etc/GMT\\+12",
        "Europe/Pariss?|\\+01:00|[a-z/]{0,3}|a{39,42}",
    )
}

fn curve() -> impl Strategy<Value = Vec<CurvePoint>> {
    let at = prop_oneof![20 => time(), 1 => "24:00|00:00"];
    let point = (at, near(0..=1_000_000_000))
        .prop_map(|(at, requests_per_second)| CurvePoint { at, requests_per_second });
    prop_oneof![
        30 => vec(point.clone(), 1..=2),
        1 => vec(point.clone(), 0..=3),
        // Times of their own, so that only their number counts.
        1 => vec(point, 47..=50).prop_map(|points| {
            let timed = points.into_iter().enumerate();
            timed.map(|(index, point)| CurvePoint { at: format!("12:{index:02}"), ..point }).collect()
        }),
    ]
}

fn floor() -> impl Strategy<Value = Floor> {
    let floor =
        |replicas, requests_per_second, curve| Floor { replicas, requests_per_second, curve };
    prop_oneof![
        10 => (400..=600).prop_map(move |size| floor(Some(size), None, None)),
        2 => near(1..=1000).prop_map(move |size| floor(Some(size), None, None)),
        10 => near(1..=1_000_000_000).prop_map(move |demand| floor(None, Some(demand), None)),
        10 => curve().prop_map(move |curve| floor(None, None, Some(curve))),
        1 => (of(near(1..=1000)), of(near(1..=1_000_000_000)), of(curve()))
            .prop_map(move |(size, demand, curve)| floor(size, demand, curve)),
    ]
}

fn dates()
-> impl Strategy<Value = (Option<String>, Option<String>, Option<Recurrence>, Vec<String>)> {
    let excluded = prop_oneof![30 => vec(day_of_year(), 0..=2), 1 => vec(day_of_year(), 60..=66)];
    let ordered = ("202[0-5]-06-0[1-9]", "202[5-9]-07-0[1-9]", of(Just(Recurrence::Yearly)));
    let bounds = prop_oneof![
        10 => ordered.prop_map(|(from, to, yearly)| (Some(from), Some(to), yearly)),
        3 => (of(day_of_year()), of(day_of_year()), of(Just(Recurrence::Yearly))),
    ];
    (bounds, excluded).prop_map(|((from, to, yearly), excluded)| (from, to, yearly, excluded))
}

fn days() -> impl Strategy<Value = Vec<Day>> {
    let week = vec![Day::Mon, Day::Tue, Day::Wed, Day::Thu, Day::Fri, Day::Sat, Day::Sun];
    let any_day = prop::sample::select(week.clone());
    prop_oneof![
        30 => prop::sample::subsequence(week, 1..=7).prop_shuffle(),
        1 => vec(any_day, 0..=8),
    ]
}

fn schedule() -> impl Strategy<Value = Schedule> {
    let name = text("[a-z]([a-z0-9-]{0,8}[a-z0-9])?", "[a-zA-Z0-9.é-]{0,3}|a{31,34}");
    let window = prop_oneof![
        5 => ("0[0-9]:(00|30)", "1[2-9]:(00|30)|24:00"),
        5 => ("(0[0-9]|1[0-9]|2[0-3]):(00|30|59)", "(0[0-9]|1[0-9]|2[0-3]):(00|30|59)"),
        1 => (time(), time()),
    ];
    let spot_return = of(prop_oneof![Just(SpotReturn::Forbidden), Just(SpotReturn::Allowed)]);
    let ceiling = prop_oneof![20 => of(400..=600), 1 => of(near(1..=1000))];
    let sizes = (floor(), ceiling, of(near(0..=3600)), of(near(0..=3600)), spot_return);
    (name, dates(), of(days()), window, zone(), sizes).prop_map(
        |(name, (from, to, recurrence, exclude_dates), days, (start, end), time_zone, sizes)| {
            let (floor, ceiling_replicas, lead_seconds, ramp_seconds, spot_return) = sizes;
            Schedule {
                name,
                from,
                to,
                recurrence,
                exclude_dates,
                days,
                start,
                end,
                time_zone,
                floor,
                ceiling_replicas,
                lead_seconds,
                ramp_seconds,
                spot_return,
            }
        },
    )
}

fn schedules() -> impl Strategy<Value = Option<Vec<Schedule>>> {
    let schedules = prop_oneof![
        20 => Just(Vec::new()),
        10 => vec(schedule(), 1..=2),
        1 => (schedule(), 15_usize..=18).prop_map(|(schedule, count)| {
            let named = |index| Schedule { name: format!("window-{index}"), ..schedule.clone() };
            (0..count).map(named).collect()
        }),
    ];
    (schedules, any::<bool>()).prop_map(|(schedules, set)| {
        let set = set || !schedules.is_empty();
        set.then_some(schedules)
    })
}

fn dependencies() -> impl Strategy<Value = Option<Vec<Dependency>>> {
    let name = text("[a-z]([a-z0-9-]{0,8}[a-z0-9])?", "[a-zA-Z0-9.é-]{0,3}|a{31,34}");
    let limit = prop_oneof![30 => 2_000_000..=10_000_000, 1 => near(1..=10_000_000)];
    let reserved = prop_oneof![30 => 0..=1_000_000, 1 => near(0..=10_000_000)];
    let per_replica = prop_oneof![30 => 1..=1000, 1 => near(1..=1_000_000)];
    let dependency = (name, limit, of(reserved), per_replica).prop_map(
        |(name, limit, reserved, per_replica)| Dependency { name, limit, reserved, per_replica },
    );
    prop_oneof![
        30 => Just(None),
        10 => vec(dependency.clone(), 0..=2).prop_map(Some),
        1 => (dependency, 7_usize..=10).prop_map(|(dependency, count)| {
            let named = |index| Dependency { name: format!("store-{index}"), ..dependency.clone() };
            Some((0..count).map(named).collect())
        }),
    ]
}

fn behavior() -> impl Strategy<Value = ScalingBehavior> {
    (of(rules()), of(rules()))
        .prop_map(|(scale_up, scale_down)| ScalingBehavior { scale_up, scale_down })
}

fn node_labels() -> impl Strategy<Value = (Option<NodeLabelsPreset>, Option<CustomNodeLabels>)> {
    let name =
        text("([a-z0-9.]{0,3}[a-z]/)?[a-zA-Z]([a-z._-]{0,2}[a-z0-9])?", "[a-zA./é-]{0,4}|a{62,65}");
    let value = || text("[a-zA-Z0-9]{1,4}", "[a-z._ -]{0,3}|a{62,65}");
    let custom = (name, value(), of(value()))
        .prop_map(|(label, spot, on_demand)| CustomNodeLabels { label, spot, on_demand });
    let preset = prop::sample::select(vec![
        NodeLabelsPreset::Karpenter,
        NodeLabelsPreset::Eks,
        NodeLabelsPreset::Gke,
        NodeLabelsPreset::Aks,
    ]);
    let alike = CustomNodeLabels {
        label: "capacity".to_owned(),
        spot: "a".to_owned(),
        on_demand: Some("a".to_owned()),
    };
    prop_oneof![
        10 => of(preset.clone()).prop_map(|preset| (preset, None)),
        10 => custom.clone().prop_map(|custom| (Some(NodeLabelsPreset::Custom), Some(custom))),
        1 => (of(preset), of(custom)),
        1 => Just((Some(NodeLabelsPreset::Custom), None)),
        1 => Just((Some(NodeLabelsPreset::Custom), Some(alike))),
    ]
}

fn spot() -> impl Strategy<Value = Spot> {
    let loss = prop_oneof![
        Just(SurviveLossOf::Node),
        Just(SurviveLossOf::CapacityPool),
        Just(SurviveLossOf::None)
    ];
    let mode = prop_oneof![Just(CapacityMode::Placeholders), Just(CapacityMode::None)];
    let capacity = of(mode).prop_map(|mode| Capacity { mode });
    let numbers = (of(near(0..=100)), of(near(0..=1000)), of(near(100..=300)));
    (numbers, of(loss), node_labels(), of(capacity)).prop_map(
        |(numbers, survive_loss_of, (node_labels, custom_node_labels), capacity)| Spot {
            max_percent: numbers.0,
            min_on_demand_replicas: numbers.1,
            survive_loss_of,
            survivors_max_percent_of_target: numbers.2,
            node_labels,
            custom_node_labels,
            capacity,
        },
    )
}

pub(crate) fn spec() -> impl Strategy<Value = ApiFleetSpec> {
    let mode = prop_oneof![Just(Mode::Enforce), Just(Mode::ScaleOutOnly), Just(Mode::Observe)];
    let sizes = prop_oneof![9 => (1..=400, 600..=1000), 2 => (near(1..=1000), near(1..=1000))];
    let name = text("[a-c]([a-z0-9.]{0,3}[a-z0-9])?", "[a-zA-Z0-9._-]{0,4}|a{252,255}");
    let policy_ref = prop::option::weighted(0.3, name.prop_map(|name| PolicyRef { name }));
    let blocks = (
        of(signals()),
        of(behavior()),
        schedules(),
        prop::option::weighted(0.3, spot()),
        dependencies(),
    );
    (mode, policy_ref, sizes, targets(), blocks).prop_map(
        |(mode, policy_ref, (min_replicas, max_replicas), targets, blocks)| {
            let (signals, behavior, schedules, spot, dependencies) = blocks;
            ApiFleetSpec {
                mode,
                policy_ref,
                min_replicas,
                max_replicas,
                targets,
                signals,
                behavior,
                schedules,
                spot,
                dependencies,
            }
        },
    )
}

pub(crate) fn policy() -> impl Strategy<Value = ScalingPolicySpec> {
    let blocks = (of(signals()), of(behavior()), schedules(), of(spot()), dependencies());
    (of("[a-z ]{1,20}"), blocks).prop_map(|(description, blocks)| {
        let (signals, behavior, schedules, spot, dependencies) = blocks;
        ScalingPolicySpec { description, signals, behavior, schedules, spot, dependencies }
    })
}

/// Its name is one that every object may have.
pub(crate) fn fleet_override() -> impl Strategy<Value = FleetOverride> {
    let name = prop_oneof![20 => "[a-z]([a-z0-9-]{0,8}[a-z0-9])?", 1 => "[a-z]{31,34}"];
    let fleet = text("[a-c]([a-z0-9.]{0,3}[a-z0-9])?", "[a-zA-Z0-9._-]{0,4}|a{252,255}");
    let sized = prop_oneof![
        Just(OverrideAction::Floor),
        Just(OverrideAction::Ceiling),
        Just(OverrideAction::Pin)
    ];
    let plain = prop_oneof![Just(OverrideAction::Hold), Just(OverrideAction::NoSpot)];
    let order = prop_oneof![
        10 => (sized.clone(), near(1..=1000).prop_map(Some)),
        10 => (plain.clone(), Just(None)),
        1 => (sized, Just(None)),
        1 => (plain, near(1..=1000).prop_map(Some)),
    ];
    let pace = of(prop_oneof![Just(OverridePace::Gradual), Just(OverridePace::Immediate)]);
    let length = prop_oneof![20 => near(1..=86_400), 1 => -90_000..=90_000];
    let times = (0..=4_000_000_000_i64, length).prop_map(|(from, length)| {
        let from = Timestamp::from_second(from).unwrap();
        let to = from.saturating_add(SignedDuration::from_secs(length.into())).unwrap_or(from);
        (Time(from), Time(to))
    });
    let texts =
        (text("[a-z ]{3,20}", ".{0,3}|a{255,258}"), text("[a-z:@.]{1,20}", ".{0,2}|a{255,258}"));
    (name, fleet, order, pace, times, texts).prop_map(
        |(name, fleet, (action, replicas), pace, (not_before, expires_at), texts)| {
            let (reason, requested_by) = texts;
            let spec = FleetOverrideSpec {
                fleet_ref: FleetRef { name: fleet },
                action,
                replicas,
                pace,
                not_before,
                expires_at,
                reason,
                requested_by,
            };
            FleetOverride::new(&name, spec)
        },
    )
}
