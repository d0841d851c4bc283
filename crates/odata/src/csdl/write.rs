//! CSDL 4.0 as XML, in the form Microsoft's has: one schema, types before operations before the container.

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, Event};

use super::{BINDING, OPTIONAL, qualified};
use crate::edm::{
    EntitySet, EnumType, Operation, OperationKind, Primitive, Schema, Structure, StructuredType,
};

/// The schema as a CSDL XML document of version 4.0.
pub fn write_xml(schema: &Schema) -> String {
    let mut document = Document {
        out: Writer::new(Vec::new()),
        namespace: &schema.namespace,
    };
    // Bytes in memory take whatever is written.
    let _ = document.schema(schema);
    String::from_utf8(document.out.into_inner()).unwrap_or_default()
}

type Attributes<'a> = &'a [(&'a str, &'a str)];

struct Document<'a> {
    out: Writer<Vec<u8>>,
    namespace: &'a str,
}

impl Document<'_> {
    fn empty(&mut self, name: &str, attributes: Attributes<'_>) -> io::Result<()> {
        self.out
            .write_event(Event::Empty(element(name, attributes)))
    }

    fn open(&mut self, name: &str, attributes: Attributes<'_>) -> io::Result<()> {
        self.out
            .write_event(Event::Start(element(name, attributes)))
    }

    fn close(&mut self, name: &str) -> io::Result<()> {
        self.out.write_event(Event::End(BytesEnd::new(name)))
    }

    fn schema(&mut self, schema: &Schema) -> io::Result<()> {
        const EDMX: &str = "http://docs.oasis-open.org/odata/ns/edmx";
        const EDM: &str = "http://docs.oasis-open.org/odata/ns/edm";
        let declaration = BytesDecl::new("1.0", Some("utf-8"), None);
        self.out.write_event(Event::Decl(declaration))?;
        self.open("edmx:Edmx", &[("Version", "4.0"), ("xmlns:edmx", EDMX)])?;
        self.open("edmx:DataServices", &[])?;
        self.open("Schema", &[("Namespace", self.namespace), ("xmlns", EDM)])?;
        for of in &schema.types {
            self.structured(of)?;
        }
        for of in &schema.enums {
            self.enumeration(of)?;
        }
        for operation in &schema.operations {
            self.operation(operation)?;
        }
        self.open("EntityContainer", &[("Name", &schema.container)])?;
        for set in &schema.sets {
            self.set(set)?;
        }
        self.close("EntityContainer")?;
        self.close("Schema")?;
        self.close("edmx:DataServices")?;
        self.close("edmx:Edmx")
    }

    fn structured(&mut self, of: &StructuredType) -> io::Result<()> {
        let name = match of.structure {
            Structure::Entity => "EntityType",
            Structure::Complex => "ComplexType",
        };
        let base = of.base.as_ref().map(|base| qualified(base, self.namespace));
        let mut attributes = vec![("Name", &*of.name)];
        attributes.extend(base.as_deref().map(|base| ("BaseType", base)));
        if of.is_abstract {
            attributes.push(("Abstract", "true"));
        }
        let navigation = of.navigation.iter().skip(of.inherited_navigation);
        if of.declared().next().is_none() && navigation.len() == 0 {
            return self.empty(name, &attributes);
        }
        self.open(name, &attributes)?;
        if !of.key.is_empty() {
            self.open("Key", &[])?;
            for key in &of.key {
                self.empty("PropertyRef", &[("Name", key)])?;
            }
            self.close("Key")?;
        }
        for property in of.declared() {
            let of = property.of.qualified(self.namespace);
            let length = property.max_length.map(|length| length.to_string());
            let mut attributes = vec![("Name", &*property.name), ("Type", &*of)];
            if !property.nullable {
                attributes.push(("Nullable", "false"));
            }
            attributes.extend(length.as_deref().map(|length| ("MaxLength", length)));
            self.empty("Property", &attributes)?;
        }
        for navigation in navigation {
            let of = navigation.of.qualified(self.namespace);
            let mut attributes = vec![("Name", &*navigation.name), ("Type", &*of)];
            if !navigation.nullable {
                attributes.push(("Nullable", "false"));
            }
            self.empty("NavigationProperty", &attributes)?;
        }
        self.close(name)
    }

    fn enumeration(&mut self, of: &EnumType) -> io::Result<()> {
        let mut attributes = vec![("Name", &*of.name)];
        if of.underlying != Primitive::Int32 {
            attributes.push(("UnderlyingType", of.underlying.name()));
        }
        if of.flags {
            attributes.push(("IsFlags", "true"));
        }
        self.open("EnumType", &attributes)?;
        for (name, number) in &of.members {
            self.empty("Member", &[("Name", name), ("Value", &number.to_string())])?;
        }
        self.close("EnumType")
    }

    fn operation(&mut self, operation: &Operation) -> io::Result<()> {
        let name = match operation.kind {
            OperationKind::Function => "Function",
            OperationKind::Action => "Action",
        };
        let mut attributes = vec![("Name", &*operation.name)];
        if operation.binding.is_some() {
            attributes.push(("IsBound", "true"));
        }
        self.open(name, &attributes)?;
        if let Some(binding) = &operation.binding {
            let of = binding.qualified(self.namespace);
            self.empty("Parameter", &[("Name", BINDING), ("Type", &of)])?;
        }
        for parameter in &operation.parameters {
            let of = parameter.of.qualified(self.namespace);
            let mut attributes = vec![("Name", &*parameter.name), ("Type", &*of)];
            if !parameter.nullable {
                attributes.push(("Nullable", "false"));
            }
            if parameter.optional {
                self.open("Parameter", &attributes)?;
                self.empty("Annotation", &[("Term", OPTIONAL)])?;
                self.close("Parameter")?;
            } else {
                self.empty("Parameter", &attributes)?;
            }
        }
        if let Some(returns) = &operation.returns {
            let of = returns.of.qualified(self.namespace);
            let mut attributes = vec![("Type", &*of)];
            if !returns.nullable {
                attributes.push(("Nullable", "false"));
            }
            self.empty("ReturnType", &attributes)?;
        }
        self.close(name)
    }

    fn set(&mut self, set: &EntitySet) -> io::Result<()> {
        let of = qualified(&set.of, self.namespace);
        let attributes = [("Name", &*set.name), ("EntityType", &*of)];
        if set.bindings.is_empty() {
            return self.empty("EntitySet", &attributes);
        }
        self.open("EntitySet", &attributes)?;
        for (path, target) in &set.bindings {
            // A path through a derived type begins with its full name.
            let path = match path.split_once('/') {
                Some((of, rest)) => format!("{}.{of}/{rest}", self.namespace),
                None => path.to_string(),
            };
            let attributes = [("Path", &*path), ("Target", target)];
            self.empty("NavigationPropertyBinding", &attributes)?;
        }
        self.close("EntitySet")
    }
}

fn element<'a>(name: &'a str, attributes: Attributes<'a>) -> BytesStart<'a> {
    BytesStart::new(name).with_attributes(attributes.iter().copied())
}
