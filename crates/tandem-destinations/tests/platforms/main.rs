//! Every platform against the shared vectors, its own examples, and whatever an event may hold.

// The lint spares tests, but not the functions that help them.
#![allow(clippy::unwrap_used)]

mod any_event;
mod common;
mod examples;
mod secrets;
mod vectors;
