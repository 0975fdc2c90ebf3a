//! The pure heart of Tandem: what an event is and every rule about it.
//!
//! Values in, values out. Nothing here reads a clock, a disk, the network or the environment, and nothing
//! here is async; that is what makes every rule testable by data.

pub mod alert;
pub mod bots;
pub mod claim;
pub mod codes;
pub mod consent;
pub mod diagnose;
pub mod door;
pub mod event;
pub mod finding;
pub mod identity;
pub mod money;
pub mod names;
pub mod normalise;
pub mod page;
pub mod quality;
pub mod rates;
pub mod reconcile;
pub mod retry;
pub mod rules;
pub mod session;
pub mod site;
pub mod table;
pub mod words;

pub use event::{Channel, Event, Item, Page};
pub use finding::{Finding, Severity};
pub use money::{Amount, Currency};
pub use site::Site;
