//! `$metadata`: the schema as a CSDL document in XML and JSON, the service document, and comparison with another
//! service's metadata.

mod difference;
mod json;
mod read;
mod write;

pub use difference::{Difference, differences};
pub use json::{service_document, write_json};
pub use read::{CsdlError, read_xml};
pub use write::write_xml;

use crate::edm::{Name, Type};

/// The annotation of a parameter that may be left out; the only term that Microsoft's metadata uses.
const OPTIONAL: &str = "Org.OData.Core.V1.OptionalParameter";

/// The name of the parameter that an operation is bound by.
const BINDING: &str = "bindingParameter";

fn qualified(name: &Name, namespace: &str) -> String {
    Type::Named(name.clone()).qualified(namespace)
}
