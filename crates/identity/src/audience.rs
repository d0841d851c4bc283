//! What a token may be for.

/// The names this API goes by; a token must be for one of them.
///
/// Those of the Defender API (API specification, section 3.2) are always among them: clients ask for theirs without
/// knowing that another server answers. Compared whatever the case, without a trailing slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audiences(Vec<Box<str>>);

/// The Defender API's own: its hosts, its old application URI, its application id.
const DEFENDER: [&str; 5] = [
    "https://api.securitycenter.microsoft.com",
    "https://api.securitycenter.windows.com",
    "https://api.security.microsoft.com",
    "https://securitycenter.onmicrosoft.com/windowsatpservice",
    "fc780465-2017-40d4-a0c5-307022471b92",
];

impl Audiences {
    /// Defender's, and these.
    pub fn with(own: impl IntoIterator<Item = String>) -> Self {
        let own = own.into_iter().map(|audience| normal(&audience).into());
        Self(DEFENDER.into_iter().map(Box::from).chain(own).collect())
    }

    /// The one a client gets where it asks for none in particular.
    pub fn first(&self) -> &str {
        DEFENDER[0]
    }

    /// Whether an audience is one of these.
    pub fn accept(&self, audience: &str) -> bool {
        let audience = normal(audience);
        self.0.iter().any(|known| **known == *audience)
    }
}

impl Default for Audiences {
    fn default() -> Self {
        Self::with([])
    }
}

fn normal(audience: &str) -> String {
    audience.trim().trim_end_matches('/').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_a_trailing_slash_do_not_matter() {
        let audiences = Audiences::with(["https://kbgap.example/".to_owned()]);
        for accepted in [
            "https://api.securitycenter.microsoft.com/",
            "HTTPS://API.SECURITY.MICROSOFT.COM",
            "FC780465-2017-40d4-a0c5-307022471b92",
            "https://kbgap.example",
        ] {
            assert!(audiences.accept(accepted), "{accepted}");
        }
        assert!(!audiences.accept("https://graph.microsoft.com"));
        assert!(!audiences.accept(""));
    }
}
