//! CSDL XML read back into a schema.

use std::sync::Arc;

use quick_xml::events::{BytesStart, Event};
use quick_xml::name::QName;
use quick_xml::{Reader, XmlVersion};

use super::OPTIONAL;
use crate::edm::{
    EntitySet, EnumType, Name, Navigation, Operation, Parameter, Primitive, Property, Returns,
    Schema, Structure, StructuredType, Type,
};

/// A CSDL document that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CsdlError {
    /// It is not XML.
    #[error("not XML, at byte {at}")]
    Xml {
        /// The byte.
        at: u64,
        /// What is wrong.
        source: quick_xml::Error,
    },
    /// An attribute is missing or not what it should be.
    #[error(
        "the attribute '{attribute}' of '{element}' is missing or not understood, before byte {at}"
    )]
    Attribute {
        /// The byte after the element.
        at: u64,
        /// The element.
        element: String,
        /// The attribute.
        attribute: &'static str,
    },
}

/// Reads the first schema of a CSDL XML document. Types are known by name, and have their own properties only; what this
/// crate does not speak of is left out.
pub fn read_xml(xml: &str) -> Result<Schema, CsdlError> {
    let mut reader = Reader::from_str(xml);
    let mut state = State::default();
    loop {
        let event = reader.read_event().map_err(|source| CsdlError::Xml {
            at: reader.error_position(),
            source,
        })?;
        let at = reader.buffer_position();
        match event {
            Event::Start(element) => state.start(&element, at)?,
            Event::Empty(element) => {
                state.start(&element, at)?;
                state.end(local(element.name()));
            }
            Event::End(element) => state.end(local(element.name())),
            Event::Eof => return Ok(state.schema),
            _ => {}
        }
    }
}

/// The name of an element without its prefix.
fn local(name: QName<'_>) -> &str {
    name.local_name().into_inner()
}

/// What has begun and not ended.
#[derive(Default)]
struct State {
    schema: Schema,
    structured: Option<StructuredType>,
    enumeration: Option<EnumType>,
    operation: Option<Operation>,
    /// Whether the next parameter is the one the operation is bound by.
    binds: bool,
    set: Option<EntitySet>,
}

impl State {
    fn start(&mut self, element: &BytesStart<'_>, at: u64) -> Result<(), CsdlError> {
        let attributes = Attributes { element, at };
        let name = local(element.name());
        match name {
            "Schema" => self.schema.namespace = attributes.required("Namespace")?.into(),
            "EntityType" => {
                self.structured = Some(self.structured(Structure::Entity, &attributes)?);
            }
            "ComplexType" => {
                self.structured = Some(self.structured(Structure::Complex, &attributes)?);
            }
            "EnumType" => {
                let underlying = attributes.optional("UnderlyingType")?;
                let underlying =
                    underlying.map_or(Some(Primitive::Int32), |n| Primitive::named(&n));
                self.enumeration = Some(EnumType {
                    name: attributes.required("Name")?.into(),
                    underlying: underlying.ok_or_else(|| attributes.wrong("UnderlyingType"))?,
                    flags: attributes.is("IsFlags", "true")?,
                    members: Vec::new(),
                });
            }
            "Function" => self.operation(
                Operation::function(attributes.required("Name")?),
                &attributes,
            )?,
            "Action" => {
                self.operation(Operation::action(attributes.required("Name")?), &attributes)?;
            }
            "EntityContainer" => self.schema.container = attributes.required("Name")?.into(),
            "EntitySet" => {
                let of = attributes.required("EntityType")?;
                let of = self.short(&of).to_owned();
                self.set = Some(EntitySet::new(attributes.required("Name")?, of));
            }
            _ => self.part(name, &attributes)?,
        }
        Ok(())
    }

    /// An element within a type, operation or set.
    fn part(&mut self, name: &str, attributes: &Attributes<'_>) -> Result<(), CsdlError> {
        match name {
            "PropertyRef" => {
                let name = attributes.required("Name")?;
                if let Some(of) = &mut self.structured {
                    of.key.push(name.into());
                }
            }
            "Property" => {
                let of = self.of(&attributes.required("Type")?);
                let nullable = !attributes.is("Nullable", "false")?;
                let mut property = Property::new(attributes.required("Name")?.into(), of, nullable);
                let length = attributes.optional("MaxLength")?;
                property.max_length = length.and_then(|length| length.parse().ok());
                if let Some(of) = &mut self.structured {
                    of.properties.push(property);
                }
            }
            "NavigationProperty" => {
                let navigation = Navigation {
                    name: attributes.required("Name")?.into(),
                    of: self.of(&attributes.required("Type")?),
                    nullable: !attributes.is("Nullable", "false")?,
                };
                if let Some(of) = &mut self.structured {
                    of.navigation.push(navigation);
                }
            }
            "Member" => {
                let name = attributes.required("Name")?;
                let value = attributes.optional("Value")?;
                if let Some(of) = &mut self.enumeration {
                    let next = of.members.last().map_or(0, |(_, number)| number + 1);
                    let number = value.map_or(Ok(next), |value| value.parse());
                    let number = number.map_err(|_| attributes.wrong("Value"))?;
                    of.members.push((name.into(), number));
                }
            }
            "Parameter" => {
                let of = self.of(&attributes.required("Type")?);
                let parameter = Parameter {
                    name: attributes.required("Name")?.into(),
                    of,
                    nullable: !attributes.is("Nullable", "false")?,
                    optional: false,
                };
                let binds = std::mem::take(&mut self.binds);
                if let Some(operation) = &mut self.operation {
                    if binds {
                        operation.binding = Some(parameter.of);
                    } else {
                        operation.parameters.push(parameter);
                    }
                }
            }
            "ReturnType" => {
                let of = self.of(&attributes.required("Type")?);
                let nullable = !attributes.is("Nullable", "false")?;
                if let Some(operation) = &mut self.operation {
                    operation.returns = Some(Returns { of, nullable });
                }
            }
            "Annotation" if attributes.is("Term", OPTIONAL)? => {
                let parameters = self.operation.as_mut().map(|o| &mut o.parameters);
                if let Some(parameter) = parameters.and_then(|p| p.last_mut()) {
                    parameter.optional = true;
                }
            }
            "NavigationPropertyBinding" => {
                let path = attributes.required("Path")?;
                let path = self.short(&path).to_owned();
                let target = attributes.required("Target")?;
                if let Some(set) = &mut self.set {
                    set.bindings.push((path.into(), target.into()));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, name: &str) {
        match name {
            "EntityType" | "ComplexType" => {
                let of = self.structured.take().map(Arc::new);
                self.schema.types.extend(of);
            }
            "EnumType" => {
                let of = self.enumeration.take().map(Arc::new);
                self.schema.enums.extend(of);
            }
            "Function" | "Action" => self.schema.operations.extend(self.operation.take()),
            "EntitySet" => self.schema.sets.extend(self.set.take()),
            _ => {}
        }
    }

    fn structured(
        &self,
        structure: Structure,
        attributes: &Attributes<'_>,
    ) -> Result<StructuredType, CsdlError> {
        let base = attributes.optional("BaseType")?;
        Ok(StructuredType {
            name: attributes.required("Name")?.into(),
            structure,
            base: base.map(|base| self.short(&base).to_owned().into()),
            is_abstract: attributes.is("Abstract", "true")?,
            key: Vec::new(),
            properties: Vec::new(),
            inherited: 0,
            navigation: Vec::new(),
            inherited_navigation: 0,
            doc: Name::Borrowed(""),
        })
    }

    fn operation(
        &mut self,
        operation: Operation,
        attributes: &Attributes<'_>,
    ) -> Result<(), CsdlError> {
        self.operation = Some(operation);
        self.binds = attributes.is("IsBound", "true")?;
        Ok(())
    }

    /// A name without the namespace of the schema.
    fn short<'n>(&self, name: &'n str) -> &'n str {
        let rest = name.strip_prefix(&*self.schema.namespace);
        rest.and_then(|rest| rest.strip_prefix('.')).unwrap_or(name)
    }

    fn of(&self, name: &str) -> Type {
        let inner = name.strip_prefix("Collection(");
        if let Some(inner) = inner.and_then(|inner| inner.strip_suffix(')')) {
            return self.of(inner).collection();
        }
        match Primitive::named(name) {
            Some(primitive) => Type::Primitive(primitive),
            None => Type::named(self.short(name).to_owned()),
        }
    }
}

struct Attributes<'e> {
    element: &'e BytesStart<'e>,
    at: u64,
}

impl Attributes<'_> {
    fn optional(&self, name: &'static str) -> Result<Option<String>, CsdlError> {
        let attribute = self.element.try_get_attribute(name);
        let Some(attribute) = attribute.map_err(|_| self.wrong(name))? else {
            return Ok(None);
        };
        let value = attribute.normalized_value(XmlVersion::Explicit1_0);
        let value = value.map_err(|_| self.wrong(name))?;
        Ok(Some(value.into_owned()))
    }

    fn required(&self, name: &'static str) -> Result<String, CsdlError> {
        self.optional(name)?.ok_or_else(|| self.wrong(name))
    }

    fn is(&self, name: &'static str, wanted: &str) -> Result<bool, CsdlError> {
        Ok(self.optional(name)?.is_some_and(|value| value == wanted))
    }

    fn wrong(&self, attribute: &'static str) -> CsdlError {
        CsdlError::Attribute {
            at: self.at,
            element: local(self.element.name()).to_owned(),
            attribute,
        }
    }
}
