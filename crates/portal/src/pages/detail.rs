//! One thing: its facts, and by tabs what belongs to it.

use askama::Template;

use crate::asked::Asked;
use crate::charts::Chart;
use crate::frame::Frame;
use crate::table::{Cell, Look, Table};

/// A page about one thing.
#[derive(Template)]
#[template(path = "detail.html")]
pub struct Detail<'a> {
    /// What surrounds it.
    pub c: &'a Frame,
    /// The list it is in.
    pub above: Link,
    /// Its name.
    pub title: String,
    /// What it is, in a sentence.
    pub lead: Option<String>,
    /// What should not be overlooked.
    pub notices: Vec<Notice>,
    /// Facts: the message that names each, and its value.
    pub facts: Vec<(&'static str, Cell)>,
    /// Where else there is something about it.
    pub links: Vec<Link>,
    /// Charts about it.
    pub charts: Vec<Chart>,
    /// What belongs to it.
    pub tabs: Vec<Tab>,
    /// The heading of the tab shown.
    pub heading: Option<String>,
    /// Its charts.
    pub tab_charts: Vec<Chart>,
    /// What was found, and why.
    pub reasons: Vec<Reason>,
    /// Its list.
    pub table: Option<Table>,
}

impl<'a> Detail<'a> {
    /// A page about something in a list, to be filled.
    pub fn new(c: &'a Frame, above: Link, title: impl Into<String>) -> Self {
        Self {
            c,
            above,
            title: title.into(),
            lead: None,
            notices: Vec::new(),
            facts: Vec::new(),
            links: Vec::new(),
            charts: Vec::new(),
            tabs: Vec::new(),
            heading: None,
            tab_charts: Vec::new(),
            reasons: Vec::new(),
            table: None,
        }
    }
}

/// A link.
#[derive(Debug, Clone)]
pub struct Link {
    /// What it says.
    pub text: String,
    /// Where it leads.
    pub href: String,
}

/// Something that should not be overlooked.
#[derive(Debug, Clone)]
pub struct Notice {
    /// What.
    pub text: String,
    /// How bad it is.
    pub look: Look,
}

/// A tab: a link to the same page with another list.
#[derive(Debug, Clone)]
pub struct Tab {
    /// What it says.
    pub text: String,
    /// Where it leads.
    pub href: String,
    /// Whether it is shown.
    pub current: bool,
}

/// What was found of an update, and why.
#[derive(Debug, Clone)]
pub struct Reason {
    /// The number of its KB.
    pub kb: String,
    /// Its page.
    pub href: String,
    /// Its name.
    pub name: String,
    /// The message that says what was found.
    pub verdict: &'static str,
    /// How that looks.
    pub look: Look,
    /// The chain of facts.
    pub because: Vec<String>,
    /// What it is about: products and documents.
    pub about: String,
}

/// The tabs of a page, of which the one asked for is shown, else the first: each a name in the URL and what it says.
pub fn tabs(path: &str, asked: &Asked, all: &[(&'static str, String)]) -> (&'static str, Vec<Tab>) {
    let wanted = asked.value("tab");
    let found = all.iter().find(|(name, _)| wanted == Some(name));
    let current = found.or(all.first()).map_or("", |(name, _)| name);
    let tabs = all.iter().map(|(name, text)| Tab {
        text: text.clone(),
        href: Asked::default().with("tab", Some(name)).href(path),
        current: *name == current,
    });
    (current, tabs.collect())
}
