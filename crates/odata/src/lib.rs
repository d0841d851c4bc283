//! OData v4 without the domain.

pub mod edm;
mod error;
pub mod filter;
pub mod json;
mod limits;
mod value;

pub use error::ODataError;
pub use filter::Filter;
pub use limits::{Limits, Rules};
pub use value::{Item, Items, List, Object, Record, Scalar, Value};
