//! The operator against answers of Prometheus and of the Kubernetes API that are wrong, late or missing: real HTTP,
//! on free ports, with deadlines short enough to wait for.

#[cfg(test)]
mod definitions;
#[cfg(test)]
mod drains;
#[cfg(test)]
mod election;
#[cfg(test)]
mod engine;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod in_process;
#[cfg(test)]
mod kubernetes;
#[cfg(test)]
mod overrides;
#[cfg(test)]
mod policies;
#[cfg(test)]
mod prometheus;
#[cfg(test)]
mod reconciling;
#[cfg(test)]
mod schedules;
#[cfg(test)]
mod sight;
#[cfg(test)]
mod watches;
