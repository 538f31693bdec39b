//! `apifleet explain`: why a fleet has its size, and what it would take for another one.
//!
//! [`ledger`] shows the last decision as the operator reported it, [`effective`] what the spec means with every
//! default applied. [`why_not`] and [`what_if`] decide again, with the same function that the operator uses, on what
//! the status holds ([`replay`]); what that cannot know is said beside the answer. [`at`] tells of an instant of the past
//! ([`when`]): where the status does not hold that decision any more, it is made again from traffic ([`past`]).

pub mod assumption;
pub mod at;
pub mod effective;
pub mod ledger;
pub mod past;
pub mod replay;
pub mod what_if;
pub mod when;
pub mod why_not;

pub use assumption::Assumption;
pub use when::When;

use crate::cluster::{Cluster, Decided};
use crate::document::{document, write};
use crate::failure::Failure;
use crate::find::{Found, find, warn};
use crate::names::FleetName;
use crate::pages;
use crate::settings::{Format, Question, Settings};
use crate::terminal::Terminal;
use crate::time::Clock;
use apifleet_core::Replicas;
use apifleet_core::overrides::Override;
use apifleet_crds::FleetIntent;
use jiff::Timestamp;
use serde::Serialize;

/// The kind of the document about a decision.
const LEDGER: &str = "FleetExplanation";
/// The kind of the document about another size.
const WHY_NOT: &str = "FleetCounterfactual";
/// The kind of the document about other signals.
const WHAT_IF: &str = "FleetReplay";

/// Answers a question about a fleet.
pub async fn explain(
    settings: &Settings,
    name: &FleetName,
    question: &Question,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    refuse_names(settings.format)?;
    let Found { cluster, namespace, decided } = find(settings, name, terminal).await?;
    // The ledger is what the operator reported; all else rests on what the policy says.
    let decided = if *question == Question::Ledger { decided } else { decided.surely()? };
    warn(&decided, terminal);
    let clock = Clock::system();
    let overrides = match question {
        Question::Ledger | Question::Effective => Vec::new(),
        Question::WhyNot(_) | Question::WhatIf(_) => {
            orders(&cluster, &namespace, name, clock.now, terminal).await
        }
    };
    let asked = Asked {
        decided: &decided,
        overrides: &overrides,
        clock: &clock,
        format: settings.format,
        width: terminal.width,
    };
    let text = match question {
        Question::Ledger => asked.ledger()?,
        Question::Effective => asked.effective()?,
        Question::WhyNot(replicas) => asked.why_not(*replicas)?,
        Question::WhatIf(assumption) => asked.what_if(assumption)?,
    };
    terminal.data(&text)?;
    match question {
        Question::Ledger => {
            if let Some(reason) = ledger::reason(&decided.fleet) {
                point_to_runbook(reason, terminal);
            }
        }
        Question::Effective => decided.origin().iter().for_each(|origin| terminal.say(origin)),
        Question::WhyNot(_) | Question::WhatIf(_) => {}
    }
    Ok(())
}

fn refuse_names(format: Format) -> Result<(), Failure> {
    if format == Format::Name {
        return Err(Failure::Usage(
            "explain has more to say than a name: choose another -o".to_owned(),
        ));
    }
    Ok(())
}

fn point_to_runbook(reason: &str, terminal: &mut Terminal) {
    terminal.say(&format!("what to do: {}", pages::runbook(reason)));
}

/// What was ordered around an instant. Where that is not known it is decided as if nothing were, and this is said.
async fn orders(
    cluster: &Cluster,
    namespace: &str,
    name: &FleetName,
    at: Timestamp,
    terminal: &mut Terminal,
) -> Vec<Override> {
    cluster.overrides(namespace, name, at).await.unwrap_or_else(|problem| {
        terminal.say(&format!("decided again as if nothing were overridden: {problem}"));
        Vec::new()
    })
}

/// The answer in the format that is asked for.
fn written<T: Serialize>(
    format: Format,
    kind: &'static str,
    answer: &T,
    render: impl FnOnce(&T) -> String,
) -> Result<String, Failure> {
    match format {
        Format::Document(syntax) => document(syntax, kind, answer),
        Format::People(_) | Format::Name => Ok(render(answer)),
    }
}

/// A question about a fleet, and how its answer is written.
struct Asked<'a> {
    decided: &'a Decided,
    overrides: &'a [Override],
    clock: &'a Clock,
    format: Format,
    width: Option<u16>,
}

// === impl Asked ===

impl Asked<'_> {
    fn ledger(&self) -> Result<String, Failure> {
        let explanation = ledger::Explanation::new(&self.decided.fleet, self.clock.now)?;
        written(self.format, LEDGER, &explanation, |it| it.render(self.clock, self.width))
    }

    fn effective(&self) -> Result<String, Failure> {
        let Decided { fleet, typed, policy: _ } = self.decided;
        let intent = FleetIntent::try_from(&fleet.spec)
            .map_err(|error| Failure::NotKnown(error.to_string()))?;
        match self.format {
            Format::Document(syntax) => {
                let spec = effective::effective(&fleet.spec, &intent);
                write(syntax, &effective::Manifest::new(fleet, &spec))
            }
            Format::People(_) | Format::Name => effective::table(typed, &fleet.spec, &intent),
        }
    }

    fn why_not(&self, replicas: Replicas) -> Result<String, Failure> {
        let answer = why_not::Counterfactual::new(
            &self.decided.fleet,
            self.overrides,
            replicas,
            self.clock.now,
        )?;
        written(self.format, WHY_NOT, &answer, |it| it.render(self.clock, self.width))
    }

    fn what_if(&self, assumption: &Assumption) -> Result<String, Failure> {
        let answer = what_if::Replayed::new(
            &self.decided.fleet,
            self.overrides,
            assumption,
            self.clock.now,
        )?;
        written(self.format, WHAT_IF, &answer, |it| it.render(self.clock, self.width))
    }
}
