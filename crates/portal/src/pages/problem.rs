//! What went wrong.

use askama::Template;

use crate::frame::Frame;

/// A page about what went wrong, and what to do.
#[derive(Template)]
#[template(path = "problem.html")]
pub struct Problem<'a> {
    /// What surrounds it.
    pub c: &'a Frame,
    /// What it is.
    pub title: String,
    /// What to do.
    pub words: String,
}
