//! The limit under simulated servers: steps in latency, noise, idle times, stalls, and mixed work.

use super::*;

const TARGET: Duration = Duration::from_millis(100);
/// No request takes longer, whatever stands in front of it.
const DEADLINE: Duration = Duration::from_millis(1_400);

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn limit() -> Limit {
    Limit::new(Bounds::new(16, 1024).unwrap(), TARGET, Instant::now())
}

/// A store that works on `servers` requests at once, each for `work`, in front of which clients queue: whoever is
/// refused comes back at once. `offered` of them are there at any time.
struct Plant {
    limit: Limit,
    now: Instant,
    work: Duration,
    servers: u32,
    ended: u64,
    refused: u64,
}

impl Plant {
    fn new(work: Duration, servers: u32) -> Self {
        let limit = limit();
        let now = limit.window.began;
        Self { limit, now, work, servers, ended: 0, refused: 0 }
    }

    /// `offered` requests at once, for `time`. Returns the latency of an admitted request at the end.
    fn offer(&mut self, offered: u32, time: Duration) -> Duration {
        let end = self.now + time;
        let mut latency = self.work;
        while self.now < end {
            let in_use = offered.min(self.limit.value());
            self.refused += u64::from(offered - in_use);
            // As many as there are servers end together; each has waited for those in front of it.
            let rounds = in_use.div_ceil(self.servers).max(1);
            latency = (self.work * rounds).min(DEADLINE);
            self.now += self.work;
            for _ in 0..in_use.min(self.servers) {
                self.limit.learn(self.now, latency, in_use);
                self.ended += 1;
            }
        }
        latency
    }
}

#[test]
fn bounds_are_never_empty() {
    assert!(Bounds::new(16, 16).is_some());
    assert!(Bounds::new(0, 16).is_none() && Bounds::new(17, 16).is_none());
}

#[test]
fn starts_generous_within_its_bounds() {
    let within = |floor, ceiling| {
        Limit::new(Bounds::new(floor, ceiling).unwrap(), TARGET, Instant::now()).value()
    };
    assert_eq!((within(16, 1024), within(16, 64), within(400, 1024)), (256, 64, 400));
}

#[test]
fn overload_settles_at_the_target_without_idle_servers() {
    // 16 at once, 10 ms each: 160 in use take 100 ms.
    let mut plant = Plant::new(ms(10), 16);
    plant.offer(5_000, ms(5_000));
    for _ in 0..20 {
        let latency = plant.offer(5_000, ms(100));
        let limit = plant.limit.value();
        assert!((110..=230).contains(&limit), "{limit}");
        assert!(latency <= ms(150), "{latency:?} at {limit}");
    }
    assert!(plant.refused > 0);
}

#[test]
fn a_store_that_becomes_slower_gets_fewer_at_once_and_a_faster_one_more() {
    let mut plant = Plant::new(ms(10), 16);
    plant.offer(5_000, ms(5_000));
    plant.work = ms(40);
    plant.offer(5_000, ms(10_000));
    let slower = plant.limit.value();
    assert!((16..=70).contains(&slower), "{slower}");
    plant.work = ms(5);
    plant.offer(5_000, ms(5_000));
    let faster = plant.limit.value();
    assert!((200..=460).contains(&faster), "{faster}");
}

#[test]
fn never_leaves_its_bounds() {
    let mut stalled = Plant::new(ms(1_400), 4);
    stalled.offer(5_000, ms(60_000));
    assert_eq!(stalled.limit.value(), 16);
    let mut fast = Plant::new(ms(1), 4_000);
    fast.offer(5_000, ms(60_000));
    assert_eq!(fast.limit.value(), 1024);
}

#[test]
fn recovers_from_a_stall_within_three_seconds() {
    let mut plant = Plant::new(ms(10), 16);
    plant.offer(300, ms(1_000));
    plant.work = ms(1_400);
    plant.offer(300, ms(30_000));
    assert_eq!(plant.limit.value(), 16);
    plant.work = ms(10);
    plant.offer(300, ms(3_000));
    assert!(plant.limit.value() >= 100, "{}", plant.limit.value());
}

#[test]
fn recovers_from_a_stall_with_light_load_too() {
    let mut plant = Plant::new(ms(1_400), 16);
    plant.offer(300, ms(30_000));
    assert_eq!(plant.limit.value(), 16);
    plant.work = ms(20);
    plant.offer(1, ms(5_000));
    assert_eq!(plant.limit.value(), 256);
}

#[test]
fn a_slow_store_with_few_requests_is_no_reason_to_refuse_any() {
    let mut plant = Plant::new(ms(800), 64);
    plant.offer(15, ms(60_000));
    assert_eq!((plant.limit.value(), plant.refused), (256, 0));
}

#[test]
fn light_load_does_not_raise_the_limit_above_what_is_allowed_without_evidence() {
    let mut plant = Plant::new(ms(1), 16);
    plant.offer(3, ms(60_000));
    assert_eq!(plant.limit.value(), 256);
}

#[test]
fn what_was_learned_is_forgotten_after_a_silence() {
    let mut plant = Plant::new(ms(1), 4_000);
    plant.offer(5_000, ms(10_000));
    assert_eq!(plant.limit.value(), 1024);
    plant.now += FORGET;
    plant.offer(1, ms(1));
    assert_eq!(plant.limit.value(), 256);
}

#[test]
fn requests_from_before_a_silence_say_nothing_about_those_after_it() {
    let mut limit = limit();
    let start = limit.window.began;
    for _ in 0..4 {
        limit.learn(start + ms(10), ms(1_400), 250);
    }
    limit.learn(start + ms(10) + FORGET, ms(1), 1);
    assert_eq!((limit.window.count, limit.window.most_in_use), (1, 1));
}

#[test]
fn one_slow_window_or_a_single_outlier_changes_nothing() {
    let mut plant = Plant::new(ms(5), 64);
    plant.offer(200, ms(1_000));
    let before = plant.limit.value();
    plant.work = ms(120);
    plant.offer(200, ms(120));
    plant.work = ms(5);
    plant.offer(200, ms(500));
    assert!(plant.limit.value() >= before, "{} after {before}", plant.limit.value());
    plant.limit.learn(plant.now, ms(1_500), 3);
    plant.offer(20, ms(500));
    assert!(plant.limit.value() >= before);
}

#[test]
fn noise_around_half_the_target_does_not_shrink_the_limit() {
    let mut limit = limit();
    let mut now = limit.window.began;
    let mut random = 12_345_u64;
    for _ in 0..20_000 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        now += ms(1);
        limit.learn(now, ms(30 + (random >> 33) % 50), 200);
        assert!(limit.value() >= 256, "{}", limit.value());
    }
}

#[test]
fn slots_full_of_slow_requests_are_seen_behind_many_fast_ones() {
    let mut limit = limit();
    let mut now = limit.window.began;
    for step in 0..5_000 {
        now += ms(1);
        let took = if step % 5 == 0 { ms(600) } else { Duration::from_micros(100) };
        limit.learn(now, took, 250);
    }
    assert!(limit.value() <= 128, "{}", limit.value());
}

#[test]
fn after_a_step_down_it_waits_for_requests_that_began_under_the_new_limit() {
    let mut limit = limit();
    let mut now = limit.window.began;
    while limit.value() == 256 {
        now += ms(10);
        limit.learn(now, ms(500), 256);
    }
    let lowered = limit.value();
    for _ in 0..49 {
        now += ms(10);
        limit.learn(now, ms(500), 256);
        assert_eq!(limit.value(), lowered);
    }
}

#[test]
fn a_fast_server_takes_a_crowd_within_half_a_second() {
    let mut plant = Plant::new(ms(1), 50);
    plant.offer(1_000, ms(500));
    assert!(plant.limit.value() >= 1_000, "{}", plant.limit.value());
}
