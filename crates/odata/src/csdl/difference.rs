//! How a schema differs from another service's metadata.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use super::{CsdlError, read_xml};
use crate::edm::{OperationKind, Schema, Structure, Type};

/// One thing that two schemas do not say alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The type, operation or set, as `type Machine` or `function GetMissingKbs(Machine)`.
    pub of: String,
    /// The property, member, parameter or binding, if it is about one.
    pub part: Option<String>,
    /// What ours says; `None` where it has no such thing.
    pub ours: Option<String>,
    /// What theirs says; `None` where it has no such thing.
    pub theirs: Option<String>,
}

impl Difference {
    /// Whether a whole type, operation or set is missing in ours: a service may have a part only of what another has.
    pub fn is_left_out(&self) -> bool {
        self.part.is_none() && self.ours.is_none()
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.of)?;
        if let Some(part) = &self.part {
            write!(f, "/{part}")?;
        }
        let said = |said: &Option<String>| said.clone().unwrap_or_else(|| "nothing".to_owned());
        write!(
            f,
            ": ours {}, theirs {}",
            said(&self.ours),
            said(&self.theirs)
        )
    }
}

/// What our schema and a CSDL XML document do not say alike, in order of name; the order of declarations is no
/// difference.
pub fn differences(ours: &Schema, theirs: &str) -> Result<Vec<Difference>, CsdlError> {
    let (ours, theirs) = (statements(ours), statements(&read_xml(theirs)?));
    let mut keys: Vec<&Key> = ours.keys().chain(theirs.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    let differing = keys.into_iter().filter(|key| {
        let (of, part) = key;
        let whole = (of.clone(), None);
        // Of what is missing as a whole, the parts are not told.
        let told = part.is_none() || (ours.contains_key(&whole) && theirs.contains_key(&whole));
        told && ours.get(*key) != theirs.get(*key)
    });
    let told = differing.map(|key| Difference {
        of: key.0.clone(),
        part: key.1.clone(),
        ours: ours.get(key).cloned(),
        theirs: theirs.get(key).cloned(),
    });
    Ok(told.collect())
}

type Key = (String, Option<String>);

/// All that a schema says, each statement under its name.
fn statements(schema: &Schema) -> BTreeMap<Key, String> {
    let mut said = BTreeMap::new();
    for of in &schema.types {
        let name = format!("type {}", of.name);
        let mut about = match of.structure {
            Structure::Entity => "entity".to_owned(),
            Structure::Complex => "complex".to_owned(),
        };
        if of.is_abstract {
            about.push_str(", abstract");
        }
        // A text takes whatever is written.
        if let Some(base) = &of.base {
            let _ = write!(about, ", extends {base}");
        } else if !of.key.is_empty() {
            let _ = write!(about, ", key {}", of.key.join(" "));
        }
        for property in of.declared() {
            let mut about = typed(&property.of, property.nullable);
            if let Some(length) = property.max_length {
                let _ = write!(about, ", at most {length} characters");
            }
            said.insert((name.clone(), Some(property.name.to_string())), about);
        }
        for navigation in of.navigation.iter().skip(of.inherited_navigation) {
            let about = format!(
                "navigation to {}",
                typed(&navigation.of, navigation.nullable)
            );
            said.insert((name.clone(), Some(navigation.name.to_string())), about);
        }
        said.insert((name, None), about);
    }
    for of in &schema.enums {
        let name = format!("enum {}", of.name);
        for (member, number) in &of.members {
            said.insert((name.clone(), Some(member.to_string())), number.to_string());
        }
        let flags = if of.flags { ", flags" } else { "" };
        said.insert((name, None), format!("{}{flags}", of.underlying.name()));
    }
    for operation in &schema.operations {
        let kind = match operation.kind {
            OperationKind::Function => "function",
            OperationKind::Action => "action",
        };
        let binding = operation.binding.as_ref().map(Type::to_string);
        let name = format!("{kind} {}({})", operation.name, binding.unwrap_or_default());
        for parameter in &operation.parameters {
            let mut about = typed(&parameter.of, parameter.nullable);
            if parameter.optional {
                about.push_str(", optional");
            }
            said.insert((name.clone(), Some(parameter.name.to_string())), about);
        }
        let returns = operation.returns.as_ref();
        let returns = returns.map(|returns| typed(&returns.of, returns.nullable));
        let about = returns.unwrap_or_else(|| "nothing".to_owned());
        said.insert((name, None), format!("returns {about}"));
    }
    for set in &schema.sets {
        let name = format!("set {}", set.name);
        for (path, target) in &set.bindings {
            said.insert((name.clone(), Some(path.to_string())), target.to_string());
        }
        said.insert((name, None), set.of.to_string());
    }
    said
}

fn typed(of: &Type, nullable: bool) -> String {
    let null = if nullable { "" } else { ", never null" };
    format!("{of}{null}")
}
