//! A query applied to rows: which of them, in which order, and how many.

use std::borrow::Borrow;
use std::cmp::Ordering;

use crate::edm::Entity;
use crate::query::{OrderKey, Query, next_by_skip};
use crate::value::{Record, Scalar};

/// One page of the rows that a query asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<R> {
    /// The rows.
    pub rows: Vec<R>,
    /// How many rows there are without `$skip`, `$top` and pages, if `$count` asks for it.
    pub count: Option<u64>,
    /// Where the next page begins, if there is one.
    pub next: Option<Next>,
}

/// Where the next page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Next {
    /// How many rows come before it.
    pub skip: u64,
    /// How many rows are still wanted, if the request had `$top`.
    pub top: Option<u64>,
}

impl Next {
    /// The link to it: the URL of the request with `$skip`.
    pub fn link(&self, url: &str) -> String {
        next_by_skip(url, self.skip, self.top)
    }
}

/// Filters, orders and cuts rows, of which a page has at most `page_size`.
///
/// Rows come from anywhere, in an order that stays the same from request to request: lent ones, owned ones, or handles
/// made on the way. Only the properties that the query speaks of are read. An order is stable; where a page is small
/// against the rows, only its candidates are kept. Without an order and a count, no more rows are taken than needed.
pub fn apply<T, R: Borrow<T>>(
    entity: &Entity<T>,
    query: &Query,
    page_size: u64,
    rows: impl IntoIterator<Item = R>,
) -> Page<R> {
    let wanted = query.top.unwrap_or(u64::MAX);
    let length = wanted.min(page_size);
    let kept = rows.into_iter().filter(|row| {
        let filter = query.filter.as_ref();
        filter.is_none_or(|filter| filter.matches(&entity.row(row.borrow())))
    });
    let (rows, count, more) = if query.order_by.is_empty() {
        first(kept, query.skip, length, query.count)
    } else {
        ordered(kept, entity, query, length)
    };
    let next = (more && wanted > length).then(|| Next {
        skip: query.skip.saturating_add(length),
        top: query.top.map(|top| top - length),
    });
    Page {
        rows,
        count: query.count.then_some(count),
        next,
    }
}

/// The rows of a page in the order they come, how many there are, and whether some follow.
fn first<R>(
    rows: impl Iterator<Item = R>,
    skip: u64,
    length: u64,
    count_all: bool,
) -> (Vec<R>, u64, bool) {
    let mut page = Vec::new();
    let mut count = 0_u64;
    let end = skip.saturating_add(length);
    let mut more = false;
    if length == 0 && !count_all {
        return (page, count, more);
    }
    for row in rows {
        count += 1;
        if count > end {
            more = true;
            if !count_all {
                break;
            }
        } else if count > skip {
            page.push(row);
        }
    }
    (page, count, more)
}

/// A row and what it is ordered by.
struct Candidate<R> {
    keys: Box<[Scalar]>,
    /// Its place among the rows as they came.
    place: u64,
    row: R,
}

fn ordered<T, R: Borrow<T>>(
    rows: impl Iterator<Item = R>,
    entity: &Entity<T>,
    query: &Query,
    length: u64,
) -> (Vec<R>, u64, bool) {
    /// Below this many, sorting all is as quick.
    const FEW: usize = 64;
    let keys = &query.order_by;
    let end = query.skip.saturating_add(length);
    // One more, to know whether rows follow.
    let needed = usize::try_from(end.saturating_add(1)).unwrap_or(usize::MAX);
    let full = needed.saturating_mul(2).max(FEW);
    let order = |a: &Candidate<R>, b: &Candidate<R>| {
        let pairs = a.keys.iter().zip(&b.keys).zip(keys);
        let mut orders = pairs.map(|((a, b), key)| key.compare(&a.value(), &b.value()));
        orders
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
            .then(a.place.cmp(&b.place))
    };
    let mut found: Vec<Candidate<R>> = Vec::new();
    let mut pruned = false;
    let mut count = 0_u64;
    for row in rows {
        let place = count;
        count += 1;
        let record = entity.row(row.borrow());
        if pruned && !precedes(&record, keys, &found[needed - 1].keys) {
            continue;
        }
        let values = keys.iter().map(|key| Scalar::from(key.value(&record)));
        let keys = values.collect();
        found.push(Candidate { keys, place, row });
        if found.len() >= full {
            // What is beyond the page can no more come into it.
            found.select_nth_unstable_by(needed - 1, order);
            found.truncate(needed);
            pruned = true;
        }
    }
    found.sort_unstable_by(order);
    let more = count > end;
    let skip = usize::try_from(query.skip).unwrap_or(usize::MAX);
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let page = found.into_iter().skip(skip).take(length);
    (page.map(|candidate| candidate.row).collect(), count, more)
}

/// Whether a row comes before these keys; one with the same keys comes after, as it came later.
fn precedes<R: Record + ?Sized>(row: &R, keys: &[OrderKey], than: &[Scalar]) -> bool {
    for (key, than) in keys.iter().zip(than) {
        match key.compare(&key.value(row), &than.value()) {
            Ordering::Less => return true,
            Ordering::Greater => return false,
            Ordering::Equal => {}
        }
    }
    false
}
