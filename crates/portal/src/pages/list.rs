//! A list.

use askama::Template;

use crate::frame::Frame;
use crate::table::Table;

/// A page with a list.
#[derive(Template)]
#[template(path = "list.html")]
pub struct List<'a> {
    /// What surrounds it.
    pub c: &'a Frame,
    /// What it lists.
    pub title: String,
    /// What that is, in a sentence.
    pub lead: String,
    /// The list.
    pub table: Table,
}
