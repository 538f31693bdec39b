//! `spec.schedules`: what is known beforehand, as it is typed. When a window is open is decided by core, never here.

#![allow(
    clippy::doc_markdown,
    clippy::doc_link_with_quotes,
    reason = "the comments are what `kubectl explain` prints, which knows no Markdown"
)]
#![allow(
    unreachable_pub,
    reason = "the derive copies each struct, `pub` included, into a function"
)]

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Windows of the calendar with a floor, which is Ready when a window opens.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.start != self.end")
        .message(
            "end must differ from start, else nobody can tell no window from a whole day: write 00:00 to 24:00 for a \
             whole day, or remove the schedule"
        )
        .field_path(".end"),
    validation = Rule::new("has(self.recurrence) || !has(self.from) || !has(self.to) || self.from <= self.to")
        .message("to must not be before from: swap them, or set recurrence to Yearly for a time over New Year")
        .field_path(".to"),
    validation = Rule::new("!has(self.recurrence) || (has(self.from) && has(self.to))")
        .message("recurrence Yearly repeats from and to: give both, or remove recurrence"),
    validation = Rule::new(
        "!has(self.floor.curve) || self.floor.curve.all(p, self.start < self.end ? \
         self.start <= p.at && p.at <= self.end : \
         (self.start <= p.at && p.at != '24:00') || p.at <= self.end)"
    )
        .message(
            "every point of floor.curve must lie within the window, from start to end: move or remove the others, or \
             widen the window"
        )
        .field_path(".floor.curve"),
)]
pub struct Schedule {
    /// What people call it, in status, events and commands. Lower case letters, digits and -, at most 32; unique in
    /// the fleet. Example: december.
    #[schemars(length(min = 1, max = 32), regex(pattern = crate::names::SCHEDULE_NAME))]
    pub name: String,

    /// First day on which a window starts, inclusive, in timeZone. Absent: no first day. Example: "2026-12-08".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::date")]
    pub from: Option<String>,

    /// Last day on which a window starts, inclusive, in timeZone; a window that crosses midnight ends on the day
    /// after. Absent: no last day. Example: "2026-12-31".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::date")]
    pub to: Option<String>,

    /// Yearly: from and to come again every year, whatever year they name; to may then be before from, for a time
    /// over New Year. Example: Yearly. Absent: they are as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recurrence: Option<Recurrence>,

    /// Days on which no window starts, in timeZone; at most 64. With recurrence, too, each is that one day of that
    /// one year. Example: ["2026-12-25"]. Absent: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::schema::dates")]
    pub exclude_dates: Vec<String>,

    /// Days of the week on which a window starts, in timeZone. Example: [Mon, Tue, Wed, Thu, Fri]. Absent: every
    /// day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 7))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub days: Option<Vec<Day>>,

    /// When a window opens, on the clocks of timeZone; the whole floor is Ready then. Where clocks skip it, the
    /// window opens with the first instant after. Example: "08:00".
    #[schemars(length(min = 5, max = 5), regex(pattern = crate::clock::TIME))]
    pub start: String,

    /// When it closes, on the clocks of timeZone. Before start: on the day after. 24:00 is the end of the day.
    /// Demand still counts: a window that ends under load removes nothing. Example: "20:00".
    #[schemars(length(min = 5, max = 5), regex(pattern = crate::clock::END))]
    pub end: String,

    /// Whose clocks: a zone of the IANA database. There is no default, so that none is taken for UTC by mistake.
    /// Example: Europe/Paris.
    #[schemars(length(min = 1, max = 40), regex(pattern = crate::clock::ZONE))]
    pub time_zone: String,

    /// What the size is not below inside a window: exactly one of replicas, requestsPerSecond and curve. Where
    /// several schedules are in force, the highest floor counts.
    pub floor: Floor,

    /// The size is not above this inside a window, in replicas, within minReplicas..maxReplicas. Where it is below a
    /// floor that is in force, the floor wins and a reason says ScheduleConflict. Example: 30. Absent: maxReplicas
    /// alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub ceiling_replicas: Option<i32>,

    /// How long before start the last replica of the floor is asked for, in seconds, 0 to 3600: for more, start
    /// earlier. Example: 300. Absent: what the fleet's pods took to become Ready of late, and a minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 3600))]
    pub lead_seconds: Option<i32>,

    /// The replicas of the floor are added one by one over so long, in seconds, 0 to 3600, so that they do not all
    /// ask the database at once; the last one a lead before start. Example: 300. Default: 300.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 3600))]
    pub ramp_seconds: Option<i32>,

    /// Whether replicas that have left spot may move back to it inside a window. Example: Allowed. Default:
    /// Forbidden.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spot_return: Option<SpotReturn>,
}

/// Whether a schedule comes again.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq)]
#[schemars(inline, description = "")]
pub enum Recurrence {
    /// Every year.
    Yearly,
}

/// A day of the week.
#[derive(
    Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord,
)]
#[schemars(inline, description = "")]
pub enum Day {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

/// Whether replicas may move back to spot inside a window.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Default)]
#[schemars(inline, description = "")]
pub enum SpotReturn {
    /// They stay where they are until the window has closed.
    #[default]
    Forbidden,
    /// They may.
    Allowed,
}

/// What the size is not below inside a window.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq, Default)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new(
        "[has(self.replicas), has(self.requestsPerSecond), has(self.curve)].exists_one(given, given)"
    )
        .message("floor must have exactly one of replicas, requestsPerSecond and curve: keep one of them")
)]
pub struct Floor {
    /// So many replicas, within minReplicas..maxReplicas. Exact: 25 means 25. Example: 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub replicas: Option<i32>,

    /// As many replicas as carry so many requests per second of the whole fleet, at signals.requestRate's
    /// targetPerReplica each, rounded up; never more than maxReplicas. Example: 900.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub requests_per_second: Option<i32>,

    /// As many replicas as carry what is expected at each time of the window: the points are joined by lines; before
    /// the first and after the last, that one counts. 1 to 48 points, in any order. Example:
    /// [{at: "08:00", requestsPerSecond: 600}, {at: "10:00", requestsPerSecond: 1500}].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 48))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["at".to_owned()]))]
    pub curve: Option<Vec<CurvePoint>>,
}

/// What is expected at a time of the window.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct CurvePoint {
    /// When, on the clocks of timeZone; from start to end of the window, each time once. 24:00 is the end of a window
    /// that ends then. Example: "08:00".
    #[schemars(length(min = 5, max = 5), regex(pattern = crate::clock::END))]
    pub at: String,

    /// Requests per second of the whole fleet that are expected then. Example: 600.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub requests_per_second: i32,
}
