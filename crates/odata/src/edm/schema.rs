//! The schema of a service: its types, sets and operations under one namespace.

use std::sync::Arc;

use super::{Described, Entity, EnumType, Enumeration, Name, Structure, StructuredType, Type};

/// All that `$metadata` tells.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    /// The namespace of the types and operations.
    pub namespace: Name,
    /// The name of the entity container.
    pub container: Name,
    /// The enumerations.
    pub enums: Vec<Arc<EnumType>>,
    /// The entity and complex types.
    pub types: Vec<Arc<StructuredType>>,
    /// The functions and actions.
    pub operations: Vec<Operation>,
    /// The entity sets.
    pub sets: Vec<EntitySet>,
}

/// A named collection of entities at the root of the service.
#[derive(Debug, Clone, PartialEq)]
pub struct EntitySet {
    /// The name, as it stands in the URL.
    pub name: Name,
    /// The entity type.
    pub of: Name,
    /// Navigation properties and the sets they lead to.
    pub bindings: Vec<(Name, Name)>,
}

impl EntitySet {
    /// A set of this name of this entity type.
    pub fn new(name: impl Into<Name>, of: impl Into<Name>) -> Self {
        Self {
            name: name.into(),
            of: of.into(),
            bindings: Vec::new(),
        }
    }

    /// The navigation property at this path leads to that set.
    #[must_use]
    pub fn bind(mut self, path: impl Into<Name>, target: impl Into<Name>) -> Self {
        self.bindings.push((path.into(), target.into()));
        self
    }
}

/// Whether an operation changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationKind {
    /// Asked with GET.
    Function,
    /// Asked with POST.
    Action,
}

/// A function or action.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// Function or action.
    pub kind: OperationKind,
    /// The name.
    pub name: Name,
    /// The type it is bound to, if it is.
    pub binding: Option<Type>,
    /// The parameters after the binding one.
    pub parameters: Vec<Parameter>,
    /// What it returns.
    pub returns: Option<Returns>,
}

/// A parameter of an operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// The name.
    pub name: Name,
    /// The type.
    pub of: Type,
    /// Whether it may be null.
    pub nullable: bool,
    /// Whether it may be left out, which metadata says by `Org.OData.Core.V1.OptionalParameter`.
    pub optional: bool,
}

/// The result of an operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Returns {
    /// The type.
    pub of: Type,
    /// Whether it may be null.
    pub nullable: bool,
}

impl Operation {
    /// A function of this name.
    pub fn function(name: impl Into<Name>) -> Self {
        Self::new(OperationKind::Function, name.into())
    }

    /// An action of this name.
    pub fn action(name: impl Into<Name>) -> Self {
        Self::new(OperationKind::Action, name.into())
    }

    fn new(kind: OperationKind, name: Name) -> Self {
        Self {
            kind,
            name,
            binding: None,
            parameters: Vec::new(),
            returns: None,
        }
    }

    /// Bound to this type.
    #[must_use]
    pub fn bound_to(mut self, of: Type) -> Self {
        self.binding = Some(of);
        self
    }

    /// With a parameter that may be null.
    #[must_use]
    pub fn parameter(mut self, name: impl Into<Name>, of: impl Into<Type>) -> Self {
        self.parameters.push(Parameter {
            name: name.into(),
            of: of.into(),
            nullable: true,
            optional: false,
        });
        self
    }

    /// The last parameter is never null.
    #[must_use]
    pub fn required(mut self) -> Self {
        if let Some(parameter) = self.parameters.last_mut() {
            parameter.nullable = false;
        }
        self
    }

    /// The last parameter may be left out.
    #[must_use]
    pub fn optional(mut self) -> Self {
        if let Some(parameter) = self.parameters.last_mut() {
            parameter.optional = true;
        }
        self
    }

    /// Returns this type.
    #[must_use]
    pub fn returns(mut self, of: impl Into<Type>) -> Self {
        self.returns = Some(Returns {
            of: of.into(),
            nullable: true,
        });
        self
    }
}

/// What does not hold together in a schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// Two different things have one name.
    #[error("the {what} '{name}' is declared twice")]
    Twice {
        /// The kind of thing.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// A type is used that is not declared.
    #[error("{user} uses the type '{name}', which is not declared")]
    Unknown {
        /// Where it is used.
        user: String,
        /// The type.
        name: String,
    },
    /// A key, or a binding, of a property that is not there.
    #[error("{user} speaks of '{name}', which is no property of it")]
    NoProperty {
        /// The type or set.
        user: String,
        /// The property.
        name: String,
    },
}

impl Schema {
    /// Starts a schema with this namespace.
    pub fn build(namespace: impl Into<Name>) -> SchemaBuilder {
        SchemaBuilder(Self {
            namespace: namespace.into(),
            container: Name::Borrowed("Container"),
            ..Self::default()
        })
    }

    /// The entity or complex type of this name.
    pub fn structured(&self, name: &str) -> Option<&Arc<StructuredType>> {
        self.types.iter().find(|of| of.name == name)
    }

    /// The enumeration of this name.
    pub fn enumeration(&self, name: &str) -> Option<&Arc<EnumType>> {
        self.enums.iter().find(|of| of.name == name)
    }

    /// The set of this name, in whatever case.
    pub fn set(&self, name: &str) -> Option<&EntitySet> {
        let mut sets = self.sets.iter();
        sets.find(|set| set.name.eq_ignore_ascii_case(name))
    }

    fn knows(&self, name: &str) -> bool {
        self.structured(name).is_some() || self.enumeration(name).is_some()
    }

    fn check(&self) -> Result<(), SchemaError> {
        let names = self.types.iter().map(|of| &of.name);
        once("type", names.chain(self.enums.iter().map(|of| &of.name)))?;
        once("set", self.sets.iter().map(|set| &set.name))?;
        for of in &self.types {
            once("property", of.properties.iter().map(|p| &p.name))?;
            for key in &of.key {
                if of.property(key).is_none() {
                    return Err(no_property(&of.name, key));
                }
            }
            if let Some(base) = &of.base {
                self.used(&of.name, &Type::Named(base.clone()))?;
            }
            let used = of.properties.iter().map(|property| &property.of);
            for of_property in used.chain(of.navigation.iter().map(|n| &n.of)) {
                self.used(&of.name, of_property)?;
            }
        }
        for operation in &self.operations {
            let parameters = operation.parameters.iter().map(|parameter| &parameter.of);
            let returns = operation.returns.iter().map(|returns| &returns.of);
            for of in operation.binding.iter().chain(parameters).chain(returns) {
                self.used(&operation.name, of)?;
            }
        }
        for set in &self.sets {
            self.used(&set.name, &Type::Named(set.of.clone()))?;
            let of = self.structured(&set.of);
            for (path, target) in &set.bindings {
                // A path through a derived type begins with that type's name.
                let known =
                    path.contains('/') || of.is_some_and(|of| of.navigation(path).is_some());
                if !known || self.set(target).is_none() {
                    return Err(no_property(&set.name, path));
                }
            }
        }
        Ok(())
    }

    fn used(&self, user: &str, of: &Type) -> Result<(), SchemaError> {
        let of = of.element();
        if matches!(of, Type::Primitive(_)) || self.knows(&of.to_string()) {
            return Ok(());
        }
        Err(SchemaError::Unknown {
            user: user.to_owned(),
            name: of.to_string(),
        })
    }
}

fn no_property(user: &str, name: &str) -> SchemaError {
    SchemaError::NoProperty {
        user: user.to_owned(),
        name: name.to_owned(),
    }
}

fn once<'a>(what: &'static str, names: impl Iterator<Item = &'a Name>) -> Result<(), SchemaError> {
    let mut names: Vec<&Name> = names.collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(SchemaError::Twice {
            what,
            name: pair[0].to_string(),
        }),
        None => Ok(()),
    }
}

/// Puts a schema together.
#[must_use]
pub struct SchemaBuilder(Schema);

impl SchemaBuilder {
    /// With an entity type, and the complex types and enumerations its properties are of.
    pub fn entity<T>(mut self, entity: &Entity<T>) -> Self {
        self.0.add(entity.shape());
        self
    }

    /// With a complex type, and those of its properties.
    pub fn complex<C: Described>(self) -> Self {
        self.entity(C::description())
    }

    /// With an enumeration that no property is of.
    pub fn enumeration<E: Enumeration>(mut self) -> Self {
        self.0.add_enum(E::description());
        self
    }

    /// With a set.
    pub fn set(mut self, set: EntitySet) -> Self {
        self.0.sets.push(set);
        self
    }

    /// With a function or action.
    pub fn operation(mut self, operation: Operation) -> Self {
        self.0.operations.push(operation);
        self
    }

    /// With another name for the entity container than `Container`.
    pub fn container(mut self, name: impl Into<Name>) -> Self {
        self.0.container = name.into();
        self
    }

    /// The schema, if all it speaks of is in it.
    pub fn finish(self) -> Result<Schema, SchemaError> {
        self.0.check()?;
        Ok(self.0)
    }
}

impl Schema {
    fn add(&mut self, shape: &Arc<StructuredType>) {
        if self.types.iter().any(|known| Arc::ptr_eq(known, shape)) {
            return;
        }
        // A type comes before those it uses, as Microsoft's metadata has it.
        self.types.push(Arc::clone(shape));
        for property in &shape.properties {
            match property.of.element() {
                Type::Enum(of) => self.add_enum(of),
                Type::Complex(of) => self.add(of),
                _ => {}
            }
        }
    }

    fn add_enum(&mut self, of: &Arc<EnumType>) {
        if !self.enums.contains(of) {
            self.enums.push(Arc::clone(of));
        }
    }
}

impl StructuredType {
    /// Whether values have a key.
    pub fn is_entity(&self) -> bool {
        self.structure == Structure::Entity
    }
}
