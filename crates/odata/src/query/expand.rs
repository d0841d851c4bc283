//! `$expand`, with the options in its parentheses.

use std::sync::Arc;

use super::{Query, SystemOption, TWICE, unknown};
use crate::edm::{Navigation, StructuredType};
use crate::error::{ODataError, excerpt};
use crate::filter::skip;
use crate::limits::Rules;

/// A navigation property that the answer contains, and what of it.
#[derive(Debug, Clone)]
pub struct Expand {
    /// The navigation property.
    pub navigation: Navigation,
    /// What is asked of the entities it leads to.
    pub query: Query,
    pub(super) shape: Arc<StructuredType>,
}

pub(super) fn parse(
    text: &str,
    shape: &StructuredType,
    rules: &Rules<'_>,
    depth: usize,
) -> Result<Vec<Expand>, ODataError> {
    let Some(depth) = depth.checked_sub(1) else {
        let most = rules.limits.expand;
        return Err(ODataError::at(0, format!("nested deeper than {most}")));
    };
    let mut found: Vec<Expand> = Vec::new();
    let mut at = 0;
    loop {
        if found.len() == rules.limits.names {
            let message = format!("more than {} items are named", rules.limits.names);
            return Err(ODataError::at(at, message));
        }
        let end = skip(text, at, b",");
        let expand = item(&text[at..end], shape, rules, depth).map_err(|e| e.moved(at))?;
        if found
            .iter()
            .any(|known| known.navigation == expand.navigation)
        {
            return Err(ODataError::new(TWICE));
        }
        found.push(expand);
        if end == text.len() {
            return Ok(found);
        }
        at = end + 1;
    }
}

/// One navigation property, with or without parentheses behind it.
fn item(
    text: &str,
    shape: &StructuredType,
    rules: &Rules<'_>,
    depth: usize,
) -> Result<Expand, ODataError> {
    let start = text.len() - text.trim_start().len();
    let open = text.find('(').unwrap_or(text.len());
    let name = text[start.min(open)..open].trim_end();
    let Some(navigation) = shape.navigation(name) else {
        let message = if shape.property(name).is_some() {
            format!("'{name}' of {} leads to no other entities", shape.name)
        } else {
            let name = excerpt(name);
            format!("'{name}' is not a navigation property of {}", shape.name)
        };
        return Err(ODataError::at(start, message));
    };
    let target = navigation.of.element().to_string();
    let Some(target) = rules.schema.structured(&target) else {
        let message = format!("'{}' cannot be expanded", navigation.name);
        return Err(ODataError::at(start, message));
    };
    let mut query = Query::default();
    if open < text.len() {
        let close = skip(text, open + 1, b")");
        if close == text.len() {
            return Err(ODataError::at(open, "the parenthesis is not closed"));
        }
        if !text[close + 1..].trim().is_empty() {
            return Err(ODataError::at(close + 1, "expected ',' or the end"));
        }
        options(&text[..close], open + 1, target, rules, depth, &mut query)?;
    }
    Ok(Expand {
        navigation: navigation.clone(),
        query,
        shape: Arc::clone(target),
    })
}

/// The options in the parentheses, from `at` to the end of the text.
fn options(
    text: &str,
    mut at: usize,
    shape: &StructuredType,
    rules: &Rules<'_>,
    depth: usize,
    query: &mut Query,
) -> Result<(), ODataError> {
    let mut seen = Vec::new();
    while at < text.len() {
        let end = skip(text, at, b";");
        let pair = &text[at..end];
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let known = || {
            let all = SystemOption::ALL.iter();
            all.filter(|(option, _)| option.nests()).map(|(_, n)| *n)
        };
        let option = SystemOption::named(name.trim()).filter(|option| option.nests());
        let Some(option) = option else {
            let mut error = unknown(name.trim(), known());
            error.position = Some(at);
            return Err(error);
        };
        if seen.contains(&option) {
            return Err(ODataError::new(TWICE));
        }
        seen.push(option);
        let offset = (at + name.len() + 1).min(end);
        let set = query.set(option, value, offset, shape, rules, depth);
        // The position is in the text of the outermost option, so the error is said of that.
        set.map_err(|mut error| {
            if let Some(inner) = error.option.take() {
                error.message = format!("{inner}: {}", error.message);
            }
            error
        })?;
        at = end + 1;
    }
    Ok(())
}
