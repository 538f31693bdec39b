//! A fleet's two Deployments, by name: no place can mistake one for the other or forget one.

/// One of a fleet's two Deployments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// The one on on-demand nodes.
    OnDemand,
    /// The one on spot nodes.
    Spot,
}

/// What a Deployment of a fleet is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Its pods serve: it is the target itself.
    Serve,
    /// Its pods hold nodes for the target's pods to come.
    HoldNodes,
}

/// Something for each target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PerTarget<T> {
    /// For the on-demand target.
    pub on_demand: T,
    /// For the spot target.
    pub spot: T,
}

impl Target {
    /// Both, on-demand first.
    pub const ALL: [Self; 2] = [Self::OnDemand, Self::Spot];

    /// The word in labels, metrics and messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OnDemand => "on-demand",
            Self::Spot => "spot",
        }
    }
}

impl Target {
    /// The name of the Deployment that holds nodes for a fleet's target.
    #[must_use]
    pub fn placeholder(self, fleet: &str) -> String {
        match self {
            Self::OnDemand => format!("{fleet}-placeholder"),
            Self::Spot => format!("{fleet}-spot-placeholder"),
        }
    }
}

impl<T> PerTarget<T> {
    /// What there is for a target.
    pub const fn get(&self, target: Target) -> &T {
        match target {
            Target::OnDemand => &self.on_demand,
            Target::Spot => &self.spot,
        }
    }

    /// The same, to be changed.
    pub const fn get_mut(&mut self, target: Target) -> &mut T {
        match target {
            Target::OnDemand => &mut self.on_demand,
            Target::Spot => &mut self.spot,
        }
    }
}
