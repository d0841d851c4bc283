//! Descriptions tied to Rust types: each property with the function that reads it.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use super::{Enumeration, Name, Navigation, Primitive, Property, Structure, StructuredType, Type};
use crate::value::{Items, Object, Record, Value};

/// Reads one property of a row.
type Accessor<T> = Arc<dyn for<'a> Fn(&'a T) -> Value<'a> + Send + Sync>;

/// A complex type of Rust with its description, so that it can stand in rows and collections.
///
/// ```
/// use kbgap_odata::edm::{Described, Entity};
///
/// struct Address { ip: String, mac: Option<String> }
///
/// kbgap_odata::described!(Address, Entity::complex("MachineIpAddress")
///     .string("ipAddress", |a: &Address| &a.ip)
///     .string_or_null("macAddress", |a| a.mac.as_deref())
///     .build());
///
/// assert_eq!(Address::description().shape().properties.len(), 2);
/// ```
pub trait Described: Sized + Send + Sync + 'static {
    /// The description.
    fn description() -> &'static Entity<Self>;
}

/// Makes a type [`Described`]: the type and its description, which is made once.
#[macro_export]
macro_rules! described {
    ($of:ty, $description:expr $(,)?) => {
        impl $crate::edm::Described for $of {
            fn description() -> &'static $crate::edm::Entity<Self> {
                static DESCRIPTION: ::std::sync::LazyLock<$crate::edm::Entity<$of>> =
                    ::std::sync::LazyLock::new(|| $description);
                &DESCRIPTION
            }
        }
    };
}

/// An entity or complex type, and how to read its properties from a `T`.
///
/// A `T` may borrow from elsewhere: a description is cheap to make, and what is bound against its shape serves every
/// description of the same shape.
pub struct Entity<T> {
    shape: Arc<StructuredType>,
    accessors: Vec<Accessor<T>>,
}

impl<T> Clone for Entity<T> {
    fn clone(&self) -> Self {
        Self {
            shape: Arc::clone(&self.shape),
            accessors: self.accessors.clone(),
        }
    }
}

impl<T> fmt::Debug for Entity<T> {
    /// The name: what the accessors do is not to be seen.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Entity").field(&self.shape.name).finish()
    }
}

impl<T> Entity<T> {
    /// Starts the description of an entity type.
    pub fn named(name: impl Into<Name>) -> EntityBuilder<T> {
        EntityBuilder::new(name.into(), Structure::Entity)
    }

    /// Starts the description of a complex type.
    pub fn complex(name: impl Into<Name>) -> EntityBuilder<T> {
        EntityBuilder::new(name.into(), Structure::Complex)
    }

    /// The type without the means to read it.
    pub fn shape(&self) -> &Arc<StructuredType> {
        &self.shape
    }

    /// The value of the property at this place.
    #[inline]
    pub fn value<'a>(&self, row: &'a T, property: usize) -> Value<'a> {
        self.accessors
            .get(property)
            .map_or(Value::Null, |read| read(row))
    }

    /// A row with its description.
    pub fn row<'a>(&'a self, row: &'a T) -> Row<'a, T> {
        Row { entity: self, row }
    }
}

/// A row with its description.
pub struct Row<'a, T> {
    entity: &'a Entity<T>,
    row: &'a T,
}

impl<T> Record for Row<'_, T> {
    #[inline]
    fn get(&self, property: usize) -> Value<'_> {
        self.entity.value(self.row, property)
    }

    fn width(&self) -> usize {
        self.entity.accessors.len()
    }
}

/// Describes a type property by property, in the order of the JSON.
///
/// A method without `_or_null` declares a property that is never null; `filterable`, `doc` and the like speak of the
/// property before them.
#[must_use]
pub struct EntityBuilder<T> {
    shape: StructuredType,
    accessors: Vec<Accessor<T>>,
}

/// The two methods of a type of values: required, and with null.
macro_rules! scalars {
    ($($required:ident, $nullable:ident, $of:ty, $primitive:ident, $value:expr, $what:literal;)*) => {$(
        #[doc = concat!("A property of type ", $what, ".")]
        pub fn $required(
            self,
            name: impl Into<Name>,
            read: impl Fn(&T) -> $of + Send + Sync + 'static,
        ) -> Self {
            let of = Type::Primitive(Primitive::$primitive);
            self.value(name, of, move |row| $value(read(row)))
        }

        #[doc = concat!("A property of type ", $what, " or null.")]
        pub fn $nullable(
            self,
            name: impl Into<Name>,
            read: impl Fn(&T) -> Option<$of> + Send + Sync + 'static,
        ) -> Self {
            let of = Type::Primitive(Primitive::$primitive);
            self.value(name, of, move |row| read(row).map_or(Value::Null, $value))
                .nullable(true)
        }
    )*};
}

impl<T> EntityBuilder<T> {
    fn new(name: Name, structure: Structure) -> Self {
        Self {
            shape: StructuredType {
                name,
                structure,
                base: None,
                is_abstract: false,
                key: Vec::new(),
                properties: Vec::new(),
                inherited: 0,
                navigation: Vec::new(),
                inherited_navigation: 0,
                doc: Name::Borrowed(""),
            },
            accessors: Vec::new(),
        }
    }

    /// Extends another type, whose properties come first; `part` is where a row has them. Must be said before the own
    /// properties.
    pub fn extends<B: 'static>(
        mut self,
        base: &Entity<B>,
        part: impl for<'a> Fn(&'a T) -> &'a B + Send + Sync + 'static,
    ) -> Self {
        let part = Arc::new(part);
        self.shape.base = Some(base.shape.name.clone());
        self.shape.properties.clone_from(&base.shape.properties);
        self.shape.inherited = base.shape.properties.len();
        self.shape.navigation.clone_from(&base.shape.navigation);
        self.shape.inherited_navigation = base.shape.navigation.len();
        self.accessors = base
            .accessors
            .iter()
            .map(|read| -> Accessor<T> {
                let (read, part) = (Arc::clone(read), Arc::clone(&part));
                Arc::new(move |row| read(part(row)))
            })
            .collect();
        self
    }

    /// What the type is.
    pub fn about(mut self, doc: impl Into<Name>) -> Self {
        self.shape.doc = doc.into();
        self
    }

    /// Any property that is never null, of any type.
    pub fn value(
        mut self,
        name: impl Into<Name>,
        of: Type,
        read: impl for<'a> Fn(&'a T) -> Value<'a> + Send + Sync + 'static,
    ) -> Self {
        let property = Property::new(name.into(), of, false);
        self.shape.properties.push(property);
        self.accessors.push(Arc::new(read));
        self
    }

    /// A property of type `Edm.String`.
    pub fn string(
        self,
        name: impl Into<Name>,
        read: impl for<'a> Fn(&'a T) -> &'a str + Send + Sync + 'static,
    ) -> Self {
        self.value(name, Primitive::String.into(), move |row| {
            Value::Str(Cow::Borrowed(read(row)))
        })
    }

    /// A property of type `Edm.String` or null.
    pub fn string_or_null(
        self,
        name: impl Into<Name>,
        read: impl for<'a> Fn(&'a T) -> Option<&'a str> + Send + Sync + 'static,
    ) -> Self {
        self.value(name, Primitive::String.into(), move |row| {
            read(row).map_or(Value::Null, Value::from)
        })
        .nullable(true)
    }

    /// A property of type `Edm.String` that is made on demand.
    pub fn text(
        self,
        name: impl Into<Name>,
        read: impl for<'a> Fn(&'a T) -> Cow<'a, str> + Send + Sync + 'static,
    ) -> Self {
        let of = Primitive::String.into();
        self.value(name, of, move |row| Value::Str(read(row)))
    }

    /// A property of type `Edm.String` or null that is made on demand.
    pub fn text_or_null(
        self,
        name: impl Into<Name>,
        read: impl for<'a> Fn(&'a T) -> Option<Cow<'a, str>> + Send + Sync + 'static,
    ) -> Self {
        self.value(name, Primitive::String.into(), move |row| {
            read(row).map_or(Value::Null, Value::Str)
        })
        .nullable(true)
    }

    scalars! {
        boolean, boolean_or_null, bool, Boolean, Value::Bool, "`Edm.Boolean`";
        int32, int32_or_null, i32, Int32, |n| Value::Int(i64::from(n)), "`Edm.Int32`";
        int64, int64_or_null, i64, Int64, Value::Int, "`Edm.Int64`";
        single, single_or_null, f32, Single, Value::Single, "`Edm.Single`";
        double, double_or_null, f64, Double, Value::Double, "`Edm.Double`";
        time, time_or_null, Timestamp, DateTimeOffset, Value::Time, "`Edm.DateTimeOffset`";
        guid, guid_or_null, Uuid, Guid, Value::Guid, "`Edm.Guid`";
    }

    /// A property that is a member of an enumeration.
    pub fn enumeration<E: Enumeration>(
        self,
        name: impl Into<Name>,
        read: impl Fn(&T) -> E + Send + Sync + 'static,
    ) -> Self {
        let of = Type::Enum(Arc::clone(E::description()));
        self.value(name, of, move |row| Value::Enum(read(row).number()))
    }

    /// A property that is a member of an enumeration, or null.
    pub fn enumeration_or_null<E: Enumeration>(
        self,
        name: impl Into<Name>,
        read: impl Fn(&T) -> Option<E> + Send + Sync + 'static,
    ) -> Self {
        let of = Type::Enum(Arc::clone(E::description()));
        self.value(name, of, move |row| {
            read(row).map_or(Value::Null, |member| Value::Enum(member.number()))
        })
        .nullable(true)
    }

    /// A property of a complex type, or null.
    pub fn nested<C: Described>(
        self,
        name: impl Into<Name>,
        read: impl for<'a> Fn(&'a T) -> Option<&'a C> + Send + Sync + 'static,
    ) -> Self {
        let of = Type::Complex(Arc::clone(&C::description().shape));
        self.value(name, of, move |row| {
            read(row).map_or(Value::Null, |nested| {
                Value::Complex(Object::Borrowed(nested))
            })
        })
        .nullable(true)
    }

    /// A property that is a collection of complex values.
    pub fn nested_list<C: Described>(
        self,
        name: impl Into<Name>,
        read: impl for<'a> Fn(&'a T) -> Items<'a> + Send + Sync + 'static,
    ) -> Self {
        let of = Type::Complex(Arc::clone(&C::description().shape));
        self.list(name, of, read)
    }

    /// A property that is a collection of texts.
    pub fn strings(
        self,
        name: impl Into<Name>,
        read: impl for<'a> Fn(&'a T) -> Items<'a> + Send + Sync + 'static,
    ) -> Self {
        self.list(name, Primitive::String.into(), read)
    }

    /// A property that is a collection of a type. Its nullability in metadata is that of its members, which Defender
    /// leaves at the default.
    pub fn list(
        self,
        name: impl Into<Name>,
        of: Type,
        read: impl for<'a> Fn(&'a T) -> Items<'a> + Send + Sync + 'static,
    ) -> Self {
        self.value(name, of.collection(), move |row| {
            Value::Collection(read(row))
        })
        .nullable(true)
    }

    /// A property that leads to another entity type, or to several of it.
    pub fn navigation(mut self, name: impl Into<Name>, of: Type) -> Self {
        self.shape.navigation.push(Navigation {
            name: name.into(),
            of,
            nullable: true,
        });
        self
    }

    fn last(mut self, change: impl FnOnce(&mut Property)) -> Self {
        if let Some(property) = self.shape.properties.last_mut() {
            change(property);
        }
        self
    }

    /// The property is (part of) the key.
    pub fn key(mut self) -> Self {
        if let Some(property) = self.shape.properties.last() {
            self.shape.key.push(property.name.clone());
        }
        self.last(|property| property.key = true)
    }

    /// `$filter` may use the property.
    pub fn filterable(self) -> Self {
        self.last(|property| property.filterable = true)
    }

    /// `$orderby` may not use the property.
    pub fn unsortable(self) -> Self {
        self.last(|property| property.sortable = false)
    }

    /// What metadata says of null, where values do not keep to it.
    pub fn nullable(self, nullable: bool) -> Self {
        self.last(|property| property.nullable = nullable)
    }

    /// Answers leave the property out where it is null.
    pub fn optional(self) -> Self {
        self.last(|property| property.optional = true)
    }

    /// Answers have the property, metadata does not.
    pub fn undeclared(self) -> Self {
        self.last(|property| property.declared = false)
    }

    /// The most characters the property has.
    pub fn max_length(self, characters: u32) -> Self {
        self.last(|property| property.max_length = Some(characters))
    }

    /// What the property means.
    pub fn doc(self, doc: impl Into<Name>) -> Self {
        let doc = doc.into();
        self.last(|property| property.doc = doc)
    }

    /// The finished description.
    pub fn build(self) -> Entity<T> {
        Entity {
            shape: Arc::new(self.shape),
            accessors: self.accessors,
        }
    }
}
