//! What `up` plays: how much load, for how long, over how many connections.
//!
//! The sizes are the campaign's: a quiet night of 300 requests/s, an opening at 1,500, an evening of 200. One request
//! in twenty is a claim, the rest are home pages.

use apifleet_local::load::{Kind, Stream};
use std::net::SocketAddr;
use std::time::Duration;

/// One part of the play.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Act {
    /// What people see.
    pub(crate) name: &'static str,
    /// Requests per second of the whole act.
    pub(crate) rate: u32,
    /// How long it lasts.
    pub(crate) lasts: Duration,
}

/// Before the step.
pub(crate) const NIGHT: Act = Act { name: "night", rate: 300, lasts: Duration::from_secs(45) };
/// After the step. Long enough that the balance over the replicas can be judged: connections live for about half a
/// minute, and a replica's share is even only over several generations of them.
pub(crate) const PEAK: Act = Act { name: "peak", rate: 1500, lasts: Duration::from_secs(225) };
/// After the peak, long enough for the demo fleet's shortened scale-in.
pub(crate) const EVENING: Act = Act { name: "evening", rate: 200, lasts: Duration::from_secs(165) };

/// The span at the end of the peak over which requests per replica are compared.
pub(crate) const BALANCE_WINDOW: Duration = Duration::from_secs(150);

/// Connections at the peak; the other acts use their share of them.
const CONNECTIONS: u32 = 400;
/// One request in so many is a claim.
const CLAIM_SHARE: u32 = 20;

impl Act {
    /// The streams that add so much load, from whatever flows already to this act's rate.
    pub(crate) fn streams(self, service: SocketAddr, flowing: u32, lasts: Duration) -> [Stream; 2] {
        let rate = self.rate.saturating_sub(flowing);
        let connections = CONNECTIONS * rate / PEAK.rate;
        let claims = rate / CLAIM_SHARE;
        let claiming = (connections / CLAIM_SHARE).max(1);
        let stream = |kind, rate, connections| Stream { kind, service, rate, connections, lasts };
        [
            stream(Kind::Home, rate - claims, connections - claiming),
            stream(Kind::Claim, claims, claiming),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service() -> SocketAddr {
        SocketAddr::from(([10, 96, 0, 9], 80))
    }

    #[test]
    fn the_peak_adds_to_the_night_so_that_both_make_its_rate_and_its_connections() {
        let night = NIGHT.streams(service(), 0, NIGHT.lasts + PEAK.lasts);
        let step = PEAK.streams(service(), NIGHT.rate, PEAK.lasts);
        let both = || night.iter().chain(&step);
        assert_eq!(both().map(|stream| stream.rate).sum::<u32>(), PEAK.rate);
        assert_eq!(both().map(|stream| stream.connections).sum::<u32>(), CONNECTIONS);
    }

    #[test]
    fn every_connection_gets_requests_often_enough_to_be_in_use() {
        for act in [NIGHT, PEAK, EVENING] {
            for stream in act.streams(service(), 0, act.lasts) {
                assert!(stream.rate * 2 >= stream.connections, "{}: {stream:?}", act.name);
            }
        }
    }

    #[test]
    fn the_peak_is_held_until_its_balance_can_be_judged() {
        assert!(PEAK.lasts >= Duration::from_secs(210));
        assert!(BALANCE_WINDOW < PEAK.lasts);
    }
}
