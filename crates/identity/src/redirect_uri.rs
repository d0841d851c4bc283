//! Where a browser is sent with a code.

use std::fmt;

use url::Url;

/// The longest one, in bytes: it is part of a key of the store.
const LONGEST: usize = 800;

/// A redirect URI that is registered with an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectUri {
    written: Box<str>,
    url: Url,
}

/// Why a text cannot be a redirect URI.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnfitRedirectUri {
    /// It is none.
    #[error("'{0}' is not an absolute URI of at most {LONGEST} bytes")]
    NoUri(String),
    /// It has a part that none may have (RFC 6749, section 3.1.2).
    #[error("'{0}' has a fragment, a user name or a password; a redirect URI has none")]
    Part(String),
    /// Codes sent there could be read on the way, or run as a script.
    #[error(
        "'{0}' is not safe to send codes to: use https, http on localhost or a loopback address, or a scheme of the application's own with a dot in it (com.example.app:/callback)"
    )]
    Scheme(String),
}

impl RedirectUri {
    /// Reads a redirect URI: `https`, `http` on this machine (RFC 8252, section 7.3), or a private-use scheme
    /// (section 7.1), which has a dot or is one of the Microsoft Authentication Library's.
    pub fn new(text: &str) -> Result<Self, UnfitRedirectUri> {
        let shown = || text.chars().take(200).collect::<String>();
        if text.len() > LONGEST || text.contains(|c: char| c.is_control() || c.is_whitespace()) {
            return Err(UnfitRedirectUri::NoUri(shown()));
        }
        let url = Url::parse(text).map_err(|_| UnfitRedirectUri::NoUri(shown()))?;
        if url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
            return Err(UnfitRedirectUri::Part(shown()));
        }
        let own = Self {
            written: text.into(),
            url,
        };
        let scheme = own.url.scheme();
        let safe = match scheme {
            "https" => own.url.host().is_some(),
            "http" => own.is_loopback(),
            other => other.contains('.') || other.starts_with("msal"),
        };
        if safe {
            Ok(own)
        } else {
            Err(UnfitRedirectUri::Scheme(shown()))
        }
    }

    /// The URI as it was written.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// Whether a client that sends this one means it: to the letter, but for the port on this machine, which a client
    /// learns only when it listens (RFC 8252, section 7.3).
    pub fn is_meant_by(&self, sent: &Self) -> bool {
        if self.written == sent.written {
            return true;
        }
        self.url.scheme() == "http"
            && self.is_loopback()
            && sent.is_loopback()
            && self.url.scheme() == sent.url.scheme()
            && self.url.host() == sent.url.host()
            && self.url.path() == sent.url.path()
            && self.url.query() == sent.url.query()
    }

    /// What a page's policy must allow a form to lead to, so that a browser may be sent there.
    pub fn source(&self) -> String {
        match self.url.scheme() {
            "http" | "https" => self.url.origin().ascii_serialization(),
            scheme => format!("{scheme}:"),
        }
    }

    /// The URI with these parameters added to its query.
    pub fn with_query(&self, parameters: &[(&str, &str)]) -> String {
        let mut url = self.url.clone();
        url.query_pairs_mut().extend_pairs(parameters);
        url.into()
    }

    fn is_loopback(&self) -> bool {
        match self.url.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl std::str::FromStr for RedirectUri {
    type Err = UnfitRedirectUri;

    fn from_str(text: &str) -> Result<Self, UnfitRedirectUri> {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> RedirectUri {
        RedirectUri::new(text).unwrap()
    }

    #[test]
    fn only_safe_uris_are_registered() {
        for text in [
            "https://app.example/callback?a=b",
            "http://localhost",
            "http://127.0.0.1:8400/x",
            "http://[::1]/x",
            "com.example.app:/callback",
            "msal04b07795-8ddb-461a-bbee-02f9e1bf7b46://auth",
        ] {
            assert_eq!(uri(text).as_str(), text);
        }
        for text in [
            "",
            "/callback",
            "http://app.example/callback",
            "http://localhost.app.example/",
            "https://app.example/#part",
            "https://user@app.example/",
            "javascript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "https://app.example/ x",
            "https://app.example/\n",
        ] {
            assert!(RedirectUri::new(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_the_port_of_this_machine_may_differ() {
        let meant = |own: &str, sent: &str| uri(own).is_meant_by(&uri(sent));
        assert!(meant("http://localhost", "http://localhost:41234"));
        assert!(meant(
            "http://127.0.0.1:1/x?a=b",
            "http://127.0.0.1:2/x?a=b"
        ));
        assert!(meant("https://app.example/x", "https://app.example/x"));
        for (own, sent) in [
            ("http://localhost/x", "http://localhost:1/y"),
            ("http://localhost/x", "http://localhost:1/x?a=b"),
            ("http://localhost", "http://127.0.0.1"),
            ("https://localhost", "https://localhost:444"),
            ("https://app.example/x", "https://app.example:444/x"),
            ("https://app.example/x", "https://app.example/x/"),
            ("https://app.example/x", "https://APP.example/x"),
            ("https://app.example/x", "https://app.example.evil/x"),
        ] {
            assert!(!meant(own, sent), "{own} {sent}");
        }
    }

    #[test]
    fn parameters_are_added_to_those_there() {
        let sent = uri("https://app.example/x?a=b").with_query(&[("code", "1&2"), ("state", "ü")]);
        assert_eq!(sent, "https://app.example/x?a=b&code=1%262&state=%C3%BC");
        assert_eq!(uri("http://localhost:1/x").source(), "http://localhost:1");
        assert_eq!(uri("com.example.app:/x").source(), "com.example.app:");
    }
}
