//! Answers: rows in their envelope, written as they come.

use std::borrow::Borrow;
use std::io::{self, Write};

use crate::apply::apply;
use crate::edm::{Entity, Type};
use crate::json::{Style, separate, write_properties, write_record, write_text};
use crate::query::{Expand, Query};

/// Where a page leads (OData 4.01 JSON format, section 4.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link<'a> {
    /// To the next page.
    Next(&'a str),
    /// From the last page: to what changes later.
    Delta(&'a str),
}

/// What an answer is of, as its `@odata.context` says it (OData 4.01 JSON format, section 10).
#[derive(Debug, Clone, Copy)]
pub enum Content<'a> {
    /// Entities of a set: `#Machines`.
    Set(&'a str),
    /// One entity of a set: `#Machines/$entity`.
    Entity(&'a str),
    /// A value or collection of a type in this namespace: `#Collection(ns.PublicProductFixDto)`.
    Of(&'a Type, &'a str),
}

/// The URL of the context: `root` is that of the service, as `https://host/api`. Properties that were chosen or expanded
/// are named.
pub fn context(root: &str, content: Content<'_>, query: &Query) -> String {
    let mut url = format!("{}/$metadata#", root.trim_end_matches('/'));
    match content {
        Content::Set(name) | Content::Entity(name) => url.push_str(name),
        Content::Of(of, namespace) => url.push_str(&of.qualified(namespace)),
    }
    let chosen = chosen(query);
    if !chosen.is_empty() {
        url.push('(');
        url.push_str(&chosen);
        url.push(')');
    }
    if matches!(content, Content::Entity(_)) {
        url.push_str("/$entity");
    }
    url
}

/// The names of `$select` and `$expand`: `id,software(id)`.
fn chosen(query: &Query) -> String {
    let selected = query.select.iter().flat_map(|select| &select.names);
    let selected = selected.map(std::string::ToString::to_string);
    let expanded = query
        .expand
        .iter()
        .map(|expand| format!("{}({})", expand.navigation.name, chosen(&expand.query)));
    let all: Vec<String> = selected.chain(expanded).collect();
    all.join(",")
}

/// Gives what a navigation property leads to.
pub trait Expander<T> {
    /// Writes the value of the navigation property for a row: an object, an array (see [`expand_many`]) or null.
    fn expand(&self, row: &T, expand: &Expand, out: &mut Vec<u8>);
}

impl<T, F: Fn(&T, &Expand, &mut Vec<u8>)> Expander<T> for F {
    fn expand(&self, row: &T, expand: &Expand, out: &mut Vec<u8>) {
        self(row, expand, out);
    }
}

/// For types that lead nowhere: writes null.
#[derive(Debug, Clone, Copy)]
pub struct NoExpansion;

impl<T> Expander<T> for NoExpansion {
    fn expand(&self, _: &T, _: &Expand, out: &mut Vec<u8>) {
        out.extend_from_slice(b"null");
    }
}

/// Writes the rows that a navigation property leads to as an array, by the query in the parentheses of `$expand`.
pub fn expand_many<T, R: Borrow<T>>(
    out: &mut Vec<u8>,
    entity: &Entity<T>,
    expand: &Expand,
    rows: impl IntoIterator<Item = R>,
    expander: &impl Expander<T>,
) {
    let page = apply(entity, &expand.query, u64::MAX, rows);
    let mut writer = Writer::new(entity, &expand.query);
    out.push(b'[');
    for row in &page.rows {
        writer.row_with(out, row.borrow(), expander);
    }
    out.push(b']');
}

/// Writes the row that a navigation property leads to.
pub fn expand_one<T>(
    out: &mut Vec<u8>,
    entity: &Entity<T>,
    expand: &Expand,
    row: Option<&T>,
    expander: &impl Expander<T>,
) {
    match row {
        Some(row) => Writer::new(entity, &expand.query).object(out, row, expander),
        None => out.extend_from_slice(b"null"),
    }
}

/// Writes rows of a type in their envelope.
///
/// The pieces come in order: [`begin`](Self::begin), [`row`](Self::row) for each, [`end`](Self::end); what is in the bytes
/// may be sent and taken out at any time between them.
pub struct Writer<'a, T> {
    entity: &'a Entity<T>,
    query: &'a Query,
    style: Style,
    /// The JSON of `@odata.type`, if rows have it.
    row_type: Option<Vec<u8>>,
    /// Whether a row was written before.
    follows: bool,
}

impl<'a, T> Writer<'a, T> {
    /// For rows of this type with the properties that the query chooses.
    pub fn new(entity: &'a Entity<T>, query: &'a Query) -> Self {
        Self {
            entity,
            query,
            style: Style::Answer,
            row_type: None,
            follows: false,
        }
    }

    /// Written in this style.
    #[must_use]
    pub fn style(mut self, style: Style) -> Self {
        self.style = style;
        self
    }

    /// Each row with an `@odata.type`, as Defender has it where rows are of a base type of what is declared.
    #[must_use]
    pub fn typed(mut self, namespace: &str) -> Self {
        let mut row_type = b"\"@odata.type\":".to_vec();
        let name = format!("#{namespace}.{}", self.entity.shape().name);
        write_text(&mut row_type, &name);
        self.row_type = Some(row_type);
        self
    }

    /// The envelope up to the rows.
    pub fn begin(&mut self, out: &mut Vec<u8>, context: &str, count: Option<u64>) {
        out.extend_from_slice(b"{\"@odata.context\":");
        write_text(out, context);
        if let Some(count) = count {
            out.extend_from_slice(b",\"@odata.count\":");
            out.extend_from_slice(count.to_string().as_bytes());
        }
        out.extend_from_slice(b",\"value\":[");
        self.follows = false;
    }

    /// A row that leads nowhere.
    pub fn row(&mut self, out: &mut Vec<u8>, row: &T) {
        self.row_with(out, row, &NoExpansion);
    }

    /// A row with what it leads to.
    pub fn row_with(&mut self, out: &mut Vec<u8>, row: &T, expander: &impl Expander<T>) {
        if self.follows {
            out.push(b',');
        }
        self.follows = true;
        self.object(out, row, expander);
    }

    fn object(&self, out: &mut Vec<u8>, row: &T, expander: &impl Expander<T>) {
        out.push(b'{');
        if let Some(row_type) = &self.row_type {
            out.extend_from_slice(row_type);
        }
        self.properties(out, row, expander);
        out.push(b'}');
    }

    fn properties(&self, out: &mut Vec<u8>, row: &T, expander: &impl Expander<T>) {
        let select = self.query.select.as_ref();
        let selected = select.map(|select| &*select.properties);
        let record = self.entity.row(row);
        write_properties(out, &record, self.entity.shape(), selected, self.style);
        for expand in &self.query.expand {
            separate(out);
            write_text(out, &expand.navigation.name);
            out.push(b':');
            expander.expand(row, expand, out);
        }
    }

    /// The end of the envelope.
    pub fn end(&self, out: &mut Vec<u8>, link: Option<Link<'_>>) {
        out.push(b']');
        if let Some(link) = link {
            let (name, url): (&[u8], _) = match link {
                Link::Next(url) => (b",\"@odata.nextLink\":", url),
                Link::Delta(url) => (b",\"@odata.deltaLink\":", url),
            };
            out.extend_from_slice(name);
            write_text(out, url);
        }
        out.push(b'}');
    }

    /// One entity with its context.
    pub fn entity(&self, out: &mut Vec<u8>, context: &str, row: &T, expander: &impl Expander<T>) {
        out.extend_from_slice(b"{\"@odata.context\":");
        write_text(out, context);
        if let Some(row_type) = &self.row_type {
            out.push(b',');
            out.extend_from_slice(row_type);
        }
        self.properties(out, row, expander);
        out.push(b'}');
    }

    /// A row on a line of its own, as export files have them.
    pub fn line(&self, out: &mut Vec<u8>, row: &T) {
        let select = self.query.select.as_ref();
        let selected = select.map(|select| &*select.properties);
        let record = self.entity.row(row);
        write_record(out, &record, self.entity.shape(), selected, self.style);
        out.push(b'\n');
    }

    /// A whole answer into anything that takes bytes, in pieces of about 64 KiB.
    pub fn write_to<R: Borrow<T>>(
        mut self,
        target: &mut impl Write,
        head: Head<'_>,
        rows: impl IntoIterator<Item = R>,
        expander: &impl Expander<T>,
    ) -> io::Result<()> {
        const PIECE: usize = 64 << 10;
        let mut out = Vec::with_capacity(PIECE + (PIECE >> 2));
        self.begin(&mut out, head.context, head.count);
        for row in rows {
            self.row_with(&mut out, row.borrow(), expander);
            if out.len() >= PIECE {
                target.write_all(&out)?;
                out.clear();
            }
        }
        self.end(&mut out, head.next_link.map(Link::Next));
        target.write_all(&out)
    }
}

/// What stands in the envelope beside the rows.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// The URL of the context.
    pub context: &'a str,
    /// How many rows there are in all, if it is told.
    pub count: Option<u64>,
    /// The link to the next page.
    pub next_link: Option<&'a str>,
}
