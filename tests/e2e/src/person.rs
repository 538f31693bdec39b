//! Somebody with one role of the chart and no other: a service account of the fleet's namespace, and what they type.

use crate::shell::{built, kubectl_call};
use crate::{everything, kubectl};
use anyhow::{Context as _, Result, ensure};
use apifleet_local::stack::{NAMESPACE, Stack};
use apifleet_local::{Call, Output};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// How long their token is good for.
const GOOD_FOR: &str = "--duration=1h";
/// Where they work.
const PLACE: [&str; 2] = ["--namespace", NAMESPACE];

/// Where a role is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// In the fleet's namespace.
    Namespace,
    /// In every namespace, and for what belongs to none, such as nodes.
    Everywhere,
}

/// Somebody, until they leave.
pub struct Person<'a> {
    stack: &'a Stack,
    name: String,
    program: PathBuf,
    folder: TempDir,
}

impl<'a> Person<'a> {
    /// Lets somebody of this name in, with this `ClusterRole` in the fleet's namespace.
    pub fn new(stack: &'a Stack, name: &str, role: &str) -> Result<Self> {
        Self::enter(stack, name, role, Reach::Namespace)
    }

    /// The same with the role in every namespace.
    pub fn everywhere(stack: &'a Stack, name: &str, role: &str) -> Result<Self> {
        Self::enter(stack, name, role, Reach::Everywhere)
    }

    fn enter(stack: &'a Stack, name: &str, role: &str, reach: Reach) -> Result<Self> {
        stack.cluster().apply(&account(name, role, reach).to_string())?;
        let token = kubectl(stack, &["create", "token", name, GOOD_FOR])?;
        let folder = tempfile::tempdir().context("make a folder")?;
        let config = with_token(&stack.cluster().kubeconfig(), token.trim())?;
        let person = Self { stack, name: name.to_owned(), program: built("apifleet")?, folder };
        fs::write(person.kubeconfig(), config).context("write a kubeconfig")?;
        Ok(person)
    }

    /// The file with their credentials.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    /// How the API server knows them.
    #[must_use]
    pub fn user(&self) -> String {
        format!("system:serviceaccount:{NAMESPACE}:{}", self.name)
    }

    /// What `apifleet` does for them, whether it succeeds or not.
    pub fn call(&self, arguments: &[&str]) -> Result<Output> {
        self.run(Call::new(&self.program).args(arguments).args(PLACE))
    }

    /// What `apifleet` tells them; a failure is an error.
    pub fn answer(&self, arguments: &[&str]) -> Result<String> {
        let output = self.call(arguments)?;
        ensure!(output.success, "{arguments:?}: {}", everything(&output));
        Ok(everything(&output))
    }

    /// What `kubectl` does for them, whether it succeeds or not.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<Output> {
        // Before the verb: what comes after `--` is for another program.
        self.run(kubectl_call(self.stack)?.args(PLACE).args(arguments))
    }

    fn run(&self, call: Call) -> Result<Output> {
        Ok(call.env("KUBECONFIG", self.kubeconfig()).output()?)
    }

    /// A file of theirs, for a command that reads one.
    pub fn file(&self, document: &Value) -> Result<String> {
        let path = self.folder.path().join("file.yaml");
        fs::write(&path, document.to_string()).context("write a manifest")?;
        Ok(path.display().to_string())
    }

    /// Takes their account and role away.
    pub fn leave(self) -> Result<()> {
        let kinds = "rolebinding,clusterrolebinding,serviceaccount";
        kubectl(self.stack, &["delete", kinds, &self.name, "--ignore-not-found"]).map(drop)
    }
}

fn account(name: &str, role: &str, reach: Reach) -> Value {
    let metadata = json!({"name": name, "namespace": NAMESPACE});
    let (kind, binding) = match reach {
        Reach::Namespace => ("RoleBinding", metadata.clone()),
        Reach::Everywhere => ("ClusterRoleBinding", json!({"name": name})),
    };
    let role =
        json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role});
    let subject = json!({"kind": "ServiceAccount", "name": name, "namespace": NAMESPACE});
    json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": binding,
            "roleRef": role, "subjects": [subject]},
    ]})
}

/// The administrator's kubeconfig with somebody else's token.
fn with_token(administrator: &Path, token: &str) -> Result<String> {
    let text = fs::read_to_string(administrator).context("read the kubeconfig")?;
    let mut config: Value = serde_json::from_str(&text).context("the kubeconfig is JSON")?;
    let user = config.pointer_mut("/users/0/user").context("the kubeconfig has a user")?;
    *user = json!({"token": token});
    Ok(config.to_string())
}
