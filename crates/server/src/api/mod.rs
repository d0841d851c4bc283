//! The Defender API's routes, one module a resource.

mod answers;
mod caller;
mod metadata;
mod missing_kbs;
mod model;
mod root;

pub(crate) use answers::Answers;
pub(crate) use caller::Authenticated;
pub(crate) use metadata::{Documents, metadata, service_document};
pub(crate) use missing_kbs::{of_machine, of_software};
pub(crate) use model::Model;
