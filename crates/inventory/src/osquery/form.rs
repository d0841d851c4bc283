//! The JSON that osquery writes: texts for everything, or numbers where it was told so; empty lists as empty texts in
//! old versions.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::AnswerError;
use crate::json::MAX_LIST;

/// How long a name may be, in characters; the longest DNS name has 253.
pub(crate) const MAX_NAME: usize = 255;

/// A value as text, without blanks around it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Cell(Box<str>);

impl Cell {
    /// The text; empty where there is none.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Scalar;
        impl Visitor<'_> for Scalar {
            type Value = Cell;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a number")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Cell, E> {
                Ok(Cell(text.trim().into()))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Cell, E> {
                Ok(Cell(number.to_string().into()))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Cell, E> {
                Ok(Cell(number.to_string().into()))
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Cell, E> {
                Ok(Cell(number.to_string().into()))
            }

            fn visit_bool<E: Error>(self, yes: bool) -> Result<Cell, E> {
                Ok(Cell(if yes { "1" } else { "0" }.into()))
            }

            fn visit_unit<E: Error>(self) -> Result<Cell, E> {
                Ok(Cell::default())
            }
        }
        d.deserialize_any(Scalar)
    }
}

/// An object's fields; an empty text, as old versions write it, has none.
#[derive(Debug, Clone)]
pub(crate) struct Fields<T>(pub(crate) BTreeMap<String, T>);

impl<T> Default for Fields<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Fields<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Object<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
            type Value = Fields<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<T>, A::Error> {
                let mut fields = BTreeMap::new();
                while let Some((name, value)) = map.next_entry()? {
                    if fields.len() >= MAX_LIST {
                        return Err(A::Error::custom(format_args!(
                            "more than {MAX_LIST} fields"
                        )));
                    }
                    fields.insert(name, value);
                }
                Ok(Fields(fields))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Fields<T>, E> {
                no_text(text, &self).map(|()| Fields::default())
            }

            fn visit_unit<E: Error>(self) -> Result<Fields<T>, E> {
                Ok(Fields::default())
            }
        }
        d.deserialize_any(Object(PhantomData))
    }
}

/// A row of a table.
pub(crate) type Row = Fields<Cell>;

impl Row {
    /// The text of a column; empty where the row does not have it.
    pub(crate) fn text(&self, column: &str) -> &str {
        self.0.get(column).map_or("", Cell::text)
    }

    /// The first of some columns that is not empty.
    pub(crate) fn filled<'a>(&'a self, columns: &[&str]) -> Option<&'a str> {
        let mut texts = columns.iter().map(|column| self.text(column));
        texts.find(|text| !text.is_empty())
    }
}

/// The rows of a table.
#[derive(Debug, Default)]
pub(crate) struct Rows(pub(crate) Vec<Row>);

impl<'de> Deserialize<'de> for Rows {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Rows;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of rows")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Rows, A::Error> {
                let mut rows = Vec::new();
                while let Some(row) = list.next_element()? {
                    if rows.len() >= MAX_LIST {
                        return Err(A::Error::custom(format_args!("more than {MAX_LIST} rows")));
                    }
                    rows.push(row);
                }
                Ok(Rows(rows))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Rows, E> {
                no_text(text, &self).map(|()| Rows::default())
            }

            fn visit_unit<E: Error>(self) -> Result<Rows, E> {
                Ok(Rows::default())
            }
        }
        d.deserialize_any(List)
    }
}

fn no_text<'de, E: Error, V: Visitor<'de>>(text: &str, expected: &V) -> Result<(), E> {
    if text.trim().is_empty() {
        Ok(())
    } else {
        Err(E::invalid_type(serde::de::Unexpected::Str(text), expected))
    }
}

/// Reads what stands in a field of an answer; without a field's name, the answer itself.
pub(crate) fn parsed<'a, T: Deserialize<'a>>(
    field: &str,
    value: &'a RawValue,
) -> Result<T, AnswerError> {
    let mut json = serde_json::Deserializer::from_str(value.get());
    serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let path = match (field, path.as_str()) {
            ("", path) => path.to_owned(),
            (field, ".") => field.to_owned(),
            (field, path) if path.starts_with('[') => format!("{field}{path}"),
            (field, path) => format!("{field}.{path}"),
        };
        AnswerError::Field {
            path,
            reason: without_position(error.inner()),
        }
    })
}

/// What serde says, without the place, which is within a part of the input; and not longer than is of use.
pub(crate) fn without_position(error: &serde_json::Error) -> String {
    let reason = error.to_string();
    let reason = reason.split(" at line ").next().unwrap_or(&reason);
    clipped(reason, MAX_NAME).into()
}

/// A text, cut off where it is longer than a number of characters.
pub(crate) fn clipped(text: &str, limit: usize) -> Box<str> {
    let end = text
        .char_indices()
        .nth(limit)
        .map_or(text.len(), |(at, _)| at);
    text[..end].into()
}
