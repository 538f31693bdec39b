//! `apifleet explain`: why a fleet has its size, and what it would take for another one.
//!
//! [`ledger`] shows the last decision as the operator reported it, [`effective`] what the spec means with every
//! default applied. [`why_not`] and [`what_if`] decide again, with the same function that the operator uses, on what
//! the status holds ([`replay`]); what that cannot know is said beside the answer.

pub mod assumption;
pub mod effective;
pub mod ledger;
pub mod replay;
pub mod what_if;
pub mod why_not;

pub use assumption::Assumption;

use crate::cluster::Decided;
use crate::document::{document, write};
use crate::failure::Failure;
use crate::find::{Found, find, warn};
use crate::names::FleetName;
use crate::settings::{Format, Question, Settings};
use crate::terminal::Terminal;
use crate::time::Clock;
use apifleet_core::Replicas;
use apifleet_core::overrides::Override;
use apifleet_crds::FleetIntent;
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
    if settings.format == Format::Name {
        return Err(Failure::Usage(
            "explain has more to say than a name: choose another -o".to_owned(),
        ));
    }
    let Found { cluster, namespace, decided } = find(settings, name, terminal).await?;
    // The ledger is what the operator reported; all else rests on what the policy says.
    let decided = if *question == Question::Ledger { decided } else { decided.surely()? };
    warn(&decided, terminal);
    let clock = Clock::system();
    let overrides = match question {
        Question::Ledger | Question::Effective => Vec::new(),
        Question::WhyNot(_) | Question::WhatIf(_) => {
            let read = cluster.overrides(&namespace, name, clock.now).await;
            read.unwrap_or_else(|problem| {
                terminal.say(&format!("decided again as if nothing were overridden: {problem}"));
                Vec::new()
            })
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
                terminal.say(&format!("what to do: docs/runbooks/{reason}.md"));
            }
        }
        Question::Effective => decided.origin().iter().for_each(|origin| terminal.say(origin)),
        Question::WhyNot(_) | Question::WhatIf(_) => {}
    }
    Ok(())
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
        self.answer(LEDGER, &explanation, |it| it.render(self.clock, self.width))
    }

    fn effective(&self) -> Result<String, Failure> {
        let Decided { fleet, typed, policy: _ } = self.decided;
        let intent = FleetIntent::try_from(&fleet.spec)
            .map_err(|error| Failure::NotKnown(error.to_string()))?;
        let spec = effective::effective(&fleet.spec, &intent);
        match self.format {
            Format::Document(syntax) => write(syntax, &effective::Manifest::new(fleet, &spec)),
            Format::People(_) | Format::Name => effective::table(typed, &fleet.spec, &spec),
        }
    }

    fn why_not(&self, replicas: Replicas) -> Result<String, Failure> {
        let answer = why_not::Counterfactual::new(
            &self.decided.fleet,
            self.overrides,
            replicas,
            self.clock.now,
        )?;
        self.answer(WHY_NOT, &answer, |it| it.render(self.clock, self.width))
    }

    fn what_if(&self, assumption: &Assumption) -> Result<String, Failure> {
        let answer = what_if::Replayed::new(
            &self.decided.fleet,
            self.overrides,
            assumption,
            self.clock.now,
        )?;
        self.answer(WHAT_IF, &answer, |it| it.render(self.clock, self.width))
    }

    fn answer<T: Serialize>(
        &self,
        kind: &'static str,
        answer: &T,
        render: impl FnOnce(&T) -> String,
    ) -> Result<String, Failure> {
        match self.format {
            Format::Document(syntax) => document(syntax, kind, answer),
            Format::People(_) | Format::Name => Ok(render(answer)),
        }
    }
}
