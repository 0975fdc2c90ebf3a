//! How well events can be matched, and what several of them together show. Pure, like everything here.

pub mod device;
pub mod emq;
pub mod keys;

pub use device::device;
pub use keys::{Key, Keys};
