//! Query options: from the text behind the question mark to what is asked.

mod expand;
mod link;
mod order;
mod text;

use std::sync::Arc;

pub use expand::Expand;
pub use link::{next_by_skip, next_by_token, with_custom};
pub use order::OrderKey;

use crate::edm::{Name, StructuredType};
use crate::error::{ODataError, excerpt};
use crate::filter::Filter;
use crate::limits::Rules;

/// What Defender says of an option that is given twice.
const TWICE: &str = "Filter parameter is invalid";

/// A query, bound to the type of its rows.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// `$filter`: which rows.
    pub filter: Option<Filter>,
    /// `$orderby`: in which order.
    pub order_by: Vec<OrderKey>,
    /// `$select`: which properties; all of them without it.
    pub select: Option<Select>,
    /// `$expand`: which navigation properties, with queries of their own.
    pub expand: Vec<Expand>,
    /// `$top`: how many rows.
    pub top: Option<u64>,
    /// `$skip`: how many rows are left out first.
    pub skip: u64,
    /// `$count`: whether the answer tells how many rows there are.
    pub count: bool,
    /// `$skiptoken`: where an earlier answer ended, in the words of who gave it.
    pub skip_token: Option<String>,
    /// Options without a dollar sign.
    custom: Vec<(String, String)>,
}

/// The properties of `$select`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Select {
    /// Their places, in order of the declaration, as they are written.
    pub properties: Vec<usize>,
    /// Their names, in order of the request, as the context repeats them.
    pub names: Vec<Name>,
}

impl Query {
    /// Reads the raw query of a URL, that is what follows the question mark, for rows of this type.
    ///
    /// Options that begin with a dollar sign are the standard's; one that is not known is an error, as is one given
    /// twice. Others are kept apart: clients send them and expect no error.
    pub fn parse(raw: &str, shape: &StructuredType, rules: &Rules<'_>) -> Result<Self, ODataError> {
        let mut query = Self::default();
        let mut seen = Vec::new();
        for (name, value) in text::pairs(raw, &rules.limits)? {
            if !name.starts_with('$') {
                query.custom.push((name.into_owned(), value.into_owned()));
                continue;
            }
            let option = SystemOption::named(&name)
                .ok_or_else(|| unknown(&name, SystemOption::ALL.iter().map(|(_, n)| *n)))?;
            if seen.contains(&option) {
                return Err(ODataError::new(TWICE));
            }
            seen.push(option);
            query.set(option, &value, 0, shape, rules, rules.limits.expand)?;
        }
        Ok(query)
    }

    /// The value of an option without a dollar sign, by its name in whatever case; the first if there are several.
    pub fn custom(&self, name: &str) -> Option<&str> {
        let mut custom = self.custom.iter();
        let found = custom.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Takes one option over; its text begins at `offset` of the outermost option's.
    fn set(
        &mut self,
        option: SystemOption,
        value: &str,
        offset: usize,
        shape: &StructuredType,
        rules: &Rules<'_>,
        depth: usize,
    ) -> Result<(), ODataError> {
        let done = match option {
            SystemOption::Filter => Filter::parse(value, shape, rules).map(|filter| {
                self.filter = Some(filter);
            }),
            SystemOption::OrderBy => order::parse(value, shape, rules).map(|keys| {
                self.order_by = keys;
            }),
            SystemOption::Select => select(value, shape, rules).map(|select| self.select = select),
            SystemOption::Expand => expand::parse(value, shape, rules, depth).map(|expand| {
                self.expand = expand;
            }),
            SystemOption::Top => number(value).and_then(|top| {
                if top > rules.max_top {
                    let most = rules.max_top;
                    let message = format!("{top} is more than the {most} that may be asked for");
                    return Err(ODataError::new(message));
                }
                self.top = Some(top);
                Ok(())
            }),
            SystemOption::Skip => number(value).map(|skip| self.skip = skip),
            SystemOption::Count => match value.trim() {
                yes if yes.eq_ignore_ascii_case("true") => {
                    self.count = true;
                    Ok(())
                }
                no if no.eq_ignore_ascii_case("false") => Ok(()),
                other => Err(ODataError::new(format!(
                    "'{}' is neither true nor false",
                    excerpt(other)
                ))),
            },
            SystemOption::SkipToken => {
                self.skip_token = Some(value.to_owned());
                Ok(())
            }
            SystemOption::Format => {
                let kind = value.trim().to_ascii_lowercase();
                if kind.starts_with("json") || kind.starts_with("application/json") {
                    Ok(())
                } else {
                    let message = format!("answers are JSON, not '{}'", excerpt(value));
                    Err(ODataError::new(message))
                }
            }
        };
        done.map_err(|error| error.moved(offset).of(option.name()))
    }
}

/// The options of the standard that are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SystemOption {
    Filter,
    OrderBy,
    Select,
    Expand,
    Top,
    Skip,
    Count,
    SkipToken,
    Format,
}

impl SystemOption {
    const ALL: [(Self, &'static str); 9] = [
        (Self::Filter, "$filter"),
        (Self::OrderBy, "$orderby"),
        (Self::Select, "$select"),
        (Self::Expand, "$expand"),
        (Self::Top, "$top"),
        (Self::Skip, "$skip"),
        (Self::Count, "$count"),
        (Self::SkipToken, "$skiptoken"),
        (Self::Format, "$format"),
    ];

    fn named(name: &str) -> Option<Self> {
        let mut all = Self::ALL.iter();
        all.find(|(_, known)| known.eq_ignore_ascii_case(name))
            .map(|(option, _)| *option)
    }

    fn name(self) -> &'static str {
        let mut all = Self::ALL.iter();
        all.find(|(option, _)| *option == self)
            .map_or("$", |(_, name)| name)
    }

    /// Whether it may stand in the parentheses of `$expand`.
    fn nests(self) -> bool {
        !matches!(self, Self::Count | Self::SkipToken | Self::Format)
    }
}

fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> ODataError {
    let known: Vec<&str> = known.collect();
    ODataError::new(format!(
        "'{}' is not an option that is known; these are {}",
        excerpt(name),
        known.join(", ")
    ))
}

fn number(text: &str) -> Result<u64, ODataError> {
    let digits = text.trim();
    let number = digits.bytes().all(|b| b.is_ascii_digit());
    let number = number.then(|| digits.parse().ok()).flatten();
    number
        .ok_or_else(|| ODataError::new(format!("'{}' is not a whole number from 0", excerpt(text))))
}

fn select(
    text: &str,
    shape: &StructuredType,
    rules: &Rules<'_>,
) -> Result<Option<Select>, ODataError> {
    let mut properties = Vec::new();
    let mut names = Vec::new();
    let mut at = 0;
    for (count, item) in text.split(',').enumerate() {
        if count == rules.limits.names {
            let message = format!("more than {} properties are named", rules.limits.names);
            return Err(ODataError::at(at, message));
        }
        let place = at + item.len() - item.trim_start().len();
        at += item.len() + 1;
        let item = item.trim();
        if item == "*" {
            return Ok(None);
        }
        if let Some((property, found)) = shape.property(item) {
            if !properties.contains(&property) {
                properties.push(property);
                names.push(found.name.clone());
            }
        } else if let Some(navigation) = shape.navigation(item) {
            // Without metadata in the answer there is nothing to write of it.
            if !names.contains(&navigation.name) {
                names.push(navigation.name.clone());
            }
        } else {
            let message = format!("'{}' is not a property of {}", excerpt(item), shape.name);
            return Err(ODataError::at(place, message));
        }
    }
    properties.sort_unstable();
    Ok(Some(Select { properties, names }))
}

impl Expand {
    /// The type that is led to.
    pub fn shape(&self) -> &Arc<StructuredType> {
        &self.shape
    }
}
