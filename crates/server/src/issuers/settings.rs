//! How a foreign issuer is configured: an `[[issuers]]` of kbgap.toml.

use std::time::Duration;

use jiff::SignedDuration;
use kbgap_identity::{
    ApplicationRule, Audiences, BadClaimPath, ClaimList, ClaimMapping, ClaimPath, ForeignIssuer,
    MappedClaims, SignatureAlgorithm, UnknownAlgorithm,
};
use reqwest::Url;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::fetch::{self, BadUrl, Source};

/// A foreign issuer, as an operator describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct IssuerSettings {
    /// A name for logs and commands.
    pub name: String,
    /// The id of a tenant of Entra ID; or else `issuer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entra_tenant: Option<Uuid>,
    /// The cloud that the tenant of Entra ID is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud: Option<Cloud>,
    /// The URL of an `OpenID` provider, to the letter as its tokens state it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The tenant here that its tokens are for: id or name.
    #[serde(default = "default_tenant")]
    pub tenant: String,
    /// What its tokens may be for, beside the Defender API and our own URL.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audiences: Vec<String>,
    /// The algorithms its keys may be used with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithms: Option<Vec<String>>,
    /// Which tokens are an application's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applications: Option<ApplicationsSetting>,
    /// Where its claims are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims: Option<ClaimsSetting>,
    /// How often its keys are fetched.
    #[serde(default = "default_refresh")]
    pub refresh: SignedDuration,
    /// For how long keys count after they could be fetched last.
    #[serde(default = "default_keep")]
    pub keep: SignedDuration,
    /// How often its keys are fetched at most, where tokens with unknown ones come.
    #[serde(default = "default_at_most_every")]
    pub at_most_every: SignedDuration,
}

/// A cloud of Microsoft's, with an Entra ID of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cloud {
    /// The one that is meant without a word.
    #[default]
    Global,
    /// Azure Government of the United States.
    UsGovernment,
    /// Azure in China, operated by 21Vianet.
    China,
}

/// Which tokens of an `OpenID` provider are an application's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ApplicationsSetting {
    /// By a word.
    Word(ApplicationsWord),
    /// By a claim.
    Claim {
        /// The claim.
        claim: PathSetting,
        /// Its value; without one, it only has to be there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<String>,
    },
}

/// A word for which tokens are an application's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApplicationsWord {
    /// None is.
    Never,
    /// Those whose `sub` is the application.
    SubjectIsApplication,
}

/// Where the claims of an `OpenID` provider are; each has the name of the standards unless said otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ClaimsSetting {
    /// The application.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application: Option<PathSetting>,
    /// What an application may do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application_roles: Option<ListSetting>,
    /// What an application may do for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<PathSetting>,
    /// A person's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<PathSetting>,
    /// A person's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<PathSetting>,
    /// A person's groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<PathSetting>,
    /// A person's roles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roles: Option<PathSetting>,
}

/// Where a claim is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PathSetting {
    /// Names with points between them.
    Text(String),
    /// Names, some of which have points in them.
    Names(Vec<String>),
}

/// A list in a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ListSetting {
    /// A JSON array.
    Array(PathSetting),
    /// Words with spaces between them.
    Words {
        /// Where.
        words: PathSetting,
    },
}

/// An issuer that is described wrongly.
#[derive(Debug, thiserror::Error)]
#[error("the issuer '{name}': {reason}")]
pub struct BadIssuer {
    /// Its name.
    pub name: String,
    /// What is wrong.
    pub reason: BadIssuerReason,
}

/// What is wrong with the description of an issuer.
#[derive(Debug, thiserror::Error)]
pub enum BadIssuerReason {
    /// Neither or both ways to name it.
    #[error("name it either by entra-tenant or by issuer")]
    OneName,
    /// A setting that is of no effect.
    #[error("{0} goes only with {1}")]
    Together(&'static str, &'static str),
    /// Another issuer has its name or its URL.
    #[error("another issuer has the same name or URL")]
    Twice,
    /// Its URL is ours.
    #[error("its URL is this server's own")]
    Own,
    /// Its URL cannot be used.
    #[error(transparent)]
    Url(#[from] BadUrl),
    /// An algorithm is not accepted.
    #[error(transparent)]
    Algorithm(#[from] UnknownAlgorithm),
    /// A claim cannot be found.
    #[error(transparent)]
    Path(#[from] BadClaimPath),
    /// A time that does not pass.
    #[error("refresh, keep and at-most-every are durations above zero, such as \"1h\" or \"30s\"")]
    Duration,
}

fn default_tenant() -> String {
    "default".to_owned()
}

const fn default_refresh() -> SignedDuration {
    SignedDuration::from_hours(1)
}

const fn default_keep() -> SignedDuration {
    SignedDuration::from_hours(24)
}

const fn default_at_most_every() -> SignedDuration {
    SignedDuration::from_secs(30)
}

impl Cloud {
    /// The hosts that sign-in is at, and that name the issuer of version 1 of the tokens.
    fn hosts(self) -> (&'static str, &'static str) {
        match self {
            Self::Global => ("login.microsoftonline.com", "sts.windows.net"),
            Self::UsGovernment => ("login.microsoftonline.us", "sts.windows.net"),
            Self::China => ("login.partner.microsoftonline.cn", "sts.chinacloudapi.cn"),
        }
    }
}

/// An issuer whose description was found right; its tenant is not looked up yet.
#[derive(Debug, Clone)]
pub(crate) struct Configured {
    /// With the tenant as it was configured, by id or name.
    pub(crate) issuer: ForeignIssuer,
    pub(crate) sources: Vec<Source>,
    pub(crate) refresh: Duration,
    pub(crate) keep: Duration,
    pub(crate) at_most_every: Duration,
}

/// Reads the descriptions of all issuers, beside a server at a URL.
pub(crate) fn configured(
    all: &[IssuerSettings],
    own_url: &str,
) -> Result<Vec<Configured>, BadIssuer> {
    let mut read: Vec<Configured> = Vec::new();
    for settings in all {
        let bad = |reason| BadIssuer {
            name: settings.name.clone(),
            reason,
        };
        let one = settings.read(own_url).map_err(bad)?;
        let own = own_url.trim_end_matches('/');
        let mut names = one.issuer.issuers.iter();
        if names.any(|name| name.strip_prefix(own).is_some_and(below)) {
            return Err(bad(BadIssuerReason::Own));
        }
        let same = |other: &Configured| {
            let mut names = one.issuer.issuers.iter();
            other.issuer.name == one.issuer.name
                || names.any(|name| other.issuer.issuers.contains(name))
        };
        if read.iter().any(same) {
            return Err(bad(BadIssuerReason::Twice));
        }
        read.push(one);
    }
    Ok(read)
}

fn below(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('/')
}

impl IssuerSettings {
    fn read(&self, own_url: &str) -> Result<Configured, BadIssuerReason> {
        let (sources, issuers, claims) = match (&self.entra_tenant, &self.issuer) {
            (Some(tid), None) => self.entra(*tid)?,
            (None, Some(issuer)) => self.open_id(issuer)?,
            _ => return Err(BadIssuerReason::OneName),
        };
        let usual = match claims {
            ClaimMapping::Entra { .. } => vec![SignatureAlgorithm::RS256],
            ClaimMapping::Mapped(_) => SignatureAlgorithm::ALL.to_vec(),
        };
        let algorithms = match &self.algorithms {
            Some(names) => names
                .iter()
                .map(|name| name.parse())
                .collect::<Result<_, _>>()?,
            None => usual,
        };
        let audiences = self.audiences.iter().cloned().chain([own_url.to_owned()]);
        let issuer = ForeignIssuer {
            name: self.name.as_str().into(),
            issuers,
            tenant: self.tenant.as_str().into(),
            audiences: Audiences::with(audiences),
            algorithms,
            claims,
        };
        Ok(Configured {
            issuer,
            sources,
            refresh: duration(self.refresh)?,
            keep: duration(self.keep)?,
            at_most_every: duration(self.at_most_every)?,
        })
    }

    /// A tenant of Entra ID issues tokens of two versions, each under a name of its own (API specification, section 3.3).
    fn entra(&self, tid: Uuid) -> Result<Described, BadIssuerReason> {
        for (setting, is_there) in [
            ("applications", self.applications.is_some()),
            ("claims", self.claims.is_some()),
        ] {
            if is_there {
                return Err(BadIssuerReason::Together(setting, "issuer"));
            }
        }
        let (sign_in, version_1) = self.cloud.unwrap_or_default().hosts();
        let base = format!("https://{sign_in}/{tid}");
        let names = [
            (format!("https://{version_1}/{tid}/"), base.clone()),
            (format!("{base}/v2.0"), format!("{base}/v2.0")),
        ];
        let sources = names.iter().map(|(issuer, base)| Source::of(issuer, base));
        let sources = sources.collect::<Result<_, _>>()?;
        let issuers = names.into_iter().map(|(issuer, _)| issuer.into()).collect();
        Ok((sources, issuers, ClaimMapping::Entra { tid }))
    }

    fn open_id(&self, issuer: &str) -> Result<Described, BadIssuerReason> {
        if self.cloud.is_some() {
            return Err(BadIssuerReason::Together("cloud", "entra-tenant"));
        }
        let source = Source::of(issuer, issuer)?;
        let mut mapped = MappedClaims::default();
        if let Some(applications) = &self.applications {
            mapped.applications = applications.read()?;
        }
        if let Some(claims) = &self.claims {
            claims.apply(&mut mapped)?;
        }
        let claims = ClaimMapping::Mapped(Box::new(mapped));
        Ok((vec![source], vec![issuer.into()], claims))
    }
}

type Described = (Vec<Source>, Vec<Box<str>>, ClaimMapping);

fn duration(signed: SignedDuration) -> Result<Duration, BadIssuerReason> {
    let duration = Duration::try_from(signed).map_err(|_| BadIssuerReason::Duration)?;
    if duration.is_zero() {
        return Err(BadIssuerReason::Duration);
    }
    Ok(duration)
}

impl ApplicationsSetting {
    fn read(&self) -> Result<ApplicationRule, BadClaimPath> {
        Ok(match self {
            Self::Word(ApplicationsWord::Never) => ApplicationRule::Never,
            Self::Word(ApplicationsWord::SubjectIsApplication) => {
                ApplicationRule::SubjectIsApplication
            }
            Self::Claim { claim, value } => ApplicationRule::Claim {
                path: claim.read()?,
                value: value.as_deref().map(Box::from),
            },
        })
    }
}

impl ClaimsSetting {
    fn apply(&self, mapped: &mut MappedClaims) -> Result<(), BadClaimPath> {
        if let Some(application) = &self.application {
            mapped.application = Some(application.read()?);
        }
        if let Some(roles) = &self.application_roles {
            mapped.application_roles = match roles {
                ListSetting::Array(path) => ClaimList::Array(path.read()?),
                ListSetting::Words { words } => ClaimList::Words(words.read()?),
            };
        }
        for (setting, path) in [
            (&self.scope, &mut mapped.scope),
            (&self.person, &mut mapped.person),
            (&self.name, &mut mapped.name),
            (&self.groups, &mut mapped.groups),
            (&self.roles, &mut mapped.roles),
        ] {
            if let Some(setting) = setting {
                *path = setting.read()?;
            }
        }
        Ok(())
    }
}

impl PathSetting {
    fn read(&self) -> Result<ClaimPath, BadClaimPath> {
        match self {
            Self::Text(text) => text.parse(),
            Self::Names(names) => ClaimPath::of(names.iter().cloned()),
        }
    }
}

/// Whether the descriptions of all issuers are right, for a server at a URL.
pub fn validate(all: &[IssuerSettings], own_url: &str) -> Result<(), BadIssuer> {
    configured(all, own_url).map(|_| ())
}

impl Source {
    fn of(issuer: &str, base: &str) -> Result<Self, BadUrl> {
        // An issuer has no query and no fragment, and what follows a slash at its end follows it (`OpenID` Connect
        // Discovery 1.0, sections 3 and 4.1).
        let base = format!("{}/", base.trim_end_matches('/'));
        let url: Url = fetch::permitted(&base)?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(BadUrl::NoIssuer(base));
        }
        let document = url.join(".well-known/openid-configuration");
        Ok(Self {
            issuer: issuer.to_owned(),
            document: document.map_err(|_| BadUrl::NoUrl(base))?,
        })
    }
}
