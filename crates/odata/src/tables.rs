//! Tables of types for the documentation.

use std::fmt::Write;

use crate::edm::{EnumType, StructuredType};

/// The properties of a type as a Markdown table: name, type, whether null occurs, whether `$filter` takes it, meaning.
pub fn properties(of: &StructuredType) -> String {
    let mut table =
        String::from("| Property | Type | Null | Filter | Meaning |\n|---|---|---|---|---|\n");
    let yes = |yes: bool| if yes { "yes" } else { "" };
    for property in &of.properties {
        let key = if property.key { " (key)" } else { "" };
        // A text takes whatever is written.
        let _ = writeln!(
            table,
            "| `{}`{key} | {} | {} | {} | {} |",
            property.name,
            property.of,
            yes(property.nullable && !property.of.is_collection()),
            yes(property.filterable),
            cell(&property.doc),
        );
    }
    for navigation in &of.navigation {
        let _ = writeln!(
            table,
            "| `{}` | {} | | | with `$expand` |",
            navigation.name, navigation.of
        );
    }
    table
}

/// The members of an enumeration as a Markdown table: name and number.
pub fn members(of: &EnumType) -> String {
    let mut table = String::from("| Member | Number |\n|---|---|\n");
    for (name, number) in &of.members {
        let _ = writeln!(table, "| `{name}` | {number} |");
    }
    table
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
