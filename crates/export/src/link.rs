//! Links to the files of an export, in the form of Azure's shared access signatures (API specification, section 8):
//! they need no bearer token, and expire.
//!
//! Where the files are in a bucket whose store signs links, its own are given. Else the links lead to this server,
//! which verifies what it sealed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp, ToSpan};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use url::form_urlencoded;

use crate::exporter::Export;
use crate::hours::ValidHours;
use crate::path::ExportPath;
use crate::seal::{Purpose, SEAL_BYTES, SealError, SealKeys};
use crate::store::{ExportStore, StoreError};

/// What stands in the value of a query parameter as it is (RFC 3986, section 2.3).
const VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Clocks of servers that share the files may differ so much.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// The form of a link's times: whole seconds of UTC.
const TIME: &str = "%Y-%m-%dT%H:%M:%SZ";

/// Gives links, and verifies those that come back.
#[derive(Debug, Clone)]
pub struct Links {
    base: String,
    keys: SealKeys,
    through_server: bool,
}

/// What a link that was verified gives access to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// The file.
    pub path: ExportPath,
    /// When the link ends.
    pub until: Timestamp,
}

/// Why a link does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The path is none of a file of an export.
    #[error("the path is none of a file of an export")]
    Path,
    /// A parameter is missing, or there more than once.
    #[error("the link has no parameter '{0}', or more than one")]
    Missing(&'static str),
    /// A parameter is not what the server gives.
    #[error("the parameter '{0}' of the link cannot be read")]
    Malformed(&'static str),
    /// Sealed with a key that is not known, or no more.
    #[error("the link is signed with a key that is not known")]
    UnknownKey,
    /// The signature is of something else, or of nobody.
    #[error("the signature of the link does not match")]
    BadSignature,
    /// The link is genuine, and counts later.
    #[error("the link counts from {start}")]
    NotYet {
        /// From when.
        start: Timestamp,
        /// Until when.
        end: Timestamp,
    },
    /// The link is genuine, and counted until then.
    #[error("the link counted until {end}")]
    Expired {
        /// From when.
        start: Timestamp,
        /// Until when.
        end: Timestamp,
    },
}

impl Links {
    /// Links below an address, such as `https://kbgap.example.org/exports`.
    pub fn new(base: &str, keys: SealKeys) -> Self {
        Self {
            base: base.trim_end_matches('/').to_owned(),
            keys,
            through_server: false,
        }
    }

    /// The same, but to this server even where the store could sign: for clients that reach no bucket.
    #[must_use]
    pub fn through_server(mut self) -> Self {
        self.through_server = true;
        self
    }

    /// Links to the files of an export, in order.
    pub async fn of(
        &self,
        store: &ExportStore,
        export: &Export,
        now: Timestamp,
        hours: ValidHours,
    ) -> Result<Vec<String>, StoreError> {
        let paths = export.files.iter().map(|file| &file.path);
        if !self.through_server
            && let Some(signed) = store.sign(paths.clone(), hours).await
        {
            return signed;
        }
        Ok(paths.map(|path| self.sign(path, now, hours)).collect())
    }

    /// A link to a file on this server.
    pub fn sign(&self, path: &ExportPath, start: Timestamp, hours: ValidHours) -> String {
        let end = start
            .checked_add(i64::from(hours.get()).hours())
            .unwrap_or(Timestamp::MAX);
        let [start, end] = [start, end].map(text_of_time);
        let seal = self.keys.seal(Purpose::Link, &signed(path, &start, &end));
        let seal = STANDARD.encode(seal);
        let encode = |value| utf8_percent_encode(value, VALUE);
        format!(
            "{}/{path}?sv={}&st={}&se={}&sr=b&sp=r&sig={}",
            self.base,
            encode(self.keys.version()),
            encode(&start),
            encode(&end),
            encode(&seal),
        )
    }

    /// What a link gives access to: its path below the address, as it came (percent-encoded or not), and its query.
    pub fn verify(&self, path: &str, query: &str, now: Timestamp) -> Result<Granted, LinkError> {
        // Decoded once: what is still encoded then is no path of an export.
        let path = percent_decode_str(path)
            .decode_utf8()
            .map_err(|_| LinkError::Path)?;
        let path: ExportPath = path.parse().map_err(|_| LinkError::Path)?;
        let parameter = |name: &'static str| {
            let mut values = form_urlencoded::parse(query.as_bytes())
                .filter(|(key, _)| key == name)
                .map(|(_, value)| value);
            match (values.next(), values.next()) {
                (Some(value), None) => Ok(value),
                _ => Err(LinkError::Missing(name)),
            }
        };
        for (name, expected) in [("sr", "b"), ("sp", "r")] {
            if parameter(name)? != expected {
                return Err(LinkError::Malformed(name));
            }
        }
        let [version, start, end] = [parameter("sv")?, parameter("st")?, parameter("se")?];
        let seal = STANDARD
            .decode(&*parameter("sig")?)
            .ok()
            .filter(|seal| seal.len() == SEAL_BYTES)
            .ok_or(LinkError::Malformed("sig"))?;
        let parts = signed(&path, &start, &end);
        self.keys
            .verify(&version, Purpose::Link, &parts, &seal)
            .map_err(|error| match error {
                SealError::UnknownKey => LinkError::UnknownKey,
                SealError::Wrong => LinkError::BadSignature,
            })?;
        let start: Timestamp = start.parse().map_err(|_| LinkError::Malformed("st"))?;
        let end: Timestamp = end.parse().map_err(|_| LinkError::Malformed("se"))?;
        // Times are told apart for genuine links only: a forged one learns nothing.
        if now >= end {
            return Err(LinkError::Expired { start, end });
        }
        if start.duration_since(now) > SKEW {
            return Err(LinkError::NotYet { start, end });
        }
        Ok(Granted { path, until: end })
    }
}

/// What is signed; the key's version is added by the seal.
fn signed<'a>(path: &'a ExportPath, start: &'a str, end: &'a str) -> [&'a [u8]; 5] {
    [
        path.as_str().as_bytes(),
        start.as_bytes(),
        end.as_bytes(),
        b"b",
        b"r",
    ]
}

fn text_of_time(time: Timestamp) -> String {
    time.strftime(TIME).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hours::HoursRule;
    use crate::seal::SealKey;

    const PATH: &str = "2021-01-25/0200/VaExport/json/OrgId=12345678-0000-4000-8000-000000000001/\
                        part-00000-00000000-0000-4000-8000-000000000001.c000.json.gz";
    const NOW: &str = "2021-01-25T02:30:00.5Z";

    fn links(secret: u8) -> Links {
        let key = SealKey::new("2021-01", &[secret; 32]).unwrap();
        Links::new("https://kbgap.example/exports/", SealKeys::new(key))
    }

    fn after(seconds: i64) -> Timestamp {
        NOW.parse::<Timestamp>().unwrap() + seconds.seconds()
    }

    /// Path and query of a link.
    fn link() -> (String, String) {
        let path = PATH.parse().unwrap();
        let hours = HoursRule::USUAL.parse(Some("3")).unwrap();
        let link = links(1).sign(&path, after(0), hours);
        let rest = link.strip_prefix("https://kbgap.example/exports/").unwrap();
        let (path, query) = rest.split_once('?').unwrap();
        (path.to_owned(), query.to_owned())
    }

    #[test]
    fn a_link_is_of_azures_form_and_counts_for_its_hours() {
        let (path, query) = link();
        assert_eq!(path, PATH);
        let form =
            "sv=2021-01&st=2021-01-25T02%3A30%3A00Z&se=2021-01-25T05%3A30%3A00Z&sr=b&sp=r&sig=";
        assert!(query.starts_with(form), "{query}");
        let verify = |seconds| links(1).verify(&path, &query, after(seconds));
        assert_eq!(verify(0).unwrap().path.as_str(), PATH);
        assert_eq!(
            verify(0).unwrap().until,
            "2021-01-25T05:30:00Z".parse().unwrap()
        );
        assert!(verify(3 * 3600 - 1).is_ok());
        assert!(matches!(verify(3 * 3600), Err(LinkError::Expired { .. })));
        assert!(verify(-299).is_ok(), "clocks differ");
        assert!(matches!(verify(-302), Err(LinkError::NotYet { .. })));
        let twice = format!("{query}&x=1");
        assert!(links(1).verify(&path, &twice, after(0)).is_ok());
    }

    #[test]
    fn what_was_changed_does_not_count() {
        let (path, query) = link();
        let verify = |path: &str, query: &str| links(1).verify(path, query, after(0)).unwrap_err();
        for (from, to) in [
            ("se=2021", "se=2031"),
            ("st=2021", "st=2020"),
            ("T05", "T06"),
            ("00Z&sr", "00.0Z&sr"),
        ] {
            assert_eq!(
                verify(&path, &query.replace(from, to)),
                LinkError::BadSignature
            );
        }
        let other = path.replace("part-00000", "part-00001");
        assert_eq!(verify(&other, &query), LinkError::BadSignature);
        let other = path.replace("VaExport", "ScaExport");
        assert_eq!(verify(&other, &query), LinkError::BadSignature);
        let wrong_key = links(2).verify(&path, &query, after(0));
        assert_eq!(wrong_key, Err(LinkError::BadSignature));
        let unknown = query.replace("sv=2021-01", "sv=1");
        assert_eq!(verify(&path, &unknown), LinkError::UnknownKey);
        assert_eq!(
            verify(&path, &query.replace("sp=r", "sp=w")),
            LinkError::Malformed("sp")
        );
        assert_eq!(
            verify(&path, &format!("{query}&se=x")),
            LinkError::Missing("se")
        );
        assert_eq!(verify(&path, ""), LinkError::Missing("sr"));
        let short = format!("{}sig=AAAA", query.split_once("sig=").unwrap().0);
        assert_eq!(verify(&path, &short), LinkError::Malformed("sig"));
        // Every letter of the signature counts, also the one whose last bits say nothing.
        let (head, sig) = query.split_once("sig=").unwrap();
        let sig: String = percent_decode_str(sig)
            .decode_utf8_lossy()
            .chars()
            .rev()
            .collect();
        let swapped: String = sig
            .chars()
            .rev()
            .map(|c| if c == 'A' { 'B' } else { c })
            .collect();
        let last = &sig.chars().nth(1).unwrap();
        let next = char::from_u32(u32::from(*last) + 1).unwrap();
        let bent = format!("{}{next}=", &swapped[..42]);
        let query = format!("{head}sig={}", utf8_percent_encode(&bent, VALUE));
        assert!(matches!(
            verify(&path, &query),
            LinkError::BadSignature | LinkError::Malformed("sig")
        ));
    }

    #[test]
    fn paths_lead_nowhere_else() {
        let (path, query) = link();
        let verify = |path: &str| links(1).verify(path, &query, after(0));
        assert!(verify(&path.replace('=', "%3D")).is_ok(), "encoded");
        assert!(verify(&path.replace("/json", "%2Fjson")).is_ok());
        for bad in [
            format!("../{path}"),
            format!("x/../{path}"),
            format!("%2e%2e/{path}"),
            format!("%2e%2e%2f{path}"),
            format!("..%5c{path}"),
            format!("/{path}"),
            format!("{path}%00"),
            path.replace("json/", "json/../json/"),
            path.replace("json/", "json//"),
            path.replace("json/", "%252e%252e/"),
            path.replace('=', "%253D"),
            "%ff".to_owned(),
            "manifests/a.json".to_owned(),
            String::new(),
        ] {
            assert_eq!(verify(&bad), Err(LinkError::Path), "{bad}");
        }
    }
}
