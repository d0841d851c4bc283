//! One document of the Microsoft Security Response Center, as read.
//!
//! A document is usually a month. It is read from XML ([`read_xml`]) or from the JSON of the
//! MSRC API ([`read_json`]) into the same model, and packed ([`Document::pack`]) for storage.

mod builder;
mod field;
mod json;
mod oddity;
mod xml;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use field::{ExploitStatus, FixId, FixedBuild, Restart, Severity, SubType, Supersedence};
pub use oddity::{Oddities, Oddity, OddityKind};

use crate::{Day, VulnerabilityId};

/// A document: products, and vulnerabilities with their fixes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// The document's id, such as `2020-Mar`.
    pub id: Box<str>,
    /// Its title, which becomes the name of its updates: `March 2020 Security Updates`.
    pub title: Box<str>,
    /// When it was first published.
    pub initial_release: Timestamp,
    /// When this revision was published.
    pub current_release: Timestamp,
    /// The number of this revision, as the document states it.
    pub revision: Box<str>,
    /// The products it speaks of; the other parts point here by position.
    pub products: Vec<ProductEntry>,
    /// Its vulnerabilities, in its order.
    pub vulnerabilities: Vec<Vulnerability>,
    /// What could not be read as more than text, or was left out, by kind.
    pub oddities: Oddities,
}

/// A product of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductEntry {
    /// Microsoft's product id: `11713`, or `10486-11713` for a component on a host.
    pub id: Box<str>,
    /// Its full name.
    pub name: Box<str>,
}

/// The position of a product in its document.
pub type ProductRef = u32;

/// One vulnerability entry of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vulnerability {
    /// The CVE or advisory.
    pub id: VulnerabilityId,
    /// Its title.
    pub title: Box<str>,
    /// Its description, HTML as published.
    pub description: Box<str>,
    /// The part of Microsoft's software it is in (`Windows SMB`).
    pub component: Option<Box<str>>,
    /// The day of its first revision.
    pub published: Option<Day>,
    /// The day of its last revision.
    pub updated: Option<Day>,
    /// What is known of its exploitation.
    pub exploit: Option<ExploitStatus>,
    /// The products known affected, with what the document says of the vulnerability there;
    /// grouped by what is said.
    pub ratings: Vec<Rating>,
    /// The vendor fixes, in the document's order.
    pub fixes: Vec<Fix>,
}

/// What a document says of a vulnerability on some of its products.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rating {
    /// Microsoft's severity.
    pub severity: Option<Severity>,
    /// The impact, as Microsoft words it: `Remote Code Execution`.
    pub impact: Option<Box<str>>,
    /// The CVSS score set.
    pub cvss: Option<Cvss>,
    /// The products, in order of position.
    pub products: Vec<ProductRef>,
}

/// A CVSS score set.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cvss {
    /// The base score times ten.
    pub base_tenths: u8,
    /// The temporal score times ten.
    pub temporal_tenths: Option<u8>,
    /// The vector, as published: `CVSS:3.1/AV:N/…`.
    pub vector: Box<str>,
}

/// One vendor fix: what closes a vulnerability on some products.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fix {
    /// The KB, or the words used where there is none.
    pub id: FixId,
    /// The kind of update.
    pub sub_type: SubType,
    /// The build or version from which the products are fixed.
    pub fixed_build: Option<FixedBuild>,
    /// What it says it replaces.
    pub supersedes: Supersedence,
    /// Whether installing needs a restart.
    pub restart: Option<Restart>,
    /// Where the fix is to be had, if not under its KB in Microsoft's catalog.
    pub url: Option<Box<str>>,
    /// The products it fixes.
    pub products: Vec<ProductRef>,
}

/// Why a document could not be read. Nothing of it is kept.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// The bytes are not UTF-8.
    #[error("not UTF-8 at byte {offset}: the document is damaged or of another encoding")]
    NotUtf8 {
        /// Where the first wrong byte stands.
        offset: usize,
    },
    /// The XML breaks its own rules, or ends early.
    #[error("line {line}, byte {offset}: not well-formed XML")]
    Xml {
        /// The line, from 1.
        line: usize,
        /// The byte, from 0.
        offset: usize,
        /// What the XML reader says.
        source: Box<quick_xml::Error>,
    },
    /// The XML ends while elements are open.
    #[error("line {line}: the document ends early; elements are not closed")]
    CutOff {
        /// The line, from 1.
        line: usize,
    },
    /// The XML has a document type declaration, which CVRF never has and entity bombs need.
    #[error("line {line}: a document type declaration is not accepted")]
    DocumentType {
        /// The line, from 1.
        line: usize,
    },
    /// A text holds an entity that XML does not define.
    #[error("line {line}, element {element}: {reason}")]
    Entity {
        /// The line, from 1.
        line: usize,
        /// The element whose text it is.
        element: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// Elements are nested deeper than any CVRF document.
    #[error("line {line}: elements nested too deeply")]
    TooDeep {
        /// The line, from 1.
        line: usize,
    },
    /// The JSON is not well-formed, or a field has a wrong type.
    #[error("field {path}, line {line}: {reason}")]
    Json {
        /// The path of the field from the document's root.
        path: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// It is well-formed, but not a CVRF document.
    #[error("not a CVRF document: {missing} is missing")]
    NotCvrf {
        /// The field without which it is none.
        missing: &'static str,
    },
    /// A stored document was written by another version, or is damaged.
    #[error("the stored document cannot be unpacked; import it again")]
    Unpack(#[source] postcard::Error),
}

/// Reads a document from XML.
pub fn read_xml(bytes: &[u8]) -> Result<Document, DocumentError> {
    xml::read(text_of(bytes)?)
}

/// Reads a document from the JSON of the MSRC API.
pub fn read_json(bytes: &[u8]) -> Result<Document, DocumentError> {
    json::read(text_of(bytes)?)
}

/// Reads a document in either form, told apart by its first character.
pub fn read(bytes: &[u8]) -> Result<Document, DocumentError> {
    let text = text_of(bytes)?;
    if text.trim_start().starts_with('{') {
        json::read(text)
    } else {
        xml::read(text)
    }
}

fn text_of(bytes: &[u8]) -> Result<&str, DocumentError> {
    let text = std::str::from_utf8(bytes).map_err(|error| DocumentError::NotUtf8 {
        offset: error.valid_up_to(),
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

impl Document {
    /// Packs the document for storage.
    pub fn pack(&self) -> Result<Vec<u8>, postcard::Error> {
        postcard::to_stdvec(self)
    }

    /// Unpacks a stored document.
    pub fn unpack(bytes: &[u8]) -> Result<Self, DocumentError> {
        postcard::from_bytes(bytes).map_err(DocumentError::Unpack)
    }

    /// The day of its first publication.
    pub fn released(&self) -> Day {
        Day::of_timestamp(self.initial_release)
    }
}
