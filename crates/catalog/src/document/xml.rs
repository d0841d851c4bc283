//! Reads CVRF documents as XML (CVRF 1.1, as MSRC publishes it).

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::events::Event;
use quick_xml::events::attributes::Attributes;

use super::builder::{Builder, EntryHead, Head, RawFix, RemediationKind, ThreatKind};
use super::{Document, DocumentError, ProductRef};

/// How deep product branches may nest; MSRC's nest two deep.
const MAX_BRANCH_DEPTH: usize = 16;

pub(super) fn read(text: &str) -> Result<Document, DocumentError> {
    let mut xml = Xml::new(text);
    let mut builder = Builder::new();
    let mut head = Head::default();
    let root = xml.root()?;
    if root.name != "cvrfdoc" {
        return Err(DocumentError::NotCvrf {
            missing: "the root element cvrfdoc",
        });
    }
    while let Some(child) = xml.child()? {
        match child.name {
            "DocumentTitle" => head.title = Some(xml.text("DocumentTitle")?),
            "DocumentTracking" => tracking(&mut xml, &mut head)?,
            "ProductTree" => product_tree(&mut xml, &mut builder, 0)?,
            "Vulnerability" => vulnerability(&mut xml, &mut builder)?,
            _ => xml.skip()?,
        }
    }
    xml.end()?;
    builder.finish(head)
}

fn tracking<'a>(xml: &mut Xml<'a>, head: &mut Head<'a>) -> Result<(), DocumentError> {
    while let Some(child) = xml.child()? {
        match child.name {
            "Identification" => {
                while let Some(child) = xml.child()? {
                    match child.name {
                        "ID" => head.id = Some(xml.text("ID")?),
                        _ => xml.skip()?,
                    }
                }
            }
            "RevisionHistory" => {
                // Only the last revision is told of.
                while let Some(revision) = xml.child()? {
                    if revision.name != "Revision" {
                        xml.skip()?;
                        continue;
                    }
                    while let Some(child) = xml.child()? {
                        match child.name {
                            "Number" => head.revision = Some(xml.text("Number")?),
                            _ => xml.skip()?,
                        }
                    }
                }
            }
            "InitialReleaseDate" => {
                head.initial_release = Some(xml.text("InitialReleaseDate")?);
            }
            "CurrentReleaseDate" => {
                head.current_release = Some(xml.text("CurrentReleaseDate")?);
            }
            _ => xml.skip()?,
        }
    }
    Ok(())
}

fn product_tree<'a>(
    xml: &mut Xml<'a>,
    builder: &mut Builder<'a>,
    depth: usize,
) -> Result<(), DocumentError> {
    if depth > MAX_BRANCH_DEPTH {
        return Err(DocumentError::TooDeep { line: xml.line() });
    }
    while let Some(child) = xml.child()? {
        match child.name {
            "Branch" => product_tree(xml, builder, depth + 1)?,
            "FullProductName" => {
                let id = child.attribute("ProductID");
                let name = xml.text("FullProductName")?;
                if let Some(id) = id {
                    builder.name_product(id, &name);
                }
            }
            _ => xml.skip()?,
        }
    }
    Ok(())
}

fn vulnerability<'a>(xml: &mut Xml<'a>, builder: &mut Builder<'a>) -> Result<(), DocumentError> {
    let mut head = EntryHead::default();
    let mut products = Vec::new();
    while let Some(child) = xml.child()? {
        match child.name {
            "Title" => head.title = Some(xml.text("Title")?),
            "CVE" => head.id = Some(xml.text("CVE")?),
            "Notes" => notes(xml, &mut head)?,
            "ProductStatuses" => statuses(xml, builder)?,
            "Threats" => {
                while let Some(child) = xml.child()? {
                    threat(xml, builder, &child, &mut products)?;
                }
            }
            "CVSSScoreSets" => {
                while let Some(child) = xml.child()? {
                    score_set(xml, builder, &child, &mut products)?;
                }
            }
            "Remediations" => {
                while let Some(child) = xml.child()? {
                    remediation(xml, builder, &child, &mut products)?;
                }
            }
            "RevisionHistory" => revisions(xml, builder)?,
            _ => xml.skip()?,
        }
    }
    builder.end_entry(head);
    Ok(())
}

fn notes<'a>(xml: &mut Xml<'a>, head: &mut EntryHead<'a>) -> Result<(), DocumentError> {
    while let Some(note) = xml.child()? {
        match note.attribute("Type") {
            Some("Description") => head.description = Some(xml.text("Note")?),
            Some("Tag") => head.component = Some(xml.text("Note")?),
            _ => xml.skip()?,
        }
    }
    Ok(())
}

fn statuses<'a>(xml: &mut Xml<'a>, builder: &mut Builder<'a>) -> Result<(), DocumentError> {
    while let Some(status) = xml.child()? {
        let kind = status.attribute("Type");
        if kind != Some("Known Affected") {
            builder.status_ignored(kind.unwrap_or_default());
            xml.skip()?;
            continue;
        }
        while let Some(child) = xml.child()? {
            if child.name == "ProductID" {
                let product = product(xml, builder)?;
                builder.affected(product);
            } else {
                xml.skip()?;
            }
        }
    }
    Ok(())
}

fn threat<'a>(
    xml: &mut Xml<'a>,
    builder: &mut Builder<'a>,
    threat: &Element<'a>,
    products: &mut Vec<ProductRef>,
) -> Result<(), DocumentError> {
    let kind = match threat.attribute("Type") {
        Some("Impact") => ThreatKind::Impact,
        Some("Severity") => ThreatKind::Severity,
        Some("Exploit Status") => ThreatKind::ExploitStatus,
        _ => ThreatKind::Other,
    };
    products.clear();
    let mut description = Cow::Borrowed("");
    while let Some(child) = xml.child()? {
        match child.name {
            "Description" => description = xml.text("Description")?,
            "ProductID" => products.push(product(xml, builder)?),
            _ => xml.skip()?,
        }
    }
    builder.threat(kind, &description, products);
    Ok(())
}

fn score_set<'a>(
    xml: &mut Xml<'a>,
    builder: &mut Builder<'a>,
    set: &Element<'a>,
    products: &mut Vec<ProductRef>,
) -> Result<(), DocumentError> {
    if set.name != "ScoreSet" {
        return xml.skip();
    }
    products.clear();
    let (mut base, mut temporal, mut vector) = ("", "", Cow::Borrowed(""));
    while let Some(child) = xml.child()? {
        match child.name {
            "BaseScore" => base = xml.raw_text()?,
            "TemporalScore" => temporal = xml.raw_text()?,
            "Vector" => vector = xml.text("Vector")?,
            "ProductID" => products.push(product(xml, builder)?),
            _ => xml.skip()?,
        }
    }
    builder.score(base, temporal, vector, products);
    Ok(())
}

fn remediation<'a>(
    xml: &mut Xml<'a>,
    builder: &mut Builder<'a>,
    remediation: &Element<'a>,
    products: &mut Vec<ProductRef>,
) -> Result<(), DocumentError> {
    let kind_text = remediation.attribute("Type").unwrap_or_default();
    let kind = match kind_text {
        "Vendor Fix" => RemediationKind::VendorFix,
        "Known Issue" | "Release Notes" | "Workaround" | "Mitigation" | "None Available"
        | "Will Not Fix" => RemediationKind::NotAFix,
        _ => RemediationKind::Unknown,
    };
    let mut raw = RawFix::default();
    products.clear();
    if kind != RemediationKind::VendorFix {
        xml.skip()?;
        builder.remediation(kind, kind_text, raw, products);
        return Ok(());
    }
    while let Some(child) = xml.child()? {
        match child.name {
            "ProductID" => products.push(product(xml, builder)?),
            "Description" => raw.description = Some(xml.text("Description")?),
            "URL" => raw.url = Some(xml.text("URL")?),
            "Supercedence" => raw.supersedence = Some(xml.text("Supercedence")?),
            "SubType" => raw.sub_type = Some(xml.text("SubType")?),
            "FixedBuild" => raw.fixed_build = Some(xml.text("FixedBuild")?),
            "RestartRequired" => raw.restart = Some(xml.text("RestartRequired")?),
            _ => xml.skip()?,
        }
    }
    builder.remediation(kind, kind_text, raw, products);
    Ok(())
}

fn revisions<'a>(xml: &mut Xml<'a>, builder: &mut Builder<'a>) -> Result<(), DocumentError> {
    while let Some(revision) = xml.child()? {
        if revision.name != "Revision" {
            xml.skip()?;
            continue;
        }
        while let Some(child) = xml.child()? {
            if child.name == "Date" {
                let date = xml.raw_text()?;
                builder.revision(date);
            } else {
                xml.skip()?;
            }
        }
    }
    Ok(())
}

fn product<'a>(xml: &mut Xml<'a>, builder: &mut Builder<'a>) -> Result<ProductRef, DocumentError> {
    let id = xml.raw_text()?.trim();
    Ok(builder.product(id))
}

/// The start of an element, borrowed from the document.
struct Element<'a> {
    /// Its name as written, with the prefix.
    qualified: &'a str,
    /// Its name without the prefix.
    name: &'a str,
    /// What stands in the tag: the name, then the attributes.
    tag: &'a str,
}

/// The most frequent start tag of a document, as MSRC writes it, and what it says.
const PRODUCT_ID: (&str, Element<'static>) = (
    "<vuln:ProductID>",
    Element {
        qualified: "vuln:ProductID",
        name: "ProductID",
        tag: "vuln:ProductID",
    },
);

impl<'a> Element<'a> {
    /// Takes a start tag apart: `<vuln:Note Type="Tag">`.
    fn of_tag(tag: &'a str) -> Self {
        let tag = tag.strip_prefix('<').unwrap_or(tag);
        let tag = tag.strip_suffix('>').unwrap_or(tag);
        let tag = tag.strip_suffix('/').unwrap_or(tag);
        // Byte by byte: names are short, and there are millions of them.
        let mut name_at = 0;
        let mut end = tag.len();
        for (at, byte) in tag.bytes().enumerate() {
            if byte == b':' {
                name_at = at + 1;
            } else if byte.is_ascii_whitespace() {
                end = at;
                break;
            }
        }
        Self {
            qualified: &tag[..end],
            name: &tag[name_at..end],
            tag,
        }
    }

    /// An attribute's value as written.
    fn attribute(&self, name: &str) -> Option<&'a str> {
        let mut attributes = Attributes::new(self.tag, self.qualified.len());
        attributes
            .with_checks(false)
            .flatten()
            .find(|attribute| attribute.key.0 == name)
            .and_then(|attribute| match attribute.value {
                Cow::Borrowed(value) => Some(value),
                Cow::Owned(_) => None,
            })
    }
}

/// The XML reader with what a CVRF document needs: children in turn, text, positions.
struct Xml<'a> {
    source: &'a str,
    reader: Reader<&'a [u8]>,
    /// Whether the document's end was met.
    at_end: bool,
}

impl<'a> Xml<'a> {
    fn new(source: &'a str) -> Self {
        let mut reader = Reader::from_str(source);
        reader.config_mut().expand_empty_elements = true;
        // Blanks between elements need not become events; texts are cut out of the source whole.
        reader.config_mut().trim_text_start = true;
        Self {
            source,
            reader,
            at_end: false,
        }
    }

    fn root(&mut self) -> Result<Element<'a>, DocumentError> {
        let no_root = DocumentError::NotCvrf {
            missing: "the root element cvrfdoc",
        };
        self.next()?.ok_or(no_root)
    }

    /// The next child of the element being read, or `None` at its end.
    #[inline]
    fn child(&mut self) -> Result<Option<Element<'a>>, DocumentError> {
        let child = self.next()?;
        if child.is_none() && self.at_end {
            return Err(DocumentError::CutOff { line: self.line() });
        }
        Ok(child)
    }

    /// The next start of an element, or `None` where one ends, or the document.
    #[inline]
    fn next(&mut self) -> Result<Option<Element<'a>>, DocumentError> {
        loop {
            let from = self.position();
            match self.reader.read_event() {
                Ok(Event::Start(_)) => {
                    let tag = self.source.get(from..self.position()).unwrap_or_default();
                    if tag.ends_with(PRODUCT_ID.0) {
                        return Ok(Some(PRODUCT_ID.1));
                    }
                    return Ok(Some(Element::of_tag(tag.trim_ascii_start())));
                }
                Ok(Event::End(_)) => return Ok(None),
                Ok(Event::Eof) => {
                    self.at_end = true;
                    return Ok(None);
                }
                Ok(Event::DocType(_)) => {
                    return Err(DocumentError::DocumentType { line: self.line() });
                }
                Ok(_) => {}
                Err(error) => return Err(self.error(error)),
            }
        }
    }

    /// The text of an element, which is read to its end, with entities resolved.
    fn text(&mut self, name: &'static str) -> Result<Cow<'a, str>, DocumentError> {
        let raw = self.raw_text()?;
        if let Some(inner) = raw.trim().strip_prefix("<![CDATA[") {
            return Ok(Cow::Borrowed(inner.strip_suffix("]]>").unwrap_or(inner)));
        }
        quick_xml::escape::unescape(raw).map_err(|error| DocumentError::Entity {
            line: self.line(),
            element: name,
            reason: error.to_string(),
        })
    }

    /// The text of an element as written.
    #[inline]
    fn raw_text(&mut self) -> Result<&'a str, DocumentError> {
        let from = self.position();
        let to = self.close()?;
        Ok(self.source.get(from..to).unwrap_or_default())
    }

    fn skip(&mut self) -> Result<(), DocumentError> {
        self.close().map(drop)
    }

    /// Reads to the end of the element being read, and tells where its end tag begins. That end tags fit their
    /// start tags, the library sees to.
    #[inline]
    fn close(&mut self) -> Result<usize, DocumentError> {
        let mut depth = 0_usize;
        loop {
            let at = self.position();
            match self.reader.read_event() {
                Ok(Event::Start(_)) => depth += 1,
                Ok(Event::End(_)) if depth == 0 => return Ok(at),
                Ok(Event::End(_)) => depth -= 1,
                Ok(Event::Eof) => return Err(DocumentError::CutOff { line: self.line() }),
                Ok(_) => {}
                Err(error) => return Err(self.error(error)),
            }
        }
    }

    /// Reads what follows the root: nothing but comments and blanks may.
    fn end(&mut self) -> Result<(), DocumentError> {
        while !self.at_end {
            self.next()?;
        }
        Ok(())
    }

    fn position(&self) -> usize {
        usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX)
    }

    fn line(&self) -> usize {
        self.line_of(self.position())
    }

    fn line_of(&self, offset: usize) -> usize {
        let end = self.source.floor_char_boundary(offset);
        self.source[..end].matches('\n').count() + 1
    }

    #[cold]
    fn error(&self, error: quick_xml::Error) -> DocumentError {
        let offset = usize::try_from(self.reader.error_position()).unwrap_or(usize::MAX);
        DocumentError::Xml {
            line: self.line_of(offset),
            offset,
            source: Box::new(error),
        }
    }
}
