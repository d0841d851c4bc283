//! Where Microsoft's documents come from: files, folders and archives ([`files`]), and the API of the
//! Microsoft Security Response Center ([`msrc`]).
//!
//! The crate fetches bytes within limits; what they say is for the catalog to read.

pub mod files;
pub mod msrc;
