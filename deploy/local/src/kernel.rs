//! The calls into the kernel that only Linux has: network and mount namespaces, and adopting orphans.
//! Elsewhere each of them is an error, so that programs that use this crate build everywhere.

pub(crate) use imp::{adopt_orphans, enter_mounts, enter_net, in_net, new_net, private_mounts};

#[cfg(target_os = "linux")]
mod imp {
    use std::{
        fs::File,
        io,
        path::{Path, PathBuf},
        thread,
    };

    use nix::{
        mount::{MntFlags, MsFlags, mount, umount2},
        sched::{CloneFlags, setns, unshare},
    };

    const NOTHING: Option<&str> = None;

    /// Makes a network namespace. It lives as long as the file or a process in it.
    pub(crate) fn new_net() -> io::Result<File> {
        on_a_thread(|| {
            unshare(CloneFlags::CLONE_NEWNET)?;
            File::open("/proc/thread-self/ns/net")
        })
    }

    /// Runs `job` on a thread of its own inside the network namespace. Programs and threads that it starts
    /// are inside too; sockets opened before stay where they were opened.
    pub(crate) fn in_net<T: Send>(net: &File, job: impl FnOnce() -> T + Send) -> io::Result<T> {
        on_a_thread(|| {
            setns(net, CloneFlags::CLONE_NEWNET)?;
            Ok(job())
        })
    }

    fn on_a_thread<T: Send>(job: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
        thread::scope(|scope| scope.spawn(job).join())
            .unwrap_or_else(|_| Err(io::Error::other("the thread inside the namespace panicked")))
    }

    /// Moves the calling thread into the network namespace at this path.
    pub(crate) fn enter_net(path: &Path) -> io::Result<()> {
        Ok(setns(File::open(path)?, CloneFlags::CLONE_NEWNET)?)
    }

    /// Moves this process, which must have one thread, into the mount namespace at this path.
    pub(crate) fn enter_mounts(path: &Path) -> io::Result<()> {
        Ok(setns(File::open(path)?, CloneFlags::CLONE_NEWNS)?)
    }

    /// Gives this process mounts of its own, in which each `(from, to)` shows `from` at `to`. Nothing that
    /// is mounted from now on is seen by the rest of the machine.
    pub(crate) fn private_mounts(binds: &[(PathBuf, PathBuf)]) -> io::Result<()> {
        unshare(CloneFlags::CLONE_NEWNS)?;
        mount(NOTHING, "/", NOTHING, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NOTHING)?;
        // A version 2 tree beside version 1 hierarchies confuses container runtimes.
        let _ = umount2("/sys/fs/cgroup/unified", MntFlags::MNT_DETACH);
        for (from, to) in binds {
            mount(Some(from), to, NOTHING, MsFlags::MS_BIND, NOTHING)?;
        }
        // Kubelets share mounts with the containers that they start.
        mount(NOTHING, "/", NOTHING, MsFlags::MS_REC | MsFlags::MS_SHARED, NOTHING)?;
        Ok(())
    }

    /// Makes this process the parent of descendants whose own parent has ended.
    pub(crate) fn adopt_orphans() -> io::Result<()> {
        Ok(nix::sys::prctl::set_child_subreaper(true)?)
    }
}

#[cfg(not(target_os = "linux"))]
mod imp {
    use std::{
        fs::File,
        io,
        path::{Path, PathBuf},
    };

    fn unsupported<T>() -> io::Result<T> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "this needs Linux"))
    }

    pub(crate) fn new_net() -> io::Result<File> {
        unsupported()
    }

    pub(crate) fn in_net<T: Send>(_: &File, _: impl FnOnce() -> T + Send) -> io::Result<T> {
        unsupported()
    }

    pub(crate) fn enter_net(_: &Path) -> io::Result<()> {
        unsupported()
    }

    pub(crate) fn enter_mounts(_: &Path) -> io::Result<()> {
        unsupported()
    }

    pub(crate) fn private_mounts(_: &[(PathBuf, PathBuf)]) -> io::Result<()> {
        unsupported()
    }

    pub(crate) fn adopt_orphans() -> io::Result<()> {
        unsupported()
    }
}
