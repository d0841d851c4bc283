//! The host a request names.

use std::net::Ipv6Addr;
use std::str::FromStr;

use axum::http::{Request, Version, header};

/// Longer names are none (RFC 1035, section 2.3.4).
const MAX_NAME: usize = 253;

/// A host and its port, as URLs have them: nothing else can be in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Host {
    /// In small letters; an IPv6 address is in brackets.
    name: Box<str>,
    port: Option<u16>,
}

/// Why a request has no host that could be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadHost {
    #[error("Host is missing")]
    Missing,
    #[error("Host is stated more than once, or differently")]
    Several,
    #[error("Host is not a name or address, with or without a port")]
    Syntax,
}

impl Host {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn port(&self) -> Option<u16> {
        self.port
    }

    /// Reads `name`, `name:port` or the same with an address; user names are none of it.
    pub(crate) fn parse(text: &str) -> Result<Self, BadHost> {
        let (name, port) = split(text)?;
        let address = name
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        let name = if let Some(address) = address {
            let address = Ipv6Addr::from_str(address).map_err(|_| BadHost::Syntax)?;
            format!("[{address}]")
        } else if is_name(name) {
            name.to_ascii_lowercase()
        } else {
            return Err(BadHost::Syntax);
        };
        // `u16` takes a sign, and the port may be empty (RFC 3986, section 3.2.3).
        let port = match port {
            None | Some("") => None,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(digits.parse().map_err(|_| BadHost::Syntax)?)
            }
            Some(_) => return Err(BadHost::Syntax),
        };
        Ok(Self {
            name: name.into(),
            port,
        })
    }
}

/// The host, brackets included, and the port as it is written.
fn split(text: &str) -> Result<(&str, Option<&str>), BadHost> {
    let end = if text.starts_with('[') {
        text.find(']').ok_or(BadHost::Syntax)? + 1
    } else {
        text.find(':').unwrap_or(text.len())
    };
    let (name, rest) = text.split_at(end);
    match rest {
        "" => Ok((name, None)),
        rest => Ok((name, Some(rest.strip_prefix(':').ok_or(BadHost::Syntax)?))),
    }
}

fn is_name(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    !text.is_empty()
        && text.len() <= MAX_NAME
        && !text.starts_with(['.', '-'])
        && !text.contains("..")
        && text.bytes().all(is_letter)
}

impl std::fmt::Display for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)?;
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

/// The host that a request calls: exactly one, well formed (RFC 9112, section 3.2; RFC 9113, section 8.3.1). Only clients
/// of HTTP/1.0 need not say.
pub(crate) fn called_host<B>(request: &Request<B>) -> Result<Option<Host>, BadHost> {
    let mut stated = request.headers().get_all(header::HOST).iter();
    let header = stated.next().map(|value| {
        let text = value.to_str().map_err(|_| BadHost::Syntax)?;
        Host::parse(text)
    });
    let header = header.transpose()?;
    if stated.next().is_some() {
        return Err(BadHost::Several);
    }
    let authority = request.uri().authority();
    let authority = authority.map(|authority| Host::parse(authority.as_str()));
    match (authority.transpose()?, header) {
        // In HTTP/1.1 the URL is stronger, whatever the header says.
        (Some(url), Some(header)) if url != header && request.version() == Version::HTTP_2 => {
            Err(BadHost::Several)
        }
        (Some(host), _) | (None, Some(host)) => Ok(Some(host)),
        (None, None) if request.version() > Version::HTTP_10 => Err(BadHost::Missing),
        (None, None) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_or_addresses() {
        for (written, read) in [
            ("API.Security.microsoft.com", "api.security.microsoft.com"),
            ("localhost:8080", "localhost:8080"),
            ("desk_7", "desk_7"),
            ("127.0.0.1:", "127.0.0.1"),
            ("[::1]:443", "[::1]:443"),
            ("[0:0::1]", "[::1]"),
        ] {
            assert_eq!(Host::parse(written).unwrap().to_string(), read);
        }
    }

    #[test]
    fn nothing_else_is_a_host() {
        let long = "a".repeat(254);
        for written in [
            "",
            ":80",
            "a b",
            "a/b",
            "a?b",
            "a#b",
            "evil@good",
            "user:pass@good",
            "a\"b",
            "a<b",
            "a\\b",
            "a%2fb",
            "a:b",
            "a:70000",
            "a:+1",
            "a:1:2",
            "::1",
            "[::1",
            "[::1]x",
            "[a]",
            "a..b",
            ".a",
            "-a",
            "ü",
            &long,
        ] {
            assert_eq!(Host::parse(written), Err(BadHost::Syntax), "{written}");
        }
    }

    #[test]
    fn a_request_names_one_host() {
        let read = |version: Version, uri: &str, hosts: &[&str]| {
            let mut request = Request::builder().version(version).uri(uri);
            for host in hosts {
                request = request.header("host", *host);
            }
            let host = called_host(&request.body(()).unwrap())?;
            Ok(host.map(|host| host.to_string()))
        };
        let (one, two) = (Version::HTTP_11, Version::HTTP_2);
        let some = |text: &str| Ok(Some(text.to_owned()));
        assert_eq!(read(one, "/", &["a"]), some("a"));
        assert_eq!(read(one, "/", &[]), Err(BadHost::Missing));
        assert_eq!(read(Version::HTTP_10, "/", &[]), Ok(None));
        assert_eq!(read(one, "/", &["a", "a"]), Err(BadHost::Several));
        assert_eq!(read(one, "http://b/", &["a"]), some("b"));
        assert_eq!(read(two, "https://b/", &[]), some("b"));
        assert_eq!(read(two, "https://b/", &["B"]), some("b"));
        assert_eq!(read(two, "https://b/", &["a"]), Err(BadHost::Several));
        assert_eq!(read(two, "https://u@b/", &[]), Err(BadHost::Syntax));
    }
}
