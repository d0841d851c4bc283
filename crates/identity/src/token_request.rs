//! Requests for tokens, as version 1 and 2 of the endpoint take them: who asks, and by which grant.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;

use crate::assertion::{ASSERTION_TYPE, ClientAssertion};
use crate::audience::Audiences;
use crate::handle::Handle;
use crate::oauth::{OAuthError, OAuthErrorKind};
use crate::scope::ScopeRequest;
use crate::secret::ClientSecret;

/// Which token endpoint was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointVersion {
    /// `/{tenant}/oauth2/token`, which takes `resource`.
    V1,
    /// `/{tenant}/oauth2/v2.0/token`, which takes `scope`.
    V2,
}

/// The fields of a form. Their values do not print themselves: secrets are among them.
pub struct Form(Vec<(String, String)>);

/// A well-formed request for a token.
#[derive(Debug, Clone)]
pub struct TokenRequest {
    /// Who asks.
    pub client: ClientAuthentication,
    /// By which grant.
    pub grant: GrantRequest,
    /// The answer is to say who signed in, as the Microsoft Authentication Library wants it told.
    pub client_info: bool,
}

/// The grants that are offered, each with its own fields.
#[derive(Debug, Clone)]
pub enum GrantRequest {
    /// An application asks for itself (RFC 6749, section 4.4).
    ClientCredentials {
        /// What the token is to be for.
        audience: String,
    },
    /// A person signed in, and the browser brought a code (RFC 6749, section 4.1.3).
    AuthorizationCode {
        /// The code.
        code: Handle,
        /// Where the browser brought it.
        redirect_uri: String,
        /// What meets the challenge that the code was asked for with (RFC 7636, section 4.5).
        verifier: Option<ClientSecret>,
    },
    /// A person signed in before (RFC 6749, section 6).
    RefreshToken {
        /// The refresh token.
        token: Handle,
        /// What is asked for now, where it is less than before.
        scope: Option<ScopeRequest>,
    },
    /// A person signs in on another device (RFC 8628, section 3.4).
    DeviceCode {
        /// The code.
        code: Handle,
    },
}

/// Who a client says it is, and by what it proves it (RFC 6749, section 2.3).
#[derive(Debug, Clone)]
pub struct ClientAuthentication {
    /// The client id.
    pub id: String,
    /// The proof.
    pub proof: ClientProof,
}

/// By what a client proves who it is.
#[derive(Debug, Clone)]
pub enum ClientProof {
    /// A secret, in the form or in HTTP basic credentials.
    Secret(ClientSecret),
    /// An assertion (RFC 7523).
    Assertion(ClientAssertion),
    /// Nothing.
    None,
}

/// A client id and its secret in an `Authorization` header.
#[derive(Debug, Clone)]
pub struct BasicCredentials {
    id: String,
    secret: ClientSecret,
}

impl BasicCredentials {
    /// Reads an `Authorization` header of the scheme `Basic`; none where it is of another.
    ///
    /// Both parts are encoded as fields of a form are, before they are joined (RFC 6749, section 2.3.1).
    pub fn of_header(header: &str) -> Result<Option<Self>, OAuthError> {
        let Some((scheme, encoded)) = header.trim().split_once(' ') else {
            return Ok(None);
        };
        if !scheme.eq_ignore_ascii_case("basic") {
            return Ok(None);
        }
        let read = || {
            let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
            let (id, secret) = text.split_once(':')?;
            let decoded = |part: &str| {
                let part = part.replace('+', " ");
                let decoded = percent_decode_str(&part).decode_utf8().ok()?;
                Some(decoded.into_owned())
            };
            Some(Self {
                id: decoded(id)?,
                secret: ClientSecret::from_client(decoded(secret)?),
            })
        };
        read().map(Some).ok_or_else(|| {
            OAuthError::new(
                OAuthErrorKind::InvalidRequest,
                "The Authorization header has the scheme Basic, but no client id and secret as RFC 6749, section 2.3.1 has them.",
            )
        })
    }
}

impl Form {
    /// The fields, decoded.
    pub fn new(fields: Vec<(String, String)>) -> Self {
        Self(fields)
    }

    /// The value of a field; an empty one is none.
    pub fn optional(&self, name: &str) -> Result<Option<&str>, OAuthError> {
        let mut found = self.0.iter().filter(|(key, _)| key == name);
        let first = found.next().map(|(_, value)| value.as_str());
        if found.next().is_some() {
            return Err(OAuthError::new(
                OAuthErrorKind::RepeatedParameter,
                format!(
                    "The request is not properly formatted. The parameter '{name}' is duplicated."
                ),
            ));
        }
        Ok(first.filter(|value| !value.is_empty()))
    }

    /// The value of a field that must be there.
    pub fn required(&self, name: &str) -> Result<&str, OAuthError> {
        self.optional(name)?.ok_or_else(|| missing(name))
    }
}

impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(name, _)| name))
            .finish()
    }
}

impl ClientAuthentication {
    /// Reads who asks, from a form and the `Authorization` header: by one way only (RFC 6749, section 2.3).
    pub fn read(form: &Form, basic: Option<BasicCredentials>) -> Result<Self, OAuthError> {
        let id = form.optional("client_id")?;
        let secret = form.optional("client_secret")?;
        let assertion = form.optional("client_assertion")?;
        let ways = [basic.is_some(), secret.is_some(), assertion.is_some()];
        if ways.into_iter().filter(|way| *way).count() > 1 {
            return Err(OAuthError::new(
                OAuthErrorKind::InvalidRequest,
                "The client proves itself in more than one way: use one of 'client_secret', 'client_assertion' and the Authorization header.",
            ));
        }
        if let Some(BasicCredentials { id: named, secret }) = basic {
            if id.is_some_and(|id| !id.eq_ignore_ascii_case(&named)) {
                return Err(OAuthError::new(
                    OAuthErrorKind::InvalidRequest,
                    "'client_id' and the Authorization header name different clients.",
                ));
            }
            return Ok(Self {
                id: named,
                proof: ClientProof::Secret(secret),
            });
        }
        if let Some(assertion) = assertion {
            let kind = form.required("client_assertion_type")?;
            if kind != ASSERTION_TYPE {
                return Err(OAuthError::new(
                    OAuthErrorKind::InvalidRequest,
                    format!("'client_assertion_type' is to be '{ASSERTION_TYPE}'."),
                ));
            }
            let assertion = ClientAssertion::from_client(assertion.to_owned());
            // The client id is optional here: the assertion states it (RFC 7521, section 4.2).
            let id = id.map(str::to_owned).or_else(|| assertion.subject());
            return Ok(Self {
                id: id.ok_or_else(|| missing("client_id"))?,
                proof: ClientProof::Assertion(assertion),
            });
        }
        Ok(Self {
            id: id.ok_or_else(|| missing("client_id"))?.to_owned(),
            proof: secret.map_or(ClientProof::None, |secret| {
                ClientProof::Secret(ClientSecret::from_client(secret.to_owned()))
            }),
        })
    }
}

impl TokenRequest {
    /// Reads a form, with HTTP basic credentials where the request has them.
    pub fn read(
        form: &Form,
        basic: Option<BasicCredentials>,
        version: EndpointVersion,
        audiences: &Audiences,
    ) -> Result<Self, OAuthError> {
        let grant = match form.required("grant_type")? {
            "client_credentials" => GrantRequest::ClientCredentials {
                audience: audience(form, version, audiences)?,
            },
            "authorization_code" => GrantRequest::AuthorizationCode {
                code: handle(form.required("code")?),
                redirect_uri: form.required("redirect_uri")?.to_owned(),
                verifier: form
                    .optional("code_verifier")?
                    .map(|verifier| ClientSecret::from_client(verifier.to_owned())),
            },
            "refresh_token" => GrantRequest::RefreshToken {
                token: handle(form.required("refresh_token")?),
                scope: form
                    .optional("scope")?
                    .map(|scope| ScopeRequest::parse(scope, audiences))
                    .transpose()?,
            },
            "urn:ietf:params:oauth:grant-type:device_code" | "device_code" => {
                GrantRequest::DeviceCode {
                    code: handle(match form.optional("device_code")? {
                        Some(code) => code,
                        // As version 1 calls it.
                        None => form.required("code")?,
                    }),
                }
            }
            other => {
                return Err(OAuthError::new(
                    OAuthErrorKind::UnsupportedGrantType,
                    format!("The app requested an unsupported grant type '{other}'."),
                ));
            }
        };
        Ok(Self {
            client: ClientAuthentication::read(form, basic)?,
            grant,
            client_info: form.optional("client_info")? == Some("1"),
        })
    }
}

fn handle(text: &str) -> Handle {
    Handle::from_client(text.to_owned())
}

/// What an application's own token is to be for.
fn audience(
    form: &Form,
    version: EndpointVersion,
    audiences: &Audiences,
) -> Result<String, OAuthError> {
    let audience = match version {
        EndpointVersion::V1 => form.optional("resource")?.unwrap_or(audiences.first()),
        EndpointVersion::V2 => {
            let scope = form.required("scope")?;
            scope.strip_suffix("/.default").ok_or_else(|| {
                OAuthError::new(
                    OAuthErrorKind::ScopeForm,
                    format!("The provided request must include a 'scope' input parameter. The provided value '{scope}' is not valid: client credentials take one scope that ends in '/.default'."),
                )
            })?
        }
    };
    if !audiences.accept(audience) {
        return Err(OAuthError::new(
            OAuthErrorKind::UnknownResource,
            format!(
                "The resource '{audience}' is not served here; ask for '{}'.",
                audiences.first()
            ),
        ));
    }
    Ok(audience.to_owned())
}

fn missing(name: &str) -> OAuthError {
    OAuthError::new(
        OAuthErrorKind::MissingParameter,
        format!("The request body must contain the following parameter: '{name}'."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(fields: &[(&str, &str)]) -> Form {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        Form::new(fields.iter().map(owned).collect())
    }

    fn read(fields: &[(&str, &str)], version: EndpointVersion) -> Result<String, OAuthErrorKind> {
        let read = TokenRequest::read(&form(fields), None, version, &Audiences::default());
        match read.map_err(|error| error.kind())?.grant {
            GrantRequest::ClientCredentials { audience } => Ok(audience),
            other => panic!("{other:?}"),
        }
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
        assert_eq!(v1, "https://api.securitycenter.microsoft.com");
        // Two slashes before .default: the audience was written with a trailing one.
        let scope = (
            "scope",
            "https://api.securitycenter.microsoft.com//.default",
        );
        let v2 = read(&with(scope), EndpointVersion::V2).unwrap();
        assert_eq!(v2, "https://api.securitycenter.microsoft.com/");
        for (scope, kind) in [
            (("scope", "openid"), OAuthErrorKind::ScopeForm),
            (
                ("scope", "https://graph.microsoft.com/.default"),
                OAuthErrorKind::UnknownResource,
            ),
            (("scope", ""), OAuthErrorKind::MissingParameter),
            (
                ("grant_type", "password"),
                OAuthErrorKind::RepeatedParameter,
            ),
        ] {
            assert_eq!(read(&with(scope), EndpointVersion::V2).err(), Some(kind));
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let kind = read(&[("grant_type", "password")], EndpointVersion::V2).err();
        assert_eq!(kind, Some(OAuthErrorKind::UnsupportedGrantType));
        let kind = read(&[], EndpointVersion::V2).err();
        assert_eq!(kind, Some(OAuthErrorKind::MissingParameter));
    }

    #[test]
    fn the_grants_of_people_name_what_they_redeem() {
        let of = |fields: &[(&str, &str)]| {
            let fields = [&[("client_id", "c")], fields].concat();
            let audiences = Audiences::default();
            TokenRequest::read(&form(&fields), None, EndpointVersion::V2, &audiences)
                .map_err(|error| error.kind())
        };
        let by = |name| ("grant_type", name);
        let code = by("authorization_code");
        let uri = ("redirect_uri", "https://a.example/");
        let verifier = ("code_verifier", "hush");
        let read = of(&[
            code,
            ("code", "secret"),
            uri,
            verifier,
            ("client_info", "1"),
        ])
        .unwrap();
        assert!(read.client_info && !format!("{read:?}").contains("hush"));
        assert!(!format!("{read:?}").contains("secret\""), "{read:?}");
        assert!(matches!(
            read.grant,
            GrantRequest::AuthorizationCode { verifier: Some(_), redirect_uri, .. }
                if redirect_uri == uri.1
        ));
        let token = [by("refresh_token"), ("refresh_token", "t")];
        let read = of(&token).unwrap();
        let GrantRequest::RefreshToken { scope: None, .. } = read.grant else {
            panic!("{read:?}");
        };
        let device = by("urn:ietf:params:oauth:grant-type:device_code");
        for fields in [
            [device, ("device_code", "d")],
            [by("device_code"), ("code", "d")],
        ] {
            let read = of(&fields).unwrap().grant;
            assert!(matches!(read, GrantRequest::DeviceCode { code } if code.expose() == "d"));
        }
        let wider = [token[0], token[1], ("scope", "Software.Write")];
        for (fields, kind) in [
            (&wider[..], OAuthErrorKind::InvalidScope),
            (&[code, uri], OAuthErrorKind::MissingParameter),
            (&[code, ("code", "c")], OAuthErrorKind::MissingParameter),
            (&[token[0]], OAuthErrorKind::MissingParameter),
            (&[device], OAuthErrorKind::MissingParameter),
        ] {
            assert_eq!(of(fields).err(), Some(kind), "{fields:?}");
        }
    }

    fn basic(text: &str) -> Option<BasicCredentials> {
        let header = format!("bAsIc {}", STANDARD.encode(text));
        BasicCredentials::of_header(&header).ok().flatten()
    }

    #[test]
    fn basic_credentials_are_decoded() {
        let read = basic("a%3Ab:p%C3%A4ss+w%2Brd:%25").unwrap();
        assert_eq!(
            (&*read.id, read.secret.expose()),
            ("a:b", "p\u{e4}ss w+rd:%")
        );
        assert!(basic("no colon").is_none());
        assert!(BasicCredentials::of_header("Bearer abc").unwrap().is_none());
        for wrong in ["Basic ***", "Basic x", "Basic /w=="] {
            assert!(BasicCredentials::of_header(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_client_proves_itself_in_one_way() {
        let of = |fields: &[(&str, &str)], basic| {
            ClientAuthentication::read(&form(fields), basic).map_err(|error| error.kind())
        };
        let secret = of(&[("client_id", "c"), ("client_secret", "s")], None).unwrap();
        assert!(matches!(secret.proof, ClientProof::Secret(_)));
        let public = of(&[("client_id", "c")], None).unwrap();
        assert!(matches!(public.proof, ClientProof::None));
        let header = of(&[("client_id", "C")], basic("c:s")).unwrap();
        assert_eq!(header.id, "c");
        let assertion = ("client_assertion", "x.eyJzdWIiOiJjNyJ9.x");
        let kind = ("client_assertion_type", ASSERTION_TYPE);
        let asserted = of(&[assertion, kind], None).unwrap();
        assert_eq!(asserted.id, "c7");
        let invalid = Err(OAuthErrorKind::InvalidRequest);
        let missing = Err(OAuthErrorKind::MissingParameter);
        for (fields, header, refusal) in [
            (&[("client_secret", "s")][..], Some("c:s"), &invalid),
            (&[assertion, kind], Some("c:s"), &invalid),
            (&[assertion, kind, ("client_secret", "s")], None, &invalid),
            (&[("client_id", "d")], Some("c:s"), &invalid),
            (
                &[assertion, ("client_assertion_type", "saml")],
                None,
                &invalid,
            ),
            (&[assertion], None, &missing),
            (&[("client_assertion", "x"), kind], None, &missing),
            (&[("client_secret", "s")], None, &missing),
        ] {
            let read = of(fields, header.and_then(basic)).map(|read| read.id);
            assert_eq!(&read, refusal, "{fields:?}");
        }
    }

    #[test]
    fn values_do_not_print_themselves() {
        let form = form(&[("client_secret", "hush")]);
        assert_eq!(format!("{form:?}"), r#"["client_secret"]"#);
    }
}
