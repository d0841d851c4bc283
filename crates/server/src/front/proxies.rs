//! What proxies say of the clients they speak for, where they are trusted.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use axum::http::{HeaderMap, HeaderName, header};
use ipnet::IpNet;
use kbgap_edge::Scheme;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// The proxies whose word is taken for where a request came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

/// A text that is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a network: write ADDRESS or ADDRESS/BITS, 10.0.0.0/8 or ::1, say")]
pub struct NotANetwork(String);

/// What a proxy says of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// From where it came; the proxy itself, where it does not say so.
    pub(super) client: SocketAddr,
    pub(super) scheme: Option<Scheme>,
    pub(super) host: Option<String>,
}

impl TrustedProxies {
    /// Reads networks.
    ///
    /// # Errors
    /// Where one is none.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, NotANetwork> {
        let networks = texts.into_iter().map(|text| {
            let text = text.trim();
            let address = IpAddr::from_str(text).map(IpNet::from);
            address.or_else(|_| text.parse().map_err(|_| NotANetwork(text.to_owned())))
        });
        networks.collect::<Result<_, _>>().map(Self)
    }

    /// The networks.
    pub fn networks(&self) -> &[IpNet] {
        &self.0
    }

    pub(super) fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// What the headers of a trusted proxy say. Each proxy adds to the end: what is before the last one that is trusted
    /// anybody may have written. Of `Forwarded` (RFC 7239) and the older headers the client's proxy writes one kind, and
    /// the other may be the client's own: where they contradict each other, neither is believed.
    pub(super) fn read(&self, headers: &HeaderMap, peer: SocketAddr) -> Said {
        let older = Said {
            client: self.client(elements(headers, &FORWARDED_FOR).as_deref(), peer),
            scheme: last(headers, &FORWARDED_PROTO).and_then(|text| scheme(&text)),
            host: last(headers, &FORWARDED_HOST),
        };
        let has_older = [&FORWARDED_FOR, &FORWARDED_PROTO, &FORWARDED_HOST]
            .into_iter()
            .any(|name| headers.contains_key(name));
        let Some(hops) = forwarded(headers) else {
            return older;
        };
        let addresses: Vec<String> = hops.iter().map(|hop| hop.from.clone()).collect();
        let last_hop = hops.last();
        let newer = Said {
            client: self.client(Some(&addresses), peer),
            scheme: last_hop.and_then(|hop| scheme(hop.proto.as_deref()?)),
            host: last_hop.and_then(|hop| hop.host.clone()),
        };
        if !has_older || newer == older {
            return newer;
        }
        Said {
            client: peer,
            scheme: None,
            host: None,
        }
    }

    /// The last address that is not a trusted proxy's.
    fn client(&self, hops: Option<&[String]>, peer: SocketAddr) -> SocketAddr {
        let mut client = peer;
        for hop in hops.unwrap_or_default().iter().rev() {
            // `unknown`, a made-up name, nonsense: who wrote it is the last that is known.
            let Some(address) = address(hop) else {
                break;
            };
            client = address;
            if !self.trusts(address.ip()) {
                break;
            }
        }
        client
    }
}

fn scheme(text: &str) -> Option<Scheme> {
    [Scheme::Http, Scheme::Https]
        .into_iter()
        .find(|scheme| scheme.name().eq_ignore_ascii_case(text))
}

/// An address, with a port or without one; one of IPv6 with a port is in brackets.
fn address(text: &str) -> Option<SocketAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let address = bare.unwrap_or(text).parse::<IpAddr>();
    let address = address.map(|ip| SocketAddr::new(ip, 0));
    address.or_else(|_| text.parse()).ok()
}

/// The elements of a header that is a list, however many lines it has.
fn elements(headers: &HeaderMap, name: &HeaderName) -> Option<Vec<String>> {
    let mut all = Vec::new();
    for value in headers.get_all(name) {
        // What cannot be read hides what is before it.
        match value.to_str() {
            Ok(text) => all.extend(text.split(',').map(|part| part.trim().to_owned())),
            Err(_) => all.clear(),
        }
    }
    (!all.is_empty()).then_some(all)
}

fn last(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    elements(headers, name)?.pop()
}

/// An element of `Forwarded`.
#[derive(Debug, Default)]
struct Hop {
    from: String,
    proto: Option<String>,
    host: Option<String>,
}

/// The elements of `Forwarded` (RFC 7239, section 4).
fn forwarded(headers: &HeaderMap) -> Option<Vec<Hop>> {
    let mut hops = Vec::new();
    for value in headers.get_all(header::FORWARDED) {
        let Ok(text) = value.to_str() else {
            hops.clear();
            continue;
        };
        for element in unquoted(text, ',') {
            let mut hop = Hop::default();
            for pair in unquoted(element, ';') {
                let Some((name, value)) = pair.split_once('=') else {
                    continue;
                };
                let value = value.trim();
                let quoted = value
                    .strip_prefix('"')
                    .and_then(|rest| rest.strip_suffix('"'));
                let value = quoted.unwrap_or(value).to_owned();
                match name.trim() {
                    name if name.eq_ignore_ascii_case("for") => hop.from = value,
                    name if name.eq_ignore_ascii_case("proto") => hop.proto = Some(value),
                    name if name.eq_ignore_ascii_case("host") => hop.host = Some(value),
                    _ => {}
                }
            }
            hops.push(hop);
        }
    }
    (!hops.is_empty()).then_some(hops)
}

/// The parts between separators that are not quoted.
fn unquoted(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    text.split(move |letter| {
        is_quoted ^= letter == '"';
        letter == separator && !is_quoted
    })
    .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[(&str, &str)]) -> (String, Option<&'static str>, Option<String>) {
        let proxies = TrustedProxies::parse(["127.0.0.1", "10.0.0.0/8", "2001:db8::/32"]).unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, value.parse().unwrap());
        }
        let said = proxies.read(&headers, "127.0.0.1:5".parse().unwrap());
        (
            said.client.to_string(),
            said.scheme.map(Scheme::name),
            said.host,
        )
    }

    #[test]
    fn the_last_address_that_is_not_trusted_is_the_client() {
        for (lines, client) in [
            (&[][..], "127.0.0.1:5"),
            (&[("x-forwarded-for", "192.0.2.1")], "192.0.2.1:0"),
            // What the client wrote itself is before.
            (
                &[("x-forwarded-for", "203.0.113.9, 192.0.2.1, 10.1.1.1")],
                "192.0.2.1:0",
            ),
            (
                &[
                    ("x-forwarded-for", "203.0.113.9"),
                    ("x-forwarded-for", "192.0.2.1:77"),
                ],
                "192.0.2.1:77",
            ),
            (
                &[("x-forwarded-for", "203.0.113.9, nonsense, 10.1.1.1")],
                "10.1.1.1:0",
            ),
            (&[("x-forwarded-for", "10.1.1.1, 10.1.1.2")], "10.1.1.1:0"),
            (
                &[("forwarded", "for=203.0.113.9, For=\"[2001:dbf::7]:4711\"")],
                "[2001:dbf::7]:4711",
            ),
            (
                &[("forwarded", "for=192.0.2.1, for=_hidden")],
                "127.0.0.1:5",
            ),
        ] {
            assert_eq!(read(lines).0, client, "{lines:?}");
        }
    }

    #[test]
    fn scheme_and_host_are_those_the_nearest_proxy_states() {
        let said = read(&[
            ("x-forwarded-proto", "http, https"),
            ("x-forwarded-host", "evil.example, kbs.example"),
        ]);
        assert_eq!(said.1, Some("https"));
        assert_eq!(said.2.as_deref(), Some("kbs.example"));
        let quoted = "for=192.0.2.1;host=\"a,b;c\";proto=http, for=192.0.2.1;proto=HTTPS;host=\"kbs.example:8443\"";
        let said = read(&[("forwarded", quoted)]);
        assert_eq!(said.1, Some("https"));
        assert_eq!(said.2.as_deref(), Some("kbs.example:8443"));
        assert_eq!(read(&[("x-forwarded-proto", "gopher")]).1, None);
    }

    #[test]
    fn headers_that_contradict_each_other_are_not_believed() {
        let said = read(&[
            ("forwarded", "for=203.0.113.9;host=evil.example"),
            ("x-forwarded-for", "192.0.2.1"),
            ("x-forwarded-proto", "https"),
        ]);
        assert_eq!(said, ("127.0.0.1:5".to_owned(), None, None));
        let said = read(&[
            ("forwarded", "for=192.0.2.1;proto=https"),
            ("x-forwarded-for", "192.0.2.1"),
            ("x-forwarded-proto", "https"),
        ]);
        assert_eq!(said, ("192.0.2.1:0".to_owned(), Some("https"), None));
    }
}
