//! Tables as files.

use serde_json::{Map, Value};

use crate::table::{Cell, Column};

/// The form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Download {
    /// Comma-separated values (RFC 4180).
    Csv,
    /// A JSON array of objects.
    Json,
}

impl Download {
    /// The form of a name in URLs.
    pub fn of_name(name: &str) -> Option<Self> {
        match name {
            "csv" => Some(Self::Csv),
            "json" => Some(Self::Json),
            _ => None,
        }
    }

    /// How its files end.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
        }
    }

    /// Its media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Json => "application/json",
        }
    }
}

/// Rows as lines of CSV, with or without the heading line.
pub fn csv<'a>(
    columns: &[Column],
    heading: bool,
    rows: impl IntoIterator<Item = &'a Vec<Cell>>,
) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    // Writing into memory does not fail; a line that could not be written would be missed by who counts them.
    if heading {
        let _ = writer.write_record(columns.iter().map(|column| column.key));
    }
    for row in rows {
        let _ = writer.write_record(row.iter().map(field));
    }
    writer.into_inner().unwrap_or_default()
}

fn field(cell: &Cell) -> String {
    match cell.value() {
        Value::Null => String::new(),
        Value::String(text) => inert(text),
        Value::Array(texts) => {
            let texts: Vec<&str> = texts.iter().filter_map(Value::as_str).collect();
            inert(texts.join(";"))
        }
        other => other.to_string(),
    }
}

/// A text that spreadsheets take for a text: what begins like a formula gets an apostrophe before it.
fn inert(text: String) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text
    }
}

/// A row as an object of JSON.
pub fn json(columns: &[Column], row: &[Cell]) -> Value {
    let pairs = columns.iter().zip(row);
    let pairs = pairs.map(|(column, cell)| (column.key.to_owned(), cell.value()));
    Value::Object(pairs.collect::<Map<String, Value>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_written_for_programs() {
        let column = |key| Column {
            key,
            label: "col-name",
            numeric: false,
            sortable: false,
        };
        let columns = [column("name"), column("machines"), column("tags")];
        let rows = [
            vec![
                Cell::link("a \"quoted\", name", "/x"),
                Cell::Number(1234),
                Cell::List(vec!["a".into(), "b".into()]),
            ],
            vec![
                Cell::Text("=cmd()".into()),
                Cell::Nothing,
                Cell::List(Vec::new()),
            ],
        ];
        let text = String::from_utf8(csv(&columns, true, &rows)).unwrap();
        assert_eq!(
            text,
            "name,machines,tags\r\n\"a \"\"quoted\"\", name\",1234,a;b\r\n'=cmd(),,\r\n"
        );
        assert_eq!(
            json(&columns, &rows[1]).to_string(),
            r#"{"machines":null,"name":"=cmd()","tags":[]}"#
        );
    }
}
