//! The load of the campaign: what its users ask for, in the shares in which they do. Pure.
//!
//! A visit is two or three calls: the home page, the campaign's days or recommendations, sometimes a claim, and the
//! events that a client sends. Two requests in five are critical.

use super::{Kind, Stream};
use std::net::SocketAddr;
use std::time::Duration;

/// Requests of each kind in a hundred. The first has what rounding leaves.
const SHARES: [(Kind, u32); 5] = [
    (Kind::Home, 35),
    (Kind::Campaign, 35),
    (Kind::Recommendations, 15),
    (Kind::Events, 10),
    (Kind::Claim, 5),
];

/// Streams that make `rate` requests a second over so many connections.
#[must_use]
pub fn visits(service: SocketAddr, rate: u32, connections: u32, lasts: Duration) -> Vec<Stream> {
    let share = |of: u32, percent: u32| of * percent / 100;
    let left = |of: u32| of - SHARES.iter().map(|(_, percent)| share(of, *percent)).sum::<u32>();
    let stream = |(index, (kind, percent)): (usize, &(Kind, u32))| {
        let extra = |of: u32| if index == 0 { left(of) } else { 0 };
        Stream {
            kind: *kind,
            service,
            rate: share(rate, *percent) + extra(rate),
            connections: (share(connections, *percent) + extra(connections)).max(1),
            lasts,
        }
    };
    SHARES.iter().enumerate().map(stream).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Class;
    use super::*;

    #[test]
    fn the_streams_make_the_whole_rate_over_all_connections_and_two_in_five_are_critical() {
        let service = SocketAddr::from(([10, 96, 0, 9], 80));
        for rate in [7, 200, 300, 1200, 1500] {
            let streams = visits(service, rate, 400, Duration::from_mins(1));
            assert_eq!(streams.iter().map(|stream| stream.rate).sum::<u32>(), rate);
            assert_eq!(streams.iter().map(|stream| stream.connections).sum::<u32>(), 400);
            let critical = streams.iter().filter(|stream| stream.kind.class() == Class::Critical);
            let critical: u32 = critical.map(|stream| stream.rate).sum();
            assert!((critical * 100).abs_diff(rate * 40) <= 400, "{critical} of {rate}");
        }
    }
}
