//! How long a decision takes with as many schedules as there may be. The bound is far above what is measured, for slow
//! and busy machines; the figure is printed.

use crate::calendars::{curve, daily, in_zone};
use crate::fleet::{Fleet, at, policy};
use apifleet_core::decide;
use apifleet_core::name::Name;
use std::time::{Duration, Instant};

#[test]
#[allow(clippy::disallowed_methods, reason = "a measurement reads the clock")]
fn sixteen_schedules_cost_microseconds() {
    let mut policy = policy();
    for index in 0..16 {
        let mut schedule = in_zone(daily("any", ("08:00", "20:00"), 20), "Europe/Paris");
        schedule.name = Name::parse(&format!("any-{index}")).unwrap();
        if index % 4 == 0 {
            schedule.floor = curve(&[(0, 500.0), (300, 900.0), (600, 500.0)]);
        }
        policy.schedules.push(schedule);
    }
    let fleet = Fleet::settled(crate::fleet::policy(), 20, 1000.0);
    let mut measured = Vec::new();
    for (schedules, hour) in [(0, 4), (16, -6), (16, 4)] {
        let mut policy = policy.clone();
        policy.schedules.truncate(schedules);
        let (seen, now) = (fleet.observe(), at(hour * 3600));
        let (_, memory) = decide(&policy, &seen, &fleet.memory, now);
        let rounds = 2000;
        let began = Instant::now();
        for _ in 0..rounds {
            std::hint::black_box(decide(&policy, &seen, &memory, now));
        }
        let each = began.elapsed() / rounds;
        measured.push(each);
        println!("{schedules} schedules, hour {hour}: {each:?}");
    }
    assert!(measured.iter().all(|each| *each < Duration::from_millis(1)), "{measured:?}");
}
