//! How long work is reported. The library prints nothing; callers show these events as they like.

/// Something to show to whoever waits.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Event {
    /// A step begins.
    Step(String),
    /// A long step has come this far.
    Count {
        /// What is counted, such as "packages built".
        what: String,
        /// How many are done.
        done: u64,
        /// Out of how many; 0 while that is not known.
        total: u64,
    },
}

/// Receives the events; shared between threads.
pub trait Progress: Sync {
    /// Must return quickly.
    fn report(&self, event: Event);
}

impl dyn Progress + '_ {
    /// Reports that a step begins.
    pub fn step(&self, text: impl Into<String>) {
        self.report(Event::Step(text.into()));
    }
}

/// Shows nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn report(&self, _event: Event) {}
}

impl<F: Fn(Event) + Sync> Progress for F {
    fn report(&self, event: Event) {
        self(event);
    }
}
