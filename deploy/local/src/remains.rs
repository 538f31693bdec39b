//! Ends and removes what is left of a cluster, whatever ended its supervisor. Needs the cluster's lock: then
//! nobody is starting anything in it.

use std::{fs, time::Duration};

use crate::{
    cgroup::Cgroups,
    error::Result,
    lock::Lock,
    machine,
    paths::{self, State},
};

const END: Duration = Duration::from_secs(20);

/// Ends every process of the cluster and removes its control groups and files. Its networks and mounts end
/// with its processes, because nothing else holds them.
pub(crate) fn clear(state: &State) -> Result<()> {
    Cgroups::detect()?.remove(&state.group, END)?;
    paths::remove_directory(&state.root)
}

/// Removes the last traces: what the machine was changed by, and the lock.
pub(crate) fn leave(state: &State, lock: &Lock) -> Result<()> {
    machine::restore(&state.lock)?;
    // It may never have been written.
    drop(fs::remove_file(&state.supervisor_log));
    lock.remove()?;
    machine::forget();
    Ok(())
}
