//! The portal's pages: HTML from data, in the reader's language.
//!
//! Nothing here reads or waits: who mounts the pages brings the data, and the words, the looks and the tables are made
//! of it here. A page is a template with its data ([`pages`]) in a [`Frame`], which knows who reads it and in which
//! language; every list is a [`Table`], made by a [`Listing`] from rows and what the reader [`Asked`] for in the URL.

mod asked;
mod assets;
pub mod charts;
mod download;
mod figures;
mod frame;
mod language;
mod listing;
mod messages;
pub mod pages;
mod table;
mod theme;
mod viewer;

pub use asked::Asked;
pub use assets::{Asset, Assets};
pub use download::{Download, csv, json};
pub use figures::FiguresError;
pub use frame::{Frame, Portal, PortalError, Section};
pub use language::Language;
pub use listing::{ColumnOf, Listing};
pub use messages::{Argument, CatalogueError, Messages};
pub use table::{ApiCall, Cell, Choice, Column, Filter, Look, Table};
pub use theme::Theme;
pub use viewer::{Role, Viewer};
