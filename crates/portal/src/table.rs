//! Tables: one component for every list.

use std::cmp::Ordering;

use jiff::Timestamp;
use kbgap_catalog::Day;
use kbgap_catalog::document::Severity;
use serde_json::Value;

use crate::asked::Asked;
use crate::frame::Frame;

/// What stands in a place of a table.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Nothing is known.
    Nothing,
    /// A text.
    Text(String),
    /// A text that leads somewhere.
    Link {
        /// What it says.
        text: String,
        /// Where it leads.
        href: String,
    },
    /// A count.
    Number(u64),
    /// A number with digits after the point.
    Decimal(f64, u8),
    /// A day.
    Day(Day),
    /// A moment.
    Moment(Timestamp),
    /// Yes or no.
    Flag(bool),
    /// How bad something is.
    Severity(Severity),
    /// Several texts.
    List(Vec<String>),
    /// One of some words: its value in files, the message that says it, and how it looks.
    Word {
        /// In files.
        value: &'static str,
        /// The message.
        label: &'static str,
        /// How it looks.
        look: Look,
    },
}

/// How a word looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// All is well.
    Good,
    /// Something is to be done.
    Bad,
    /// It should be looked at.
    Warning,
    /// Neither.
    Plain,
}

impl Look {
    /// Its class in the style sheet.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Warning => "warning",
            Self::Plain => "plain",
        }
    }
}

/// The class of a severity in the style sheet.
pub(crate) const fn severity_class(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "critical",
        Severity::Important => "important",
        Severity::Moderate => "moderate",
        Severity::Low => "low",
    }
}

/// The message that names a severity.
pub(crate) const fn severity_label(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "severity-critical",
        Severity::Important => "severity-important",
        Severity::Moderate => "severity-moderate",
        Severity::Low => "severity-low",
    }
}

impl Cell {
    /// A link.
    pub fn link(text: impl Into<String>, href: impl Into<String>) -> Self {
        Self::Link {
            text: text.into(),
            href: href.into(),
        }
    }

    /// A text, where there is one.
    pub fn text(text: Option<impl Into<String>>) -> Self {
        text.map_or(Self::Nothing, |text| Self::Text(text.into()))
    }

    /// As people read it.
    pub fn shown(&self, c: &Frame) -> String {
        match self {
            Self::Nothing => c.t("cell-nothing"),
            Self::Text(text) | Self::Link { text, .. } => text.clone(),
            Self::Number(number) => c.number(*number),
            Self::Decimal(number, digits) => c.decimal(*number, *digits),
            Self::Day(day) => c.day(*day),
            Self::Moment(moment) => c.moment(*moment),
            Self::Flag(true) => c.t("cell-yes"),
            Self::Flag(false) => c.t("cell-no"),
            Self::Severity(severity) => c.t(severity_label(*severity)),
            Self::List(texts) => texts.join(", "),
            Self::Word { label, .. } => c.t(label),
        }
    }

    /// As programs read it.
    pub fn value(&self) -> Value {
        match self {
            Self::Nothing => Value::Null,
            Self::Text(text) | Self::Link { text, .. } => Value::from(text.as_str()),
            Self::Number(number) => Value::from(*number),
            Self::Decimal(number, _) => Value::from(*number),
            Self::Day(day) => Value::from(day.to_string()),
            Self::Moment(moment) => Value::from(moment.to_string()),
            Self::Flag(flag) => Value::from(*flag),
            Self::Severity(severity) => Value::from(severity_class(*severity)),
            Self::List(texts) => Value::from(texts.clone()),
            Self::Word { value, .. } => Value::from(*value),
        }
    }

    /// Where it leads.
    pub fn href(&self) -> Option<&str> {
        match self {
            Self::Link { href, .. } => Some(href),
            _ => None,
        }
    }

    /// Its badge in the style sheet, where it is shown as one.
    pub fn badge(&self) -> Option<&'static str> {
        match self {
            Self::Severity(severity) => Some(severity_class(*severity)),
            Self::Word { look, .. } => Some(look.class()),
            Self::Flag(true) => Some("bad"),
            _ => None,
        }
    }

    /// The order of two cells of a column; what is not known comes first.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(one), Self::Number(other)) => one.cmp(other),
            (Self::Decimal(one, _), Self::Decimal(other, _)) => one.total_cmp(other),
            (Self::Day(one), Self::Day(other)) => one.cmp(other),
            (Self::Moment(one), Self::Moment(other)) => one.cmp(other),
            (Self::Flag(one), Self::Flag(other)) => one.cmp(other),
            (Self::Severity(one), Self::Severity(other)) => one.cmp(other),
            (Self::List(one), Self::List(other)) => one.cmp(other),
            (Self::Word { value: one, .. }, Self::Word { value: other, .. }) => one.cmp(other),
            (
                Self::Text(one) | Self::Link { text: one, .. },
                Self::Text(other) | Self::Link { text: other, .. },
            ) => one.cmp(other),
            (Self::Nothing, Self::Nothing) => Ordering::Equal,
            (Self::Nothing, _) => Ordering::Less,
            (_, Self::Nothing) => Ordering::Greater,
            _ => Ordering::Equal,
        }
    }
}

/// A column of a table.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its name in URLs and files.
    pub key: &'static str,
    /// The message that heads it.
    pub label: &'static str,
    /// Whether it holds numbers, which stand at the right.
    pub numeric: bool,
    /// Whether the table can be ordered by it.
    pub sortable: bool,
}

/// Something the rows can be narrowed by.
#[derive(Debug, Clone)]
pub struct Filter {
    /// Its name in URLs.
    pub key: &'static str,
    /// The message that names it.
    pub label: &'static str,
    /// What can be chosen.
    pub choices: Vec<Choice>,
}

/// A value of a filter.
#[derive(Debug, Clone)]
pub struct Choice {
    /// In URLs.
    pub value: String,
    /// As people read it.
    pub text: String,
}

/// The call of the API that gives the rows.
#[derive(Debug, Clone)]
pub struct ApiCall {
    /// Path and query.
    pub url: String,
    /// Whether it gives these very rows: some routes know no filters, and give all.
    pub exact: bool,
}

/// A list of which one page is shown.
#[derive(Debug, Clone)]
pub struct Table {
    /// What the rows are.
    pub caption: String,
    /// The path of the page it is on.
    pub path: String,
    /// What is asked of it.
    pub asked: Asked,
    /// The columns; the first names the row.
    pub columns: Vec<Column>,
    /// The order the rows are in, where it is that of a column.
    pub order: Option<(&'static str, bool)>,
    /// What the rows can be narrowed by.
    pub filters: Vec<Filter>,
    /// What can be searched for, as the name of the search field; `None` where nothing can.
    pub search: Option<String>,
    /// The rows of the page.
    pub rows: Vec<Vec<Cell>>,
    /// How many rows there are on all pages.
    pub total: u64,
    /// The API's call.
    pub api: ApiCall,
}

/// A heading.
pub struct Heading {
    /// What it says.
    pub text: String,
    /// Where it leads, to order by it.
    pub href: Option<String>,
    /// `aria-sort`, where the rows are in its order.
    pub sorted: Option<&'static str>,
    /// Whether it is over numbers.
    pub numeric: bool,
}

/// A place of a row.
pub struct Place<'a> {
    /// What stands there.
    pub cell: &'a Cell,
    /// What it says.
    pub text: String,
    /// The heading of its column, shown beside it on narrow screens.
    pub heading: String,
    /// Whether it names the row.
    pub head: bool,
    /// Whether it is a number.
    pub numeric: bool,
}

impl Table {
    /// How many rows a page has.
    pub const PAGE: u64 = 50;

    /// The headings.
    pub fn headings(&self, c: &Frame) -> Vec<Heading> {
        let columns = self.columns.iter();
        columns
            .map(|column| {
                let by = self.order.filter(|(key, _)| *key == column.key);
                let sorted = by.map(|(_, down)| if down { "descending" } else { "ascending" });
                // Counts are looked at from the largest.
                let down = by.map_or(column.numeric, |(_, down)| !down);
                let asked = self.asked.ordered(column.key, down);
                Heading {
                    text: c.t(column.label),
                    href: column.sortable.then(|| asked.href(&self.path)),
                    sorted,
                    numeric: column.numeric,
                }
            })
            .collect()
    }

    /// The places of a row.
    pub fn places<'a>(&self, c: &Frame, row: &'a [Cell]) -> Vec<Place<'a>> {
        let columns = self.columns.iter().zip(row).enumerate();
        columns
            .map(|(at, (column, cell))| Place {
                cell,
                text: cell.shown(c),
                heading: c.t(column.label),
                head: at == 0,
                numeric: column.numeric,
            })
            .collect()
    }

    /// The values that are kept while searching: those that are no filter, and the order.
    pub fn kept(&self) -> Vec<(String, String)> {
        let values = self.asked.values.iter();
        let values = values.filter(|(name, _)| {
            let mut filters = self.filters.iter();
            !filters.any(|filter| filter.key == name.as_str())
        });
        let order = self.asked.order.iter().map(|(column, down)| {
            let sign = if *down { "-" } else { "" };
            ("sort".to_owned(), format!("{sign}{column}"))
        });
        let values = values.map(|(name, value)| (name.clone(), value.clone()));
        values.chain(order).collect()
    }

    /// Whether a choice of a filter is made.
    pub fn is_chosen(&self, filter: &Filter, choice: &Choice) -> bool {
        self.asked.value(filter.key) == Some(choice.value.as_str())
    }

    /// Whether anything narrows the rows.
    pub fn is_narrowed(&self) -> bool {
        let mut filters = self.filters.iter();
        !self.asked.search.is_empty()
            || filters.any(|filter| self.asked.value(filter.key).is_some())
    }

    /// The table without what narrows it.
    pub fn all_href(&self) -> String {
        let mut asked = self.asked.at(0);
        asked.search.clear();
        for filter in &self.filters {
            asked.values.remove(filter.key);
        }
        asked.href(&self.path)
    }

    /// How many pages there are.
    pub fn pages(&self) -> u64 {
        self.total.div_ceil(Self::PAGE).max(1)
    }

    /// The page, from 1.
    pub fn page(&self) -> u64 {
        self.asked.page + 1
    }

    /// Whether there are pages before.
    pub fn previous(&self) -> Option<String> {
        let page = self.asked.page.checked_sub(1)?;
        Some(self.asked.at(page.min(self.pages() - 1)).href(&self.path))
    }

    /// Whether there are pages after.
    pub fn next(&self) -> Option<String> {
        let page = self.asked.page + 1;
        (page < self.pages()).then(|| self.asked.at(page).href(&self.path))
    }

    /// The first page.
    pub fn first(&self) -> String {
        self.asked.at(0).href(&self.path)
    }

    /// The last page.
    pub fn last(&self) -> String {
        self.asked.at(self.pages() - 1).href(&self.path)
    }

    /// The rows as a file, all pages.
    pub fn download(&self, format: &str) -> String {
        self.asked.with("format", Some(format)).href(&self.path)
    }
}
