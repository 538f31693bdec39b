//! The program as its users, Kubernetes and Prometheus meet it: a child process behind a socket.
//!
//! Everything is asked through raw sockets ([`client`]), against the real program ([`server`]) and a
//! real MariaDB ([`mariadb`]) where a database is needed.

// Marked as test code, so that helpers too may unwrap, as the workspace allows tests to.
#[cfg(test)]
mod http {
    mod api;
    mod bad_input;
    mod client;
    mod concurrency;
    mod connections;
    mod events;
    mod five_times;
    mod mariadb;
    mod observed;
    mod overload;
    mod proxy;
    mod recommendations;
    mod server;
    mod settings;
    mod shutdown;
    mod stalled;
    mod start;
}
