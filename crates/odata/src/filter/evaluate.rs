//! Bound expressions, and their value for a row.

use std::borrow::Cow;
use std::cmp::Ordering;

use jiff::tz::TimeZone;
use memchr::memmem::Finder;
use rustc_hash::FxHashSet;

use super::ast::{Comparison, Function, Operator, Quantifier};
use crate::value::{Record, Scalar, Value};

/// What is true, false or null.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    And(Box<[Node]>),
    Or(Box<[Node]>),
    Not(Box<Node>),
    /// A term against a constant, the most common condition.
    Constant(Comparison, Term, Scalar),
    Compare(Comparison, Term, Term),
    In(Term, Set),
    StartsWith(Term, Term),
    EndsWith(Term, Term),
    Contains(Term, Term),
    /// A constant text within a term, looked for by a search prepared once.
    ContainsText(Term, Box<Finder<'static>>),
    Truth(Term),
    Lambda(Quantifier, Path, Option<Box<Node>>),
}

/// What has a value.
#[derive(Debug, Clone)]
pub(crate) enum Term {
    Path(Path),
    /// How many members a collection has.
    Count(Path),
    Constant(Scalar),
    Negate(Box<Term>),
    Arithmetic(Operator, Box<[Term; 2]>),
    Call(Function, Box<[Term]>),
    Test(Box<Node>),
}

/// A property: of the row, or of the member of a collection that a condition is about.
#[derive(Debug, Clone)]
pub(crate) enum Path {
    /// A property of the row itself (`level` 0), and of complex values within it.
    Property { property: usize, rest: Box<[usize]> },
    /// The member that the condition on a collection is about, counted from the outermost, and properties of it.
    Member { level: usize, rest: Box<[usize]> },
}

/// The members of collections that conditions around are about.
pub(crate) struct Scope<'a> {
    value: &'a Value<'a>,
    level: usize,
    around: Option<&'a Scope<'a>>,
}

/// The constants of `in`.
#[derive(Debug, Clone)]
pub(crate) struct Set {
    members: Vec<Scalar>,
    null: bool,
    quick: Quick,
}

#[derive(Debug, Clone)]
enum Quick {
    Texts(FxHashSet<Box<str>>),
    Numbers(FxHashSet<i64>),
    /// In order, of one type.
    Sorted(Vec<Scalar>),
    None,
}

impl Set {
    pub(super) fn new(members: Vec<Scalar>) -> Self {
        /// Below this, looking at each is quicker.
        const FEW: usize = 6;
        let null = members.contains(&Scalar::Null);
        let mut texts = FxHashSet::default();
        let mut numbers = FxHashSet::default();
        for member in &members {
            match member {
                Scalar::Str(text) => {
                    texts.insert(text.clone());
                }
                Scalar::Int(number) | Scalar::Enum(number) => {
                    numbers.insert(*number);
                }
                _ => {}
            }
        }
        let values = members.iter().filter(|m| **m != Scalar::Null).count();
        let all = |kind: fn(&Scalar) -> bool| {
            values >= FEW && members.iter().filter(|m| kind(m)).count() == values
        };
        let quick = if all(|m| matches!(m, Scalar::Str(_))) {
            Quick::Texts(texts)
        } else if all(|m| matches!(m, Scalar::Enum(_) | Scalar::Int(_))) {
            Quick::Numbers(numbers)
        } else if all(|m| matches!(m, Scalar::Guid(_)))
            || all(|m| matches!(m, Scalar::Time(_)))
            || all(|m| matches!(m, Scalar::Single(n) if !n.is_nan()))
            || all(|m| matches!(m, Scalar::Double(n) if !n.is_nan()))
        {
            let values = members.iter().filter(|m| **m != Scalar::Null);
            let mut values: Vec<Scalar> = values.cloned().collect();
            values.sort_by(|a, b| a.value().compare(&b.value()).unwrap_or(Ordering::Equal));
            Quick::Sorted(values)
        } else {
            Quick::None
        };
        Self {
            members,
            null,
            quick,
        }
    }

    pub(super) fn members(&self) -> &[Scalar] {
        &self.members
    }

    fn has(&self, value: &Value<'_>) -> bool {
        match (value, &self.quick) {
            (Value::Null, _) => self.null,
            (Value::Str(text), Quick::Texts(texts)) => texts.contains(&**text),
            (Value::Int(number) | Value::Enum(number), Quick::Numbers(numbers)) => {
                numbers.contains(number)
            }
            (value, Quick::Sorted(sorted)) => {
                let order = |member: &Scalar| member.value().compare(value);
                let found = sorted.binary_search_by(|m| order(m).unwrap_or(Ordering::Less));
                found.is_ok()
            }
            _ => {
                let mut members = self.members.iter();
                members.any(|member| value.compare(&member.value()) == Some(Ordering::Equal))
            }
        }
    }
}

/// Whether a comparison holds; see [`super`] for null.
#[inline]
pub(super) fn holds(op: Comparison, left: &Value<'_>, right: &Value<'_>) -> bool {
    if left.is_null() || right.is_null() {
        let both = left.is_null() && right.is_null();
        return match op {
            Comparison::Eq => both,
            Comparison::Ne => !both,
            _ => false,
        };
    }
    let order = match (left, right, op) {
        // Texts of different lengths are not looked at.
        (Value::Str(a), Value::Str(b), Comparison::Eq) => return a == b,
        (Value::Str(a), Value::Str(b), Comparison::Ne) => return a != b,
        _ => left.compare(right),
    };
    match op {
        Comparison::Eq => order == Some(Ordering::Equal),
        Comparison::Ne => order != Some(Ordering::Equal),
        Comparison::Gt => order == Some(Ordering::Greater),
        Comparison::Lt => order == Some(Ordering::Less),
        Comparison::Ge => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        Comparison::Le => matches!(order, Some(Ordering::Less | Ordering::Equal)),
    }
}

impl Node {
    pub(super) fn test<R: Record + ?Sized>(
        &self,
        row: &R,
        scope: Option<&Scope<'_>>,
    ) -> Option<bool> {
        match self {
            Self::And(parts) => all(parts.iter().map(|part| part.test(row, scope)), false),
            Self::Or(parts) => all(parts.iter().map(|part| part.test(row, scope)), true),
            Self::Not(inner) => inner.test(row, scope).map(|value| !value),
            Self::Constant(op, term, constant) => {
                Some(holds(*op, &term.value(row, scope), &constant.value()))
            }
            Self::Compare(op, left, right) => Some(holds(
                *op,
                &left.value(row, scope),
                &right.value(row, scope),
            )),
            Self::In(term, set) => Some(set.has(&term.value(row, scope))),
            Self::StartsWith(text, part) => {
                texts(row, scope, text, part, |text, part| text.starts_with(part))
            }
            Self::EndsWith(text, part) => {
                texts(row, scope, text, part, |text, part| text.ends_with(part))
            }
            Self::Contains(text, part) => {
                texts(row, scope, text, part, |text, part| text.contains(part))
            }
            Self::ContainsText(text, part) => match text.value(row, scope) {
                Value::Str(text) => Some(part.find(text.as_bytes()).is_some()),
                _ => None,
            },
            Self::Truth(term) => match term.value(row, scope) {
                Value::Bool(value) => Some(value),
                _ => None,
            },
            Self::Lambda(quantifier, path, condition) => {
                let value = path.value(row, scope);
                let Value::Collection(items) = &value else {
                    // No collection has no members.
                    return Some(*quantifier == Quantifier::All);
                };
                let Some(condition) = condition else {
                    return Some(items.list().count() > 0);
                };
                let level = scope.map_or(0, |scope| scope.level + 1);
                let mut members = items.iter().map(|member| {
                    let inner = Scope {
                        value: &member,
                        level,
                        around: scope,
                    };
                    condition.test(row, Some(&inner)) == Some(true)
                });
                Some(match quantifier {
                    Quantifier::Any => members.any(|holds| holds),
                    Quantifier::All => members.all(|holds| holds),
                })
            }
        }
    }
}

/// `and` (decided by false) or `or` (decided by true) of three-valued parts, of which no more are asked than needed.
fn all(parts: impl Iterator<Item = Option<bool>>, decides: bool) -> Option<bool> {
    let mut result = Some(!decides);
    for part in parts {
        match part {
            Some(value) if value == decides => return Some(decides),
            Some(_) => {}
            None => result = None,
        }
    }
    result
}

fn texts<R: Record + ?Sized>(
    row: &R,
    scope: Option<&Scope<'_>>,
    text: &Term,
    part: &Term,
    holds: impl Fn(&str, &str) -> bool,
) -> Option<bool> {
    match (text.value(row, scope), part.value(row, scope)) {
        (Value::Str(text), Value::Str(part)) => Some(holds(&text, &part)),
        _ => None,
    }
}

impl Path {
    fn value<'a, R: Record + ?Sized>(&self, row: &'a R, scope: Option<&'a Scope<'_>>) -> Value<'a> {
        let (mut value, rest) = match self {
            Self::Property { property, rest } => (row.get(*property), &**rest),
            Self::Member { level, rest } => {
                let mut at = scope;
                while let Some(scope) = at
                    && scope.level > *level
                {
                    at = scope.around;
                }
                match (at.map(|scope| scope.value), &**rest) {
                    // What is lent by the scope need not be copied.
                    (Some(Value::Complex(object)), [first, rest @ ..]) => {
                        (object.record().get(*first), rest)
                    }
                    (Some(value), rest) => (value.borrow(), rest),
                    (None, _) => return Value::Null,
                }
            }
        };
        for &property in rest {
            value = match value {
                Value::Complex(object) => object.into_property(property),
                _ => return Value::Null,
            };
        }
        value
    }
}

impl Term {
    /// The place of the property of the row, if the term is just that.
    pub(crate) fn property(&self) -> Option<usize> {
        match self {
            Self::Path(Path::Property { property, rest }) if rest.is_empty() => Some(*property),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn value<'a, R: Record + ?Sized>(
        &'a self,
        row: &'a R,
        scope: Option<&'a Scope<'_>>,
    ) -> Value<'a> {
        match self {
            Self::Path(Path::Property { property, rest }) if rest.is_empty() => row.get(*property),
            Self::Path(path) => path.value(row, scope),
            Self::Count(path) => match path.value(row, scope) {
                Value::Collection(items) => {
                    Value::Int(i64::try_from(items.list().count()).unwrap_or(i64::MAX))
                }
                _ => Value::Null,
            },
            Self::Constant(constant) => constant.value(),
            Self::Negate(inner) => match inner.value(row, scope) {
                Value::Int(number) => number.checked_neg().map_or(Value::Null, Value::Int),
                Value::Single(number) => Value::Single(-number),
                Value::Double(number) => Value::Double(-number),
                _ => Value::Null,
            },
            Self::Arithmetic(operator, operands) => {
                let [left, right] = &**operands;
                reckon(*operator, &left.value(row, scope), &right.value(row, scope))
            }
            Self::Call(function, arguments) => {
                let arguments = arguments.iter().map(|argument| argument.value(row, scope));
                call(*function, arguments)
            }
            Self::Test(node) => node.test(row, scope).map_or(Value::Null, Value::Bool),
        }
    }
}

fn reckon(operator: Operator, left: &Value<'_>, right: &Value<'_>) -> Value<'static> {
    if let (Value::Int(a), Value::Int(b)) = (left, right)
        && operator != Operator::DivBy
    {
        let whole = match operator {
            Operator::Add => a.checked_add(*b),
            Operator::Sub => a.checked_sub(*b),
            Operator::Mul => a.checked_mul(*b),
            Operator::Div | Operator::DivBy => a.checked_div(*b),
            Operator::Mod => a.checked_rem(*b),
        };
        return whole.map_or(Value::Null, Value::Int);
    }
    let (Some(a), Some(b)) = (left.as_double(), right.as_double()) else {
        return Value::Null;
    };
    Value::Double(match operator {
        Operator::Add => a + b,
        Operator::Sub => a - b,
        Operator::Mul => a * b,
        _ if b == 0.0 => return Value::Null,
        Operator::Div | Operator::DivBy => a / b,
        Operator::Mod => a % b,
    })
}

/// A text in lower or upper case: the text itself if it is so already, as names of products are.
fn cased(text: Cow<'_, str>, upper: bool) -> Cow<'_, str> {
    if !text.is_ascii() {
        return Cow::Owned(if upper {
            text.to_uppercase()
        } else {
            text.to_lowercase()
        });
    }
    let other = if upper {
        u8::is_ascii_lowercase
    } else {
        u8::is_ascii_uppercase
    };
    if !text.as_bytes().iter().any(other) {
        return text;
    }
    let mut text = text.into_owned();
    if upper {
        text.make_ascii_uppercase();
    } else {
        text.make_ascii_lowercase();
    }
    Cow::Owned(text)
}

/// The byte at which the character of this number begins; the end if there are not so many.
fn byte_of(text: &str, character: i64) -> usize {
    let Ok(character) = usize::try_from(character) else {
        return 0;
    };
    let mut places = text.char_indices();
    places.nth(character).map_or(text.len(), |(at, _)| at)
}

fn cut(text: Cow<'_, str>, from: usize, to: usize) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.get(from..to).unwrap_or_default()),
        Cow::Owned(text) => Cow::Owned(text.get(from..to).unwrap_or_default().to_owned()),
    }
}

pub(super) fn call<'a>(
    function: Function,
    mut arguments: impl Iterator<Item = Value<'a>>,
) -> Value<'a> {
    let mut next = || arguments.next().unwrap_or(Value::Null);
    let count = |count: usize| Value::Int(i64::try_from(count).unwrap_or(i64::MAX));
    match (function, next()) {
        (Function::ToLower, Value::Str(text)) => Value::Str(cased(text, false)),
        (Function::ToUpper, Value::Str(text)) => Value::Str(cased(text, true)),
        (Function::Trim, Value::Str(text)) => {
            let start = text.len() - text.trim_start().len();
            let end = start + text.trim().len();
            Value::Str(cut(text, start, end))
        }
        (Function::Length, Value::Str(text)) => count(text.chars().count()),
        (Function::Length, Value::Collection(items)) => count(items.list().count()),
        (Function::IndexOf, Value::Str(text)) => match next() {
            Value::Str(part) => match text.find(&*part) {
                Some(at) => count(text[..at].chars().count()),
                None => Value::Int(-1),
            },
            _ => Value::Null,
        },
        (Function::Concat, Value::Str(text)) => match next() {
            Value::Str(other) => Value::Str(Cow::Owned(text.into_owned() + &other)),
            _ => Value::Null,
        },
        (Function::Substring, Value::Str(text)) => {
            let Value::Int(from) = next() else {
                return Value::Null;
            };
            let start = byte_of(&text, from);
            let end = match arguments.next() {
                None => text.len(),
                Some(Value::Int(length)) => start + byte_of(&text[start..], length),
                Some(_) => return Value::Null,
            };
            Value::Str(cut(text, start, end))
        }
        (
            Function::Year
            | Function::Month
            | Function::Day
            | Function::Hour
            | Function::Minute
            | Function::Second
            | Function::Date,
            Value::Time(time),
        ) => {
            let civil = TimeZone::UTC.to_datetime(time);
            Value::Int(match function {
                Function::Year => i64::from(civil.year()),
                Function::Month => i64::from(civil.month()),
                Function::Day => i64::from(civil.day()),
                Function::Hour => i64::from(civil.hour()),
                Function::Minute => i64::from(civil.minute()),
                Function::Second => i64::from(civil.second()),
                _ => {
                    let day = TimeZone::UTC
                        .to_timestamp(civil.date().to_datetime(jiff::civil::Time::midnight()));
                    return day.map_or(Value::Null, Value::Time);
                }
            })
        }
        (Function::Round, number) => rounded(&number, f64::round),
        (Function::Floor, number) => rounded(&number, f64::floor),
        (Function::Ceiling, number) => rounded(&number, f64::ceil),
        _ => Value::Null,
    }
}

fn rounded(number: &Value<'_>, round: impl Fn(f64) -> f64) -> Value<'static> {
    match *number {
        Value::Double(number) => Value::Double(round(number)),
        Value::Single(number) => Value::Double(round(f64::from(number))),
        Value::Int(number) => Value::Int(number),
        _ => Value::Null,
    }
}
