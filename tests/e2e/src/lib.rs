//! What end-to-end tests share: the one stack that they run on, ways to ask it and to put it under load, and copies of the
//! operator beside it whose way to the API server can be broken. Nothing here asserts.

mod ask;
pub mod audit;
pub mod keda;
mod outsider;
mod person;
pub mod platform;
pub mod proxy;
mod shell;
mod under_load;

pub use ask::{await_ready_in_status, end_orders, everything, kubectl, order_floor, path_text};
pub use outsider::Outsider;
pub use person::Person;
pub use platform::Platform;
pub use shell::{Shell, built};
pub use under_load::under_load;
