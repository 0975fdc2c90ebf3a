//! The TikTok destination, seen from outside.

// The lint spares tests, but not the functions that help them.
#![allow(clippy::unwrap_used)]

mod any_event;
mod common;
mod set_up;
mod vectors;
