//! The description of what an answer consists of: types, properties, sets and operations.
//!
//! A type is described once. Its JSON, its place in `$metadata`, its JSON schema, its table in the documentation
//! and what of it may be filtered and ordered by are read from the one description.

mod entity;
mod enumeration;
mod schema;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

pub use entity::{Described, Entity, EntityBuilder, Row};
pub use enumeration::{EnumType, Enumeration};
pub use schema::{
    EntitySet, Operation, OperationKind, Parameter, Returns, Schema, SchemaBuilder, SchemaError,
};

/// A name: known at compile time, or read from a document.
pub type Name = Cow<'static, str>;

/// The types of single values that this server speaks of, and those that only foreign metadata has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(
    missing_docs,
    reason = "the standard's names, CSDL 4.01 section 3.3 \"Primitive Types\""
)]
pub enum Primitive {
    Boolean,
    Byte,
    Date,
    DateTimeOffset,
    Decimal,
    Double,
    Duration,
    Guid,
    Int16,
    Int32,
    Int64,
    SByte,
    Single,
    String,
    TimeOfDay,
}

impl Primitive {
    const ALL: [(Self, &'static str); 15] = [
        (Self::Boolean, "Edm.Boolean"),
        (Self::Byte, "Edm.Byte"),
        (Self::Date, "Edm.Date"),
        (Self::DateTimeOffset, "Edm.DateTimeOffset"),
        (Self::Decimal, "Edm.Decimal"),
        (Self::Double, "Edm.Double"),
        (Self::Duration, "Edm.Duration"),
        (Self::Guid, "Edm.Guid"),
        (Self::Int16, "Edm.Int16"),
        (Self::Int32, "Edm.Int32"),
        (Self::Int64, "Edm.Int64"),
        (Self::SByte, "Edm.SByte"),
        (Self::Single, "Edm.Single"),
        (Self::String, "Edm.String"),
        (Self::TimeOfDay, "Edm.TimeOfDay"),
    ];

    /// The name of the type with its namespace, as `Edm.String`.
    pub fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(primitive, _)| *primitive == self)
            .map_or("", |(_, name)| name)
    }

    /// The type of this name.
    pub fn named(name: &str) -> Option<Self> {
        let mut all = Self::ALL.iter();
        all.find(|(_, known)| *known == name).map(|(p, _)| *p)
    }
}

/// The type of a property, parameter or result.
#[derive(Debug, Clone)]
pub enum Type {
    /// A single value of the standard's types.
    Primitive(Primitive),
    /// An enumeration.
    Enum(Arc<EnumType>),
    /// A complex type.
    Complex(Arc<StructuredType>),
    /// A type of the schema known by its name only: an entity type, or what was read from foreign metadata.
    Named(Name),
    /// Several of a type.
    Collection(Box<Type>),
}

impl Type {
    /// A type of the schema by its name, as `Machine`.
    pub fn named(name: impl Into<Name>) -> Self {
        Self::Named(name.into())
    }

    /// Several of this type.
    #[must_use]
    pub fn collection(self) -> Self {
        Self::Collection(Box::new(self))
    }

    /// Whether it is a collection.
    pub fn is_collection(&self) -> bool {
        matches!(self, Self::Collection(_))
    }

    /// The type, or that of the members of a collection.
    pub fn element(&self) -> &Self {
        match self {
            Self::Collection(element) => element.element(),
            other => other,
        }
    }

    /// The name with the namespace of the schema, as metadata and contexts print it:
    /// `Collection(microsoft.windowsDefenderATP.api.Machine)`.
    pub fn qualified(&self, namespace: &str) -> String {
        match self {
            Self::Primitive(primitive) => primitive.name().to_owned(),
            Self::Enum(of) => format!("{namespace}.{}", of.name),
            Self::Complex(of) => format!("{namespace}.{}", of.name),
            Self::Named(name) => format!("{namespace}.{name}"),
            Self::Collection(element) => format!("Collection({})", element.qualified(namespace)),
        }
    }
}

impl From<Primitive> for Type {
    fn from(primitive: Primitive) -> Self {
        Self::Primitive(primitive)
    }
}

impl fmt::Display for Type {
    /// The name without the namespaces, as people write it: `Collection(String)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Primitive(primitive) => f.write_str(primitive.name().trim_start_matches("Edm.")),
            Self::Enum(of) => f.write_str(&of.name),
            Self::Complex(of) => f.write_str(&of.name),
            Self::Named(name) => f.write_str(name),
            Self::Collection(element) => write!(f, "Collection({element})"),
        }
    }
}

impl PartialEq for Type {
    /// Types are the same if their names are.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Primitive(a), Self::Primitive(b)) => a == b,
            (Self::Collection(a), Self::Collection(b)) => a == b,
            (Self::Primitive(_) | Self::Collection(_), _)
            | (_, Self::Primitive(_) | Self::Collection(_)) => false,
            _ => self.to_string() == other.to_string(),
        }
    }
}

/// Whether a type has a key of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Structure {
    /// An entity type.
    Entity,
    /// A complex type.
    Complex,
}

/// An entity or complex type.
#[derive(Debug, Clone)]
pub struct StructuredType {
    /// The name without the namespace.
    pub name: Name,
    /// Entity or complex.
    pub structure: Structure,
    /// The type it extends.
    pub base: Option<Name>,
    /// Whether there are only values of types that extend it.
    pub is_abstract: bool,
    /// The names of the key's properties; those of the base type are not repeated.
    pub key: Vec<Name>,
    /// The properties, those of the base type first.
    pub properties: Vec<Property>,
    /// How many of the properties are the base type's.
    pub inherited: usize,
    /// The properties that lead to other entities, those of the base type first.
    pub navigation: Vec<Navigation>,
    /// How many of them are the base type's.
    pub inherited_navigation: usize,
    /// What it is, for the documentation.
    pub doc: Name,
}

impl StructuredType {
    /// The property of this name and its place; upper and lower case are the same, as Defender takes them.
    pub fn property(&self, name: &str) -> Option<(usize, &Property)> {
        let mut properties = self.properties.iter().enumerate();
        properties.find(|(_, property)| property.name.eq_ignore_ascii_case(name))
    }

    /// The navigation property of this name.
    pub fn navigation(&self, name: &str) -> Option<&Navigation> {
        let mut navigation = self.navigation.iter();
        navigation.find(|navigation| navigation.name.eq_ignore_ascii_case(name))
    }

    /// The properties that are its own, as metadata declares them.
    pub fn declared(&self) -> impl Iterator<Item = &Property> {
        let own = self.properties.iter().skip(self.inherited);
        own.filter(|property| property.declared)
    }
}

/// A property with a value.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "what a property can do is independent of each other"
)]
pub struct Property {
    /// The name in JSON.
    pub name: Name,
    /// Its type.
    pub of: Type,
    /// Whether it is (part of) the key.
    pub key: bool,
    /// Whether it may be null.
    pub nullable: bool,
    /// Whether `$filter` may use it.
    pub filterable: bool,
    /// Whether `$orderby` may use it.
    pub sortable: bool,
    /// Whether metadata declares it: answers may have properties that it does not.
    pub declared: bool,
    /// Whether answers leave it out where it is null: a property that came to a service later than its documentation.
    pub optional: bool,
    /// The most characters of a text.
    pub max_length: Option<u32>,
    /// What it means, for the documentation.
    pub doc: Name,
    /// The name with its colon as JSON has it, in an answer and in an export file.
    pub(crate) keys: [Box<[u8]>; 2],
}

impl Property {
    pub(crate) fn new(name: Name, of: Type, nullable: bool) -> Self {
        let mut pascal = name.to_string();
        if let Some(first) = pascal.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        let key = |name: &str| {
            let mut key = Vec::new();
            crate::json::write_text(&mut key, name);
            key.push(b':');
            key.into_boxed_slice()
        };
        Self {
            keys: [key(&name), key(&pascal)],
            name,
            sortable: !of.is_collection() && !matches!(of, Type::Complex(_)),
            of,
            key: false,
            nullable,
            filterable: false,
            declared: true,
            optional: false,
            max_length: None,
            doc: Name::Borrowed(""),
        }
    }
}

/// A property that leads to other entities.
#[derive(Debug, Clone, PartialEq)]
pub struct Navigation {
    /// The name.
    pub name: Name,
    /// The entity type, or a collection of it.
    pub of: Type,
    /// Whether there may be none.
    pub nullable: bool,
}
