//! A PostgreSQL server of its own, for tests and benches: started from the installed package in a temporary folder,
//! on a port of loopback, and gone with the process that started it, however that ends.

mod error;
mod install;
mod server;

pub use error::ServerError;
pub use server::{Server, ServerOptions};
