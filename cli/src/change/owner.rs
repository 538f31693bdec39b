//! Whose object it is: a tool that writes what is in Git, by the field managers that the API server wrote down. Such a
//! tool undoes an edit by hand, so a change of its object says so and names the way that lasts. Pure.

use crate::args::Program;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};

/// A tool that writes what is in Git.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// Argo CD.
    ArgoCd,
    /// Flux.
    Flux,
    /// Helm.
    Helm,
}

/// The tool that owns an object, and how it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Which.
    pub tool: Tool,
    /// Its field manager.
    pub manager: String,
}

// === impl Tool ===

impl Tool {
    /// The tool that writes as this field manager.
    fn of(manager: &str) -> Option<Self> {
        match manager {
            "helm" => Some(Self::Helm),
            "kustomize-controller" | "helm-controller" | "flux" => Some(Self::Flux),
            other if other.starts_with("argocd") => Some(Self::ArgoCd),
            _ => None,
        }
    }

    /// What people call it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ArgoCd => "Argo CD",
            Self::Flux => "Flux",
            Self::Helm => "Helm",
        }
    }
}

// === impl Owner ===

impl Owner {
    /// What becomes of a change, the way that lasts, and the command that helps at once.
    #[must_use]
    pub fn warning(&self, program: Program) -> String {
        let Self { tool, manager } = self;
        let (tool, program) = (tool.as_str(), program.words());
        format!(
            "{tool} owns it (field manager {manager}) and undoes this change when it runs next: change what {tool} \
             reads instead; for a while only, order it of the fleet: {program} override FLEET --floor N --for 2h \
             --reason \"...\""
        )
    }
}

/// The tool that wrote the spec of an object.
pub(super) fn owner(metadata: &ObjectMeta) -> Option<Owner> {
    let entries = metadata.managed_fields.iter().flatten();
    entries.filter(|entry| writes_spec(entry)).find_map(|entry| {
        let manager = entry.manager.as_deref()?;
        Tool::of(manager).map(|tool| Owner { tool, manager: manager.to_owned() })
    })
}

/// Labels and the status may be written by anybody.
fn writes_spec(entry: &ManagedFieldsEntry) -> bool {
    let fields = entry.fields_v1.as_ref().and_then(|fields| fields.0.as_object());
    fields.is_some_and(|fields| fields.contains_key("f:spec"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn written_by(manager: &str, part: &str) -> ObjectMeta {
        let fields = json!({part: {"f:x": {}}});
        let entry = json!({"manager": manager, "operation": "Apply", "fieldsType": "FieldsV1", "fieldsV1": fields});
        serde_json::from_value(json!({"name": "steady", "managedFields": [entry]})).unwrap()
    }

    #[test]
    fn tools_that_write_what_is_in_git_are_known_by_their_field_managers() {
        for (manager, tool) in [
            ("argocd-controller", Some(Tool::ArgoCd)),
            ("argocd-application-controller", Some(Tool::ArgoCd)),
            ("kustomize-controller", Some(Tool::Flux)),
            ("helm-controller", Some(Tool::Flux)),
            ("helm", Some(Tool::Helm)),
            ("kubectl-client-side-apply", None),
            ("apifleet-cli", None),
        ] {
            assert_eq!(
                owner(&written_by(manager, "f:spec")).map(|owner| owner.tool),
                tool,
                "{manager}"
            );
        }
    }

    #[test]
    fn whoever_writes_labels_or_the_status_does_not_own_it() {
        for part in ["f:metadata", "f:status"] {
            assert_eq!(owner(&written_by("argocd-controller", part)), None, "{part}");
        }
        assert_eq!(owner(&ObjectMeta::default()), None);
    }

    #[test]
    fn an_owner_says_what_lasts_and_what_helps_now() {
        let owner = owner(&written_by("argocd-controller", "f:spec")).unwrap();
        let said = owner.warning(Program::KubectlPlugin);
        assert!(said.starts_with("Argo CD owns it (field manager argocd-controller)"), "{said}");
        let command = "kubectl apifleet override FLEET --floor N --for 2h --reason \"...\"";
        assert!(said.ends_with(command), "{said}");
    }
}
