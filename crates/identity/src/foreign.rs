//! Foreign issuers: whose tokens count beside our own, for which tenant, and what their claims mean.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use uuid::Uuid;

use crate::algorithm::SignatureAlgorithm;
use crate::audience::Audiences;

/// An issuer whose tokens are accepted for one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignIssuer {
    /// The name it is configured under.
    pub name: Arc<str>,
    /// What a token's `iss` may be, to the letter (`OpenID` Connect Core 1.0, section 3.1.3.7).
    pub issuers: Vec<Box<str>>,
    /// The tenant here that its tokens are for.
    pub tenant: Box<str>,
    /// What a token may be for.
    pub audiences: Audiences,
    /// The algorithms that its keys may be used with.
    pub algorithms: Vec<SignatureAlgorithm>,
    /// What its claims mean.
    pub claims: ClaimMapping,
}

/// What the claims of an issuer mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimMapping {
    /// As those of Entra ID: `roles` for applications, `scp` for people.
    Entra {
        /// The tenant there: `tid` must be this.
        tid: Uuid,
    },
    /// As configured.
    Mapped(Box<MappedClaims>),
}

/// Where the claims of a provider are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappedClaims {
    /// Which tokens are an application's own.
    pub applications: ApplicationRule,
    /// The application: unless said otherwise `azp`, else `client_id` (RFC 9068, section 2.2).
    pub application: Option<ClaimPath>,
    /// What an application may do.
    pub application_roles: ClaimList,
    /// What an application may do for a person; words or a list.
    pub scope: ClaimPath,
    /// A person's id.
    pub person: ClaimPath,
    /// A person's name.
    pub name: ClaimPath,
    /// A person's groups.
    pub groups: ClaimPath,
    /// A person's roles.
    pub roles: ClaimPath,
}

/// Which tokens are an application's own and not a person's. `OpenID` Connect has no common sign of it, and guessing could
/// take a person's token for an application's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApplicationRule {
    /// None.
    Never,
    /// Those whose subject is the application (RFC 9068, section 2.2), at a provider where nobody chooses a subject.
    SubjectIsApplication,
    /// Those with a claim, and where it is said with this value.
    Claim {
        /// The claim.
        path: ClaimPath,
        /// Its value.
        value: Option<Box<str>>,
    },
}

/// A list of texts in a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimList {
    /// A JSON array.
    Array(ClaimPath),
    /// Words with spaces between them, as those of `scope`.
    Words(ClaimPath),
}

/// Where a claim is: its name, or the names of the objects around it and its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimPath {
    first: Box<str>,
    rest: Box<[Box<str>]>,
}

/// A path without a name, or with an empty one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a claim is named as 'groups', 'realm_access.roles' or [\"resource_access\", \"my.client\", \"roles\"]"
)]
pub struct BadClaimPath;

impl ClaimPath {
    /// A path of names, the outermost first.
    pub fn of(names: impl IntoIterator<Item = String>) -> Result<Self, BadClaimPath> {
        let mut names = names.into_iter().map(String::into_boxed_str);
        let first = names.next().ok_or(BadClaimPath)?;
        let rest: Box<[Box<str>]> = names.collect();
        if std::iter::once(&first)
            .chain(&rest)
            .any(|name| name.is_empty())
        {
            return Err(BadClaimPath);
        }
        Ok(Self { first, rest })
    }

    /// A claim that is in no other.
    pub fn top(name: &str) -> Self {
        Self {
            first: name.into(),
            rest: Box::default(),
        }
    }

    pub(crate) fn parts(&self) -> (&str, &[Box<str>]) {
        (&self.first, &self.rest)
    }
}

impl FromStr for ClaimPath {
    type Err = BadClaimPath;

    /// Names with points between them.
    fn from_str(path: &str) -> Result<Self, BadClaimPath> {
        Self::of(path.split('.').map(str::to_owned))
    }
}

impl fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.first)?;
        self.rest.iter().try_for_each(|name| write!(f, ".{name}"))
    }
}

impl Default for MappedClaims {
    /// The names of the standards; no token is an application's.
    fn default() -> Self {
        Self {
            applications: ApplicationRule::Never,
            application: None,
            application_roles: ClaimList::Array(ClaimPath::top("roles")),
            scope: ClaimPath::top("scope"),
            person: ClaimPath::top("sub"),
            name: ClaimPath::top("name"),
            groups: ClaimPath::top("groups"),
            roles: ClaimPath::top("roles"),
        }
    }
}
