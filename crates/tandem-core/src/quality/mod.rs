//! How well events can be matched, and what several of them together show. Pure, like everything here.

pub mod device;
pub mod emq;
pub mod halves;
pub mod ids;
pub mod keys;
pub mod relate;

pub use device::device;
pub use halves::{Halves, Side, halves};
pub use keys::{Key, Keys};
