//! Software ids as the Defender API spells them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What joins vendor and name in a software id.
const SEPARATOR: &str = "-_-";

/// A Defender software id: `microsoft-_-windows_10`, `microsoft-_-edge`, `adobe-_-flash_player`.
///
/// Lower case, blanks as underscores. Release, architecture and Server Core are not part of it
/// (data specification, section 4).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SoftwareId(Box<str>);

impl SoftwareId {
    /// The id of a vendor's software, from names as people write them.
    pub fn of(vendor: &str, name: &str) -> Self {
        let mut id = String::with_capacity(vendor.len() + name.len() + SEPARATOR.len());
        push_part(&mut id, vendor);
        id.push_str(SEPARATOR);
        push_part(&mut id, name);
        Self(id.into_boxed_str())
    }

    /// An id as a client wrote it in a path; case does not matter.
    pub fn from_client(id: &str) -> Self {
        Self(id.to_lowercase().into_boxed_str())
    }

    /// The whole id.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The vendor's part: `microsoft`.
    pub fn vendor(&self) -> &str {
        self.0
            .split_once(SEPARATOR)
            .map_or("", |(vendor, _)| vendor)
    }

    /// The product-name part, as `productsNames` lists it: `edge`.
    pub fn name(&self) -> &str {
        self.0
            .split_once(SEPARATOR)
            .map_or(&self.0, |(_, name)| name)
    }
}

fn push_part(id: &mut String, text: &str) {
    let mut first = true;
    for word in text.split_whitespace() {
        if !first {
            id.push('_');
        }
        first = false;
        id.extend(word.chars().flat_map(char::to_lowercase));
    }
}

impl fmt::Display for SoftwareId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SoftwareId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spells_ids_as_the_api_does() {
        let id = SoftwareId::of("Microsoft", "Windows Server  2019");
        assert_eq!(id.as_str(), "microsoft-_-windows_server_2019");
        assert_eq!(
            (id.vendor(), id.name()),
            ("microsoft", "windows_server_2019")
        );
        assert_eq!(
            SoftwareId::from_client("Microsoft-_-EDGE"),
            SoftwareId::of("microsoft", "edge")
        );
    }
}
