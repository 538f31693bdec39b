//! `spec.dependencies`: what stands behind a fleet and takes only so much, as it is typed. How large a fleet it allows
//! is decided by core, never here.

#![allow(
    clippy::doc_markdown,
    clippy::doc_link_with_quotes,
    reason = "the comments are what `kubectl explain` prints, which knows no Markdown"
)]
#![allow(
    unreachable_pub,
    reason = "the derive copies each struct, `pub` included, into a function"
)]

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// Something behind the fleet that takes only so much: the connections of a database, say.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.perReplica <= self.limit - (has(self.reserved) ? self.reserved : 0)")
        .message(
            "limit less reserved must have room for the perReplica of one replica: raise limit, or lower reserved or \
             perReplica"
        )
        .field_path(".limit")
)]
pub struct Dependency {
    /// What people call it, in status, events and commands. Lower case letters, digits and -, at most 32; unique in
    /// the fleet. Example: mysql.
    #[schemars(length(min = 1, max = 32), regex(pattern = crate::names::SCHEDULE_NAME))]
    pub name: String,

    /// So much it takes in all, in the unit of perReplica: a database's max_connections, say. Example: 700.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub limit: i32,

    /// So much of it is for others: administration, backups, another service. Example: 60. Default: 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10_000_000))]
    pub reserved: Option<i32>,

    /// So much each replica may take at most: the size of its pool of connections, say. Pods that a rollout adds for a
    /// while take as much. Example: 16.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub per_replica: i32,
}
