//! What was typed after `policy`, as what it means.

use crate::args::policy::{ApplyArgs, LookArgs, PolicyArgs, PolicyVerb, SetArgs};
use crate::change::How;
use crate::policy::{Content, Look, PolicyTask, Wanted};

/// The task that was typed.
pub(super) fn meant(PolicyArgs { verb }: PolicyArgs) -> PolicyTask {
    match verb {
        PolicyVerb::List => PolicyTask::List,
        PolicyVerb::Show { name } => PolicyTask::Show(name),
        PolicyVerb::Lint { files } => PolicyTask::Lint(files),
        PolicyVerb::Diff { file } => PolicyTask::Diff(file),
        PolicyVerb::Apply(ApplyArgs { file, look: looked, change }) => PolicyTask::Write(Wanted {
            content: Content::File(file),
            look: look(looked),
            how: How::from(change),
        }),
        PolicyVerb::Set(SetArgs { name, assignments, look: looked, change }) => {
            PolicyTask::Write(Wanted {
                content: Content::Set { name, assignments },
                look: look(looked),
                how: How::from(change),
            })
        }
    }
}

fn look(LookArgs { prometheus_url, no_simulation }: LookArgs) -> Look {
    if no_simulation { Look::Change } else { Look::Simulation(prometheus_url) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{LowArgs, Program};
    use crate::settings::{Settings, Task};
    use std::ffi::OsString;

    fn task(typed: &str) -> PolicyTask {
        let typed = ["apifleet", "policy"].into_iter().chain(typed.split(' ')).map(OsString::from);
        let typed = LowArgs::read(Program::Apifleet, typed.collect()).unwrap();
        match Settings::new(Program::Apifleet, typed).unwrap().task {
            Task::Policy(task) => *task,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_policy_is_simulated_and_asked_for_unless_said_otherwise() {
        let PolicyTask::Write(wanted) = task("set steady targetPerReplica=45") else { panic!() };
        assert_eq!((wanted.look, wanted.how), (Look::Simulation(None), How::Ask));
        let PolicyTask::Write(wanted) = task("apply a.yaml --no-simulation --yes") else {
            panic!()
        };
        assert_eq!((wanted.look, wanted.how), (Look::Change, How::Make));
        assert_eq!(wanted.content, Content::File("a.yaml".into()));
    }

    #[test]
    fn the_policies_of_all_namespaces_can_be_listed() {
        assert_eq!(task("list -A"), PolicyTask::List);
        let typed = ["apifleet", "policy", "show", "steady", "-A"].map(OsString::from);
        let typed = LowArgs::read(Program::Apifleet, typed.into()).unwrap();
        assert_eq!(Settings::new(Program::Apifleet, typed).unwrap_err().exit(), crate::Exit::Usage);
    }
}
