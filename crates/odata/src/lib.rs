//! OData v4 without the domain: described entities, query options as typed expressions, answers, metadata.
//!
//! A type is described once, by an [`Entity`](edm::Entity) that ties each property to the function that reads it from a
//! row. From the descriptions come the JSON of rows ([`Writer`]), what `$filter`, `$orderby` and `$select` may name
//! ([`Query`]), `$metadata` ([`csdl`]), JSON schemas ([`Schema::json_schema`](edm::Schema::json_schema)) and the tables of
//! the documentation ([`tables`]).
//!
//! ```
//! use kbgap_odata::edm::{Entity, EntitySet, Schema};
//! use kbgap_odata::{Content, Query, Rules, Writer, apply, context};
//!
//! struct Software { id: String, weaknesses: i64 }
//!
//! let entity: Entity<Software> = Entity::named("Software")
//!     .string("id", |s: &Software| &s.id).key().filterable()
//!     .int64("weaknesses", |s| s.weaknesses).doc("count of vulnerabilities")
//!     .build();
//! let schema = Schema::build("example").entity(&entity).set(EntitySet::new("Software", "Software")).finish()?;
//!
//! let rows = [("microsoft-_-edge", 467), ("google-_-chrome", 38)];
//! let rows = rows.map(|(id, weaknesses)| Software { id: id.to_owned(), weaknesses });
//!
//! let rules = Rules::new(&schema, "2026-01-01T00:00:00Z".parse()?);
//! let query = Query::parse("$filter=startswith(id,'micro')&$select=id", entity.shape(), &rules)?;
//! let page = apply(&entity, &query, 10_000, &rows);
//!
//! let mut body = Vec::new();
//! let mut writer = Writer::new(&entity, &query);
//! writer.begin(&mut body, &context("https://host/api", Content::Set("Software"), &query), page.count);
//! for row in &page.rows {
//!     writer.row(&mut body, row);
//! }
//! let next = page.next.map(|next| next.link("https://host/api/Software"));
//! writer.end(&mut body, next.as_deref().map(kbgap_odata::Link::Next));
//! assert_eq!(
//!     String::from_utf8(body)?,
//!     r##"{"@odata.context":"https://host/api/$metadata#Software(id)","value":[{"id":"microsoft-_-edge"}]}"##
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod apply;
pub mod csdl;
pub mod edm;
mod envelope;
mod error;
pub mod filter;
pub mod json;
mod json_schema;
mod limits;
mod query;
pub mod tables;
mod value;

pub use apply::{Next, Page, apply};
pub use envelope::{
    Content, Expander, Head, Link, NoExpansion, Writer, context, expand_many, expand_one,
};
pub use error::ODataError;
pub use filter::Filter;
pub use json::Style;
pub use limits::{Limits, Rules};
pub use query::{Expand, OrderKey, Query, Select, next_by_skip, next_by_token, with_custom};
pub use value::{Item, Items, List, Object, Record, Scalar, Value};
