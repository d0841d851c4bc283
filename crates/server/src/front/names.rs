//! The names the service is known by, and which of them an answer repeats.

use std::str::FromStr;
use std::sync::Arc;

use kbgap_edge::Scheme;
use url::Url;

use super::host::Host;

/// A URL that clients know the service by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    text: Arc<str>,
    name: Box<str>,
    port: u16,
}

/// A text that is no URL clients could know the service by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a public URL: write https://HOST, https://HOST:PORT or https://HOST/PATH")]
pub struct NotAPublicUrl(String);

impl FromStr for PublicUrl {
    type Err = NotAPublicUrl;

    fn from_str(text: &str) -> Result<Self, NotAPublicUrl> {
        let wrong = || NotAPublicUrl(text.to_owned());
        let url = Url::parse(text).map_err(|_| wrong())?;
        let is_plain = matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        let name = url.host_str().filter(|_| is_plain).ok_or_else(wrong)?;
        Ok(Self {
            name: name.into(),
            port: url.port_or_known_default().ok_or_else(wrong)?,
            text: text.trim_end_matches('/').into(),
        })
    }
}

impl PublicUrl {
    /// The URL, without a slash at its end.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its host.
    pub fn host(&self) -> &str {
        &self.name
    }
}

/// The names the service is known by.
pub(super) struct Names {
    public: Vec<PublicUrl>,
    local: Arc<str>,
}

impl Names {
    pub(super) fn new(public: Vec<PublicUrl>, local: &str) -> Self {
        let local = local.trim_end_matches('/').into();
        Self { public, local }
    }

    /// The root that an answer names: where the service has public URLs that of the host called, else the first one; where
    /// it has none the host that was called (API specification, section 7).
    pub(super) fn root(&self, scheme: Scheme, host: Option<&Host>) -> Arc<str> {
        let Some(first) = self.public.first() else {
            return match host {
                Some(host) => format!("{}://{host}", scheme.name()).into(),
                None => self.local.clone(),
            };
        };
        let Some(host) = host else {
            return first.text.clone();
        };
        let named = || self.public.iter().filter(|url| *url.name == *host.name());
        let exact = named().find(|url| host.port().unwrap_or(url.port) == url.port);
        // A proxy may listen on another port than it calls us by.
        let url = exact.or_else(|| named().next()).unwrap_or(first);
        url.text.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(public: &[&str]) -> Names {
        let public = public.iter().map(|url| url.parse().unwrap()).collect();
        Names::new(public, "http://127.0.0.1:8080/")
    }

    #[test]
    fn the_name_that_was_called_is_repeated() {
        let called = |names: &Names, host: &str| {
            let host = (!host.is_empty()).then(|| Host::parse(host).unwrap());
            names.root(Scheme::Https, host.as_ref()).to_string()
        };
        let any = names(&[]);
        assert_eq!(called(&any, "Desk-7:8443"), "https://desk-7:8443");
        assert_eq!(called(&any, ""), "http://127.0.0.1:8080");

        let regions = names(&[
            "https://api.example/",
            "https://eu.api.example",
            "http://eu.api.example:8080/kbgap/",
            "https://[2001:db8::1]:8443",
        ]);
        for (host, root) in [
            ("api.example", "https://api.example"),
            ("EU.api.example", "https://eu.api.example"),
            ("eu.api.example:443", "https://eu.api.example"),
            ("eu.api.example:8080", "http://eu.api.example:8080/kbgap"),
            ("eu.api.example:9", "https://eu.api.example"),
            ("[2001:db8:0::1]:8443", "https://[2001:db8::1]:8443"),
            ("evil.example", "https://api.example"),
            ("api.example.evil.example", "https://api.example"),
            ("", "https://api.example"),
        ] {
            assert_eq!(called(&regions, host), root, "{host}");
        }
    }

    #[test]
    fn public_urls_are_urls_of_a_root() {
        for wrong in [
            "api.example",
            "ftp://api.example",
            "https://user:secret@api.example",
            "https://api.example?x",
            "https://api.example#x",
            "https://",
            "",
        ] {
            assert!(wrong.parse::<PublicUrl>().is_err(), "{wrong}");
        }
    }
}
