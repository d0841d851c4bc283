//! Requests for tokens: client credentials, as version 1 and 2 of the endpoint take them.

use crate::audience::Audiences;
use crate::oauth::{OAuthError, OAuthErrorKind};
use crate::secret::ClientSecret;

/// Which token endpoint was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointVersion {
    /// `/{tenant}/oauth2/token`, which takes `resource`.
    V1,
    /// `/{tenant}/oauth2/v2.0/token`, which takes `scope`.
    V2,
}

/// A well-formed request for a token.
#[derive(Debug, Clone)]
pub struct TokenRequest {
    /// The client id.
    pub client: String,
    /// Its secret.
    pub secret: ClientSecret,
    /// What the token is to be for.
    pub audience: String,
}

impl TokenRequest {
    /// Reads the fields of a form, or of HTTP basic credentials where the form has none
    /// (RFC 6749, section 2.3.1).
    pub fn from_form(
        fields: &[(String, String)],
        basic: Option<(String, String)>,
        version: EndpointVersion,
        audiences: &Audiences,
    ) -> Result<Self, OAuthError> {
        let (basic_client, basic_secret) = basic.unzip();
        let grant = required(fields, "grant_type")?;
        if grant != "client_credentials" {
            return Err(OAuthError::new(
                OAuthErrorKind::UnsupportedGrantType,
                format!("The grant type '{grant}' is not offered; use 'client_credentials'."),
            ));
        }
        let audience = match version {
            EndpointVersion::V1 => field(fields, "resource")?
                .unwrap_or(audiences.first())
                .to_owned(),
            EndpointVersion::V2 => {
                let scope = required(fields, "scope")?;
                scope.strip_suffix("/.default").map(str::to_owned).ok_or_else(|| {
                    OAuthError::new(
                        OAuthErrorKind::ScopeForm,
                        format!("The scope '{scope}' is not valid: client credentials take one scope that ends in '/.default'."),
                    )
                })?
            }
        };
        if !audiences.accept(&audience) {
            return Err(OAuthError::new(
                OAuthErrorKind::UnknownResource,
                format!(
                    "The resource '{audience}' is not served here; ask for '{}'.",
                    audiences.first()
                ),
            ));
        }
        let client = field(fields, "client_id")?.map(str::to_owned);
        let secret = field(fields, "client_secret")?.map(str::to_owned);
        Ok(Self {
            client: client
                .or(basic_client)
                .ok_or_else(|| missing("client_id"))?,
            secret: secret
                .or(basic_secret)
                .map(ClientSecret::from_client)
                .ok_or_else(|| missing("client_secret"))?,
            audience,
        })
    }
}

/// The value of a field of a form; stated twice, it is none (RFC 6749, section 3.2).
pub fn field<'a>(
    fields: &'a [(String, String)],
    name: &str,
) -> Result<Option<&'a str>, OAuthError> {
    let mut found = fields.iter().filter(|(key, _)| key == name);
    let first = found.next().map(|(_, value)| value.as_str());
    if found.next().is_some() {
        return Err(OAuthError::new(
            OAuthErrorKind::InvalidRequest,
            format!("The request body states '{name}' more than once."),
        ));
    }
    Ok(first.filter(|value| !value.is_empty()))
}

/// The value of a field that must be there.
pub fn required<'a>(fields: &'a [(String, String)], name: &str) -> Result<&'a str, OAuthError> {
    field(fields, name)?.ok_or_else(|| missing(name))
}

fn missing(name: &str) -> OAuthError {
    OAuthError::new(
        OAuthErrorKind::InvalidRequest,
        format!("The request body must contain the following parameter: '{name}'."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(
        fields: &[(&str, &str)],
        version: EndpointVersion,
    ) -> Result<TokenRequest, OAuthErrorKind> {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let fields: Vec<_> = fields.iter().map(owned).collect();
        TokenRequest::from_form(&fields, None, version, &Audiences::default())
            .map_err(|error| error.kind())
    }

    #[test]
    fn both_versions_name_the_audience_their_way() {
        let common = [
            ("grant_type", "client_credentials"),
            ("client_id", "c"),
            ("client_secret", "s"),
        ];
        let with = |field| [&common[..], &[field]].concat();
        let resource = ("resource", "https://api.securitycenter.microsoft.com");
        let v1 = read(&with(resource), EndpointVersion::V1).unwrap();
        assert_eq!(v1.audience, "https://api.securitycenter.microsoft.com");
        // Two slashes before .default: the audience was written with a trailing one.
        let scope = (
            "scope",
            "https://api.securitycenter.microsoft.com//.default",
        );
        let v2 = read(&with(scope), EndpointVersion::V2).unwrap();
        assert_eq!(v2.audience, "https://api.securitycenter.microsoft.com/");
        for (scope, kind) in [
            (("scope", "openid"), OAuthErrorKind::ScopeForm),
            (
                ("scope", "https://graph.microsoft.com/.default"),
                OAuthErrorKind::UnknownResource,
            ),
            (("client_id", "d"), OAuthErrorKind::InvalidRequest),
        ] {
            assert_eq!(read(&with(scope), EndpointVersion::V2).err(), Some(kind));
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let kind = read(&[("grant_type", "password")], EndpointVersion::V2).err();
        assert_eq!(kind, Some(OAuthErrorKind::UnsupportedGrantType));
        let kind = read(&[], EndpointVersion::V2).err();
        assert_eq!(kind, Some(OAuthErrorKind::InvalidRequest));
    }
}
