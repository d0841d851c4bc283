//! The pages: each a template with its data.
//!
//! Most pages are one of two: a list ([`List`]), or one thing with its facts and, by tabs, the lists that belong to it
//! ([`Detail`]).

mod detail;
mod list;
mod overview;
mod problem;

pub use detail::{Detail, Link, Notice, Reason, Tab, tabs};
pub use list::List;
pub use overview::{ClosingRow, Overview, Tile};
pub use problem::Problem;
