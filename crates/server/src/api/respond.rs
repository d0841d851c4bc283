//! Answers in OData's envelope, from described rows.

use axum::body::Bytes;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use kbgap_odata::edm::{Entity, Type};
use kbgap_odata::{Content, Expander, Link, NoExpansion, Page, Query, Writer, apply, context};

use super::ask::Ask;
use super::expansions::Leads;
use super::model::{Model, NAMESPACE, collection_of};
use crate::envelope::ApiError;

/// How many rows a page has, and the most that `$top` may ask for (API specification, section 4).
pub(crate) const PAGE: u64 = 10_000;
/// The same of vulnerabilities.
pub(crate) const VULNERABILITIES: u64 = 8_000;
/// How many rows a page has that contains what they lead to.
const EXPANDED: u64 = 100;

/// Rows that can be made one by one, in an order that stays the same.
pub(crate) trait Rows {
    /// The row.
    type Row;

    /// How many there are.
    fn len(&self) -> usize;

    /// The row at a place; `None` where it is gone meanwhile.
    fn row(&self, at: usize) -> Option<Self::Row>;
}

impl<T: Clone> Rows for [T] {
    type Row = T;

    fn len(&self) -> usize {
        <[T]>::len(self)
    }

    fn row(&self, at: usize) -> Option<T> {
        self.get(at).cloned()
    }
}

/// What is answered: what the rows are called in the context, and whether they are counted without being asked.
pub(crate) struct Named {
    of: Of,
    counted: bool,
}

enum Of {
    Set(&'static str),
    Type(Type),
}

impl Named {
    /// An entity set.
    pub(crate) fn set(name: &'static str) -> Self {
        Self {
            of: Of::Set(name),
            counted: false,
        }
    }

    /// A collection of a type that is in no set.
    pub(crate) fn collection_of<T>(entity: &Entity<T>) -> Self {
        Self {
            of: Of::Type(collection_of(entity)),
            counted: false,
        }
    }

    fn content(&self) -> Content<'_> {
        match &self.of {
            Of::Set(name) => Content::Set(name),
            Of::Type(of) => Content::Of(of, NAMESPACE),
        }
    }

    /// The same with its count, asked for or not: some routes of Defender do so (API specification, section 4).
    pub(crate) fn counted(self) -> Self {
        Self {
            counted: true,
            ..self
        }
    }
}

/// Answers rows: filtered, ordered, cut to a page.
pub(crate) fn rows<T>(
    ask: &Ask,
    model: &Model,
    entity: &Entity<T>,
    named: &Named,
    max_top: u64,
    rows: &(impl Rows<Row = T> + ?Sized),
) -> Result<Response, ApiError> {
    leading(ask, model, entity, named, max_top, rows, &NoExpansion)
}

/// The same of rows that lead to others.
pub(crate) fn leading<T>(
    ask: &Ask,
    model: &Model,
    entity: &Entity<T>,
    named: &Named,
    max_top: u64,
    rows: &(impl Rows<Row = T> + ?Sized),
    leads: &impl Leads<T>,
) -> Result<Response, ApiError> {
    let query = ask.query(&model.schema, entity, max_top)?;
    leads.permit(&query.expand)?;
    // What a row leads to may be thousands.
    let size = if query.expand.is_empty() {
        max_top
    } else {
        max_top.min(EXPANDED)
    };
    let page = page(entity, &query, size, rows);
    Ok(json(page_of(ask, entity, named, &query, &page, leads)))
}

/// The body of such an answer.
pub(crate) fn body<T>(
    ask: &Ask,
    model: &Model,
    entity: &Entity<T>,
    named: &Named,
    max_top: u64,
    rows: &(impl Rows<Row = T> + ?Sized),
) -> Result<Vec<u8>, ApiError> {
    let query = ask.query(&model.schema, entity, max_top)?;
    let page = page(entity, &query, max_top, rows);
    Ok(page_of(ask, entity, named, &query, &page, &NoExpansion))
}

/// A page of rows of at most some size.
fn page<T>(
    entity: &Entity<T>,
    query: &Query,
    size: u64,
    rows: &(impl Rows<Row = T> + ?Sized),
) -> Page<T> {
    if query.filter.is_none() && query.order_by.is_empty() {
        return plain(query, size, rows);
    }
    let all = (0..rows.len()).filter_map(|at| rows.row(at));
    apply(entity, query, size, all)
}

/// A page of all rows: those before it are not made.
fn plain<T>(query: &Query, size: u64, rows: &(impl Rows<Row = T> + ?Sized)) -> Page<T> {
    let total = rows.len() as u64;
    let wanted = query.top.unwrap_or(u64::MAX);
    let length = wanted.min(size);
    let end = query.skip.saturating_add(length).min(total);
    let places = query.skip..end;
    let places = places.filter_map(|at| rows.row(usize::try_from(at).ok()?));
    let more = end < total && wanted > length;
    Page {
        rows: places.collect(),
        count: query.count.then_some(total),
        next: more.then(|| kbgap_odata::Next {
            skip: end,
            top: query.top.map(|top| top - length),
        }),
    }
}

fn page_of<T>(
    ask: &Ask,
    entity: &Entity<T>,
    named: &Named,
    query: &Query,
    page: &Page<T>,
    expander: &impl Expander<T>,
) -> Vec<u8> {
    let mut body = Vec::with_capacity(256 + page.rows.len() * 256);
    let mut writer = Writer::new(entity, query);
    let count = page
        .count
        .or_else(|| named.counted.then_some(page.rows.len() as u64));
    writer.begin(
        &mut body,
        &context(&ask.api(), named.content(), query),
        count,
    );
    for row in &page.rows {
        writer.row_with(&mut body, row, expander);
    }
    let next = page.next.map(|next| next.link(&ask.url()));
    writer.end(&mut body, next.as_deref().map(Link::Next));
    body
}

/// Answers one entity.
pub(crate) fn one<T>(
    ask: &Ask,
    model: &Model,
    entity: &Entity<T>,
    content: Content<'_>,
    row: &T,
) -> Result<Response, ApiError> {
    one_leading(ask, model, entity, content, row, &NoExpansion)
}

/// The same of an entity that leads to others.
pub(crate) fn one_leading<T>(
    ask: &Ask,
    model: &Model,
    entity: &Entity<T>,
    content: Content<'_>,
    row: &T,
    leads: &impl Leads<T>,
) -> Result<Response, ApiError> {
    let query = ask.query(&model.schema, entity, PAGE)?;
    leads.permit(&query.expand)?;
    let mut body = Vec::new();
    let of = context(&ask.api(), content, &query);
    Writer::new(entity, &query).entity(&mut body, &of, row, leads);
    Ok(json(body))
}

/// Answers one value, whose query is of other options than those of rows.
pub(crate) fn one_plain<T>(
    ask: &Ask,
    entity: &Entity<T>,
    content: Content<'_>,
    row: &T,
) -> Response {
    let query = Query::default();
    let mut body = Vec::new();
    let of = context(&ask.api(), content, &query);
    Writer::new(entity, &query).entity(&mut body, &of, row, &NoExpansion);
    json(body)
}

/// Answers how many rows there are, as a number alone: `…/$count`.
pub(crate) fn count<T>(
    ask: &Ask,
    model: &Model,
    entity: &Entity<T>,
    rows: &(impl Rows<Row = T> + ?Sized),
) -> Result<Response, ApiError> {
    let query = ask.query(&model.schema, entity, u64::MAX)?;
    let count = match &query.filter {
        None => rows.len(),
        Some(filter) => {
            let all = (0..rows.len()).filter_map(|at| rows.row(at));
            all.filter(|row| filter.matches(&entity.row(row))).count()
        }
    };
    let kind = [(header::CONTENT_TYPE, "text/plain")];
    Ok((kind, count.to_string()).into_response())
}

/// Works out an answer that takes longer than a moment, beside the threads that answer others.
pub(crate) async fn in_background(
    work: impl FnOnce() -> Result<Response, ApiError> + Send + 'static,
) -> Result<Response, ApiError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(answer) => answer,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

/// A count as the API's types have it.
pub(crate) fn count_of(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

/// A body that is JSON already.
pub(crate) fn json(body: impl Into<Bytes>) -> Response {
    let headers = [
        (
            header::CONTENT_TYPE,
            "application/json; odata.metadata=minimal",
        ),
        (header::HeaderName::from_static("odata-version"), "4.0"),
    ];
    (headers, body.into()).into_response()
}
