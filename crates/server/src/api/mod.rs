//! The Defender API's routes, one module a resource.

mod answers;
pub(crate) mod applications;
mod ask;
pub(crate) mod assessments;
mod caller;
pub(crate) mod changes;
mod expansions;
pub(crate) mod export_files;
pub(crate) mod groups;
pub(crate) mod machine_actions;
mod machine_references;
pub(crate) mod machine_vulnerabilities;
pub(crate) mod machines;
mod metadata;
mod missing_kbs;
pub(crate) mod missing_updates;
pub(crate) mod model;
pub(crate) mod not_collected;
pub(crate) mod openapi;
pub(crate) mod recommendations;
pub(crate) mod remediation_tasks;
mod respond;
mod root;
pub(crate) mod scores;
pub(crate) mod software;
pub(crate) mod users;
mod views;
pub(crate) mod vulnerabilities;

pub(crate) use answers::Answers;
pub(crate) use caller::{Authenticated, Refused};
pub(crate) use metadata::{Documents, metadata, service_document};
pub(crate) use missing_kbs::{of_machine, of_software};
pub(crate) use model::{Model, catalog_link};
pub(crate) use root::Root;
pub(crate) use views::{CurrentViews, NarrowViews, Views};
