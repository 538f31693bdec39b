//! What end-to-end tests share: the one stack that they run on, and ways to ask it. Nothing here asserts.

pub mod platform;

pub use platform::Platform;
