//! Consent, by the gateway's half: the real binary, a real file, and what the platform's stand-in received, byte by byte.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../harness/mod.rs"]
mod harness;
#[path = "../program/mod.rs"]
mod program;
#[path = "../shop/mod.rs"]
mod shop;

mod bed;
mod cases;
mod explained;
mod oracle;
mod orders;
mod planted;
mod property;
mod region;
mod signals;
mod sites;
mod ways;
mod withdrawal;
