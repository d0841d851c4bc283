//! The audit trail: every token, refusal, write and administrative act, with who, what, from where and what came of it.
//!
//! Routes need not do anything for it: `watch` sees every request pass. What a handler knows better it adds to the
//! `Note` of its request; what is no request is recorded by `AuditLog::record`.

mod act;
mod log;
mod watch;

pub use act::{Act, Who};
pub(crate) use log::AuditLog;
pub(crate) use watch::{Note, Why, watch};
