//! Values of properties: borrowed from the row they belong to wherever they can be.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use crate::edm::Described;

/// The value of a property of one row.
pub enum Value<'a> {
    /// No value.
    Null,
    /// `Edm.Boolean`.
    Bool(bool),
    /// Every whole number: `Edm.Byte`, `Edm.Int16`, `Edm.Int32`, `Edm.Int64`.
    Int(i64),
    /// `Edm.Single`.
    Single(f32),
    /// `Edm.Double`.
    Double(f64),
    /// `Edm.String`.
    Str(Cow<'a, str>),
    /// `Edm.DateTimeOffset`; of `Edm.Date` the start of the day in UTC.
    Time(Timestamp),
    /// `Edm.Guid`.
    Guid(Uuid),
    /// A member of an enumeration, by its number.
    Enum(i64),
    /// A complex value.
    Complex(Object<'a>),
    /// A collection of any of the others.
    Collection(Items<'a>),
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Single(value) => write!(f, "{value}"),
            Self::Double(value) => write!(f, "{value}"),
            Self::Str(value) => write!(f, "{value:?}"),
            Self::Time(value) => write!(f, "{value}"),
            Self::Guid(value) => write!(f, "{value}"),
            Self::Enum(value) => write!(f, "member {value}"),
            Self::Complex(object) => {
                let record = object.record();
                let values = (0..record.width()).map(|at| record.get(at));
                f.debug_set().entries(values).finish()
            }
            Self::Collection(items) => f.debug_list().entries(items.iter()).finish(),
        }
    }
}

/// A row or complex value, whose properties are asked for by their place in its description.
///
/// Only what is asked for is worked out: a property may be expensive.
pub trait Record {
    /// The value of the property at this place.
    fn get(&self, property: usize) -> Value<'_>;
    /// How many properties there are.
    fn width(&self) -> usize;
}

/// Several values in order.
pub trait List {
    /// The value at this place.
    fn get(&self, at: usize) -> Value<'_>;
    /// How many there are.
    fn count(&self) -> usize;
}

/// A value that may stand in a collection.
pub trait Item {
    /// The value, borrowed.
    fn value(&self) -> Value<'_>;
}

/// A complex value, borrowed from its row or made on demand.
pub enum Object<'a> {
    /// Part of the row.
    Borrowed(&'a dyn Record),
    /// Made for this call.
    Owned(Box<dyn Record + 'a>),
}

/// A collection, borrowed from its row or made on demand.
pub enum Items<'a> {
    /// Part of the row.
    Borrowed(&'a dyn List),
    /// Made for this call.
    Owned(Box<dyn List + 'a>),
}

impl<'a> Items<'a> {
    /// A collection of the row, such as a `Vec<String>`.
    pub fn of(list: &'a dyn List) -> Self {
        Self::Borrowed(list)
    }

    /// A collection made for this call; also a slice.
    pub fn made(list: impl List + 'a) -> Self {
        Self::Owned(Box::new(list))
    }

    /// The list itself.
    pub fn list(&self) -> &(dyn List + '_) {
        match self {
            Self::Borrowed(list) => *list,
            Self::Owned(list) => &**list,
        }
    }

    /// The values in order.
    pub fn iter(&self) -> impl Iterator<Item = Value<'_>> {
        let list = self.list();
        (0..list.count()).map(move |at| list.get(at))
    }
}

impl Object<'_> {
    /// The record itself.
    pub fn record(&self) -> &(dyn Record + '_) {
        match self {
            Self::Borrowed(record) => *record,
            Self::Owned(record) => &**record,
        }
    }
}

impl<'a> Object<'a> {
    /// The value of a property for as long as the row lives.
    pub(crate) fn into_property(self, property: usize) -> Value<'a> {
        match self {
            Self::Borrowed(record) => record.get(property),
            Self::Owned(record) => record.get(property).into_owned(),
        }
    }
}

impl<C: Described> Record for C {
    fn get(&self, property: usize) -> Value<'_> {
        C::description().value(self, property)
    }

    fn width(&self) -> usize {
        C::description().shape().properties.len()
    }
}

impl<C: Described> Item for C {
    fn value(&self) -> Value<'_> {
        Value::Complex(Object::Borrowed(self))
    }
}

/// Values of their own, of a complex value that had to be kept.
struct Kept(Vec<Value<'static>>);

impl Record for Kept {
    fn get(&self, property: usize) -> Value<'_> {
        self.0.get(property).map_or(Value::Null, Value::borrow)
    }

    fn width(&self) -> usize {
        self.0.len()
    }
}

impl List for Kept {
    fn get(&self, at: usize) -> Value<'_> {
        self.0.get(at).map_or(Value::Null, Value::borrow)
    }

    fn count(&self) -> usize {
        self.0.len()
    }
}

macro_rules! lists {
    ($($list:ty),*) => {$(
        impl<I: Item> List for $list {
            fn get(&self, at: usize) -> Value<'_> {
                <[I]>::get(self, at).map_or(Value::Null, Item::value)
            }

            fn count(&self) -> usize {
                self.len()
            }
        }
    )*};
}
lists!(Vec<I>, Box<[I]>, Arc<[I]>, &[I]);

macro_rules! texts {
    ($($text:ty),*) => {$(
        impl Item for $text {
            fn value(&self) -> Value<'_> {
                Value::Str(Cow::Borrowed(self))
            }
        }
    )*};
}
texts!(String, Box<str>, Arc<str>, &str, Cow<'_, str>);

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl Item for $number {
            fn value(&self) -> Value<'_> {
                Value::Int(i64::from(*self))
            }
        }
    )*};
}
numbers!(i64, i32, i16, u32, u16, u8);

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Str(Cow::Borrowed(text))
    }
}

impl Value<'_> {
    /// Whether there is no value.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The same value, borrowed from this one.
    pub fn borrow(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Int(value) => Value::Int(*value),
            Self::Single(value) => Value::Single(*value),
            Self::Double(value) => Value::Double(*value),
            Self::Str(value) => Value::Str(Cow::Borrowed(value)),
            Self::Time(value) => Value::Time(*value),
            Self::Guid(value) => Value::Guid(*value),
            Self::Enum(value) => Value::Enum(*value),
            Self::Complex(value) => Value::Complex(Object::Owned(Box::new(Lent(value.record())))),
            Self::Collection(value) => Value::Collection(Items::made(Lent(value.list()))),
        }
    }

    /// The same value with nothing borrowed.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Int(value) => Value::Int(value),
            Self::Single(value) => Value::Single(value),
            Self::Double(value) => Value::Double(value),
            Self::Str(value) => Value::Str(Cow::Owned(value.into_owned())),
            Self::Time(value) => Value::Time(value),
            Self::Guid(value) => Value::Guid(value),
            Self::Enum(value) => Value::Enum(value),
            Self::Complex(object) => {
                let record = object.record();
                let values = (0..record.width()).map(|at| record.get(at).into_owned());
                Value::Complex(Object::Owned(Box::new(Kept(values.collect()))))
            }
            Self::Collection(items) => {
                let values = items.iter().map(Value::into_owned).collect();
                Value::Collection(Items::made(Kept(values)))
            }
        }
    }

    /// How two values of comparable types are ordered; `None` if one is null, not a number, or of another type.
    ///
    /// Texts are compared by their bytes, numbers of different types as doubles, enumerations by number.
    #[inline]
    pub fn compare(&self, other: &Value<'_>) -> Option<Ordering> {
        match (self, other) {
            (Self::Str(a), Value::Str(b)) => Some(a.as_bytes().cmp(b.as_bytes())),
            (Self::Int(a) | Self::Enum(a), Value::Int(b) | Value::Enum(b)) => Some(a.cmp(b)),
            (Self::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
            (Self::Time(a), Value::Time(b)) => Some(a.cmp(b)),
            (Self::Guid(a), Value::Guid(b)) => Some(a.cmp(b)),
            _ => self.as_double()?.partial_cmp(&other.as_double()?),
        }
    }

    /// A number of any type as a double.
    #[expect(
        clippy::cast_precision_loss,
        reason = "the standard promotes mixed numbers so"
    )]
    pub(crate) fn as_double(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(*value as f64),
            Self::Single(value) => Some(f64::from(*value)),
            Self::Double(value) => Some(*value),
            _ => None,
        }
    }
}

/// A record or list lent by its reference.
struct Lent<'a, D: ?Sized>(&'a D);

impl<'a> Record for Lent<'a, dyn Record + 'a> {
    fn get(&self, property: usize) -> Value<'_> {
        self.0.get(property)
    }

    fn width(&self) -> usize {
        self.0.width()
    }
}

impl<'a> List for Lent<'a, dyn List + 'a> {
    fn get(&self, at: usize) -> Value<'_> {
        self.0.get(at)
    }

    fn count(&self) -> usize {
        self.0.count()
    }
}

/// A single value that stands for itself: a constant of a filter, or a key rows are ordered by.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// No value.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number of single precision.
    Single(f32),
    /// A number of double precision.
    Double(f64),
    /// A text.
    Str(Box<str>),
    /// A point in time.
    Time(Timestamp),
    /// A GUID.
    Guid(Uuid),
    /// A member of an enumeration, by its number.
    Enum(i64),
}

impl Scalar {
    /// The value, borrowed.
    #[inline]
    pub fn value(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Int(value) => Value::Int(*value),
            Self::Single(value) => Value::Single(*value),
            Self::Double(value) => Value::Double(*value),
            Self::Str(value) => Value::Str(Cow::Borrowed(value)),
            Self::Time(value) => Value::Time(*value),
            Self::Guid(value) => Value::Guid(*value),
            Self::Enum(value) => Value::Enum(*value),
        }
    }
}

impl From<Value<'_>> for Scalar {
    /// Keeps a single value; complex values and collections have no single one and become null.
    fn from(value: Value<'_>) -> Self {
        match value {
            Value::Null | Value::Complex(_) | Value::Collection(_) => Self::Null,
            Value::Bool(value) => Self::Bool(value),
            Value::Int(value) => Self::Int(value),
            Value::Single(value) => Self::Single(value),
            Value::Double(value) => Self::Double(value),
            Value::Str(value) => Self::Str(value.into()),
            Value::Time(value) => Self::Time(value),
            Value::Guid(value) => Self::Guid(value),
            Value::Enum(value) => Self::Enum(value),
        }
    }
}
