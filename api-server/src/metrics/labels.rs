//! The closed sets from which every label comes, and the label sets made of them.
//!
//! Nothing that a client sends becomes a label: paths become patterns, invented methods one word.

use std::fmt;

use actix_web::http::Method as HttpMethod;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};

/// Makes an enum a label with the given texts.
macro_rules! label {
    ($(#[$doc:meta])* $name:ident { $($(#[$case_doc:meta])* $case:ident => $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$case_doc])* $case),+ }

        impl EncodeLabelValue for $name {
            fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
                match self { $(Self::$case => $text.encode(encoder)),+ }
            }
        }
    };
}

label! {
    /// A request's method, from a closed set.
    Method {
        /// GET.
        Get => "GET",
        /// HEAD.
        Head => "HEAD",
        /// POST.
        Post => "POST",
        /// PUT.
        Put => "PUT",
        /// PATCH.
        Patch => "PATCH",
        /// DELETE.
        Delete => "DELETE",
        /// OPTIONS.
        Options => "OPTIONS",
        /// Anything else that a client may invent.
        Other => "other",
    }
}

label! {
    /// A route's pattern, never the path.
    Route {
        /// The campaign's doors.
        Campaign => "/v1/campaign",
        /// A user's home.
        Home => "/v1/users/{id}/home",
        /// A user's claims.
        Claims => "/v1/users/{id}/claims",
        /// A user's recommendations.
        Recommendations => "/v1/users/{id}/recommendations",
        /// What clients report.
        Events => "/v1/events",
        /// No route.
        Unmatched => "unmatched",
        /// Probes and metrics; not counted, so never written.
        Probe => "probe",
    }
}

label! {
    /// How badly a route is missed; decides who is refused first when there is too much to do.
    Class {
        /// The campaign fails without it: refused last.
        Critical => "critical",
        /// The campaign is poorer without it.
        NonCritical => "non-critical",
        /// Nobody waits for it: refused first.
        Background => "background",
    }
}

label! {
    /// What a cache had.
    CacheResult {
        /// The answer.
        Hit => "hit",
        /// Nothing.
        Miss => "miss",
    }
}

label! {
    /// A cache.
    Layer {
        /// Claims in this process' memory.
        Memory => "memory",
        /// The campaign's page, written once a day.
        Page => "page",
        /// Recommendations in this process' memory.
        Recommendations => "recommendations",
    }
}

label! {
    /// A question to the store.
    Operation {
        /// All claims of a user.
        Read => "read_claims",
        /// Store a claim.
        Claim => "claim",
        /// Look for an earlier claim.
        Find => "find_claim",
        /// What is recommended to a user.
        Recommend => "read_recommendations",
        /// Store a batch of events.
        Events => "store_events",
        /// Open a connection.
        Connect => "connect",
    }
}

label! {
    /// How a question to the store ended.
    StoreResult {
        /// With an answer.
        Ok => "ok",
        /// With an error.
        Error => "error",
        /// Too late.
        Timeout => "timeout",
    }
}

label! {
    /// A pool of connections to the store.
    PoolName {
        /// For reading; for both with MySQL.
        Read => "read",
        /// For writing, with SQLite.
        Write => "write",
    }
}

label! {
    /// What a pooled connection does.
    ConnectionState {
        /// Works.
        InUse => "in_use",
        /// Waits.
        Idle => "idle",
    }
}

label! {
    /// Why events that clients sent were not stored.
    Loss {
        /// The buffer had no room; the client was told.
        Full => "full",
        /// The store took them in no try.
        Store => "store",
        /// The process ended first.
        Shutdown => "shutdown",
    }
}

impl Class {
    /// Every class, in the order in which they are refused.
    pub const ALL: [Self; 3] = [Self::Background, Self::NonCritical, Self::Critical];
}

impl From<&HttpMethod> for Method {
    fn from(method: &HttpMethod) -> Self {
        match *method {
            HttpMethod::GET => Self::Get,
            HttpMethod::HEAD => Self::Head,
            HttpMethod::POST => Self::Post,
            HttpMethod::PUT => Self::Put,
            HttpMethod::PATCH => Self::Patch,
            HttpMethod::DELETE => Self::Delete,
            HttpMethod::OPTIONS => Self::Options,
            _ => Self::Other,
        }
    }
}

impl Route {
    /// The class of a route.
    #[must_use]
    pub fn class(self) -> Class {
        match self {
            Self::Home | Self::Claims => Class::Critical,
            Self::Campaign | Self::Recommendations | Self::Unmatched | Self::Probe => {
                Class::NonCritical
            }
            Self::Events => Class::Background,
        }
    }
}

/// Labels of `http_requests_total`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    /// The method.
    pub method: Method,
    /// The route's pattern.
    pub route: Route,
    /// The status; the server's own codes only, so the set is small.
    pub code: u16,
    /// The route's class.
    pub class: Class,
}

/// A label set with the route only.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RouteLabels {
    /// The route's pattern.
    pub route: Route,
}

/// Labels of `cache_requests_total`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct CacheLabels {
    /// Which cache.
    pub layer: Layer,
    /// What it had.
    pub result: CacheResult,
}

/// Labels of `store_duration_seconds`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct StoreLabels {
    /// The question.
    pub operation: Operation,
    /// How it ended.
    pub result: StoreResult,
}

/// Labels of `store_pool_connections`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ConnectionLabels {
    /// Which pool.
    pub pool: PoolName,
    /// What they do.
    pub state: ConnectionState,
}

/// Labels of `store_pool_size` and `store_pool_exhausted_total`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct PoolLabels {
    /// Which pool.
    pub pool: PoolName,
}

/// A label set with the class only.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ClassLabels {
    /// The class.
    pub class: Class,
}

/// Labels of `events_dropped_total`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct LossLabels {
    /// Why.
    pub reason: Loss,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invented_methods_share_one_label() {
        let invented = HttpMethod::from_bytes(b"BREW").unwrap();
        assert_eq!(Method::from(&invented), Method::Other);
    }

    #[test]
    fn what_the_campaign_fails_without_is_critical_and_nothing_else() {
        assert_eq!(Route::Home.class(), Class::Critical);
        assert_eq!(Route::Claims.class(), Class::Critical);
        assert_eq!(Route::Campaign.class(), Class::NonCritical);
        assert_eq!(Route::Recommendations.class(), Class::NonCritical);
        assert_eq!(Route::Events.class(), Class::Background);
    }
}
