//! What a client asks for in a person's name: the `scope` of a request.

use crate::audience::Audiences;
use crate::oauth::{OAuthError, OAuthErrorKind};
use crate::permission::Permission;
use crate::rights::Rights;

/// The longest scope text taken.
const LONGEST: usize = 4096;

/// The scopes of a request, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a scope that is asked for or not"
)]
pub struct ScopeRequest {
    /// An ID token is wanted (`openid`).
    pub openid: bool,
    /// Who the person is may be told (`profile`).
    pub profile: bool,
    /// The address may be told (`email`); none is kept here.
    pub email: bool,
    /// A refresh token is wanted (`offline_access`).
    pub offline_access: bool,
    /// What the access token is to be for, as the client wrote it.
    pub audience: String,
    wanted: Wanted,
}

/// Which of the API's scopes are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Wanted {
    /// All that the application has (`{audience}/.default`).
    Default,
    /// These; none where only the person is asked for.
    Only(Vec<Permission>),
}

/// Why scopes cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// There is none, or far too much.
    #[error("the parameter 'scope' is missing, or longer than {LONGEST} bytes")]
    Missing,
    /// One is not known.
    #[error(
        "the scope '{scope}' is not known; use '{audience}/.default' or scopes such as '{audience}/Software.Read'"
    )]
    Unknown {
        /// As it was written.
        scope: String,
        /// An audience served here.
        audience: String,
    },
    /// They are of different resources.
    #[error("the scopes are of more than one resource ('{0}' and '{1}'): ask for a token for each")]
    Mixed(String, String),
}

impl From<ScopeError> for OAuthError {
    fn from(error: ScopeError) -> Self {
        Self::new(OAuthErrorKind::InvalidScope, error)
    }
}

impl ScopeRequest {
    /// Reads the scopes of a request, separated by spaces (RFC 6749, section 3.3). A scope of the API stands behind its
    /// audience and a slash; without one it is this API's.
    pub fn parse(text: &str, audiences: &Audiences) -> Result<Self, ScopeError> {
        if text.trim().is_empty() || text.len() > LONGEST {
            return Err(ScopeError::Missing);
        }
        let mut request = Self {
            openid: false,
            profile: false,
            email: false,
            offline_access: false,
            audience: audiences.first().to_owned(),
            wanted: Wanted::Only(Vec::new()),
        };
        let mut stated: Option<&str> = None;
        for scope in text.split_whitespace() {
            let flag = match scope {
                "openid" => &mut request.openid,
                "profile" => &mut request.profile,
                "email" => &mut request.email,
                "offline_access" => &mut request.offline_access,
                _ => {
                    let (audience, name) = scope.rsplit_once('/').unwrap_or(("", scope));
                    request.want(scope, audience, name, audiences)?;
                    if !audience.is_empty() {
                        if let Some(other) = stated.filter(|other| !same(other, audience)) {
                            return Err(ScopeError::Mixed(other.to_owned(), audience.to_owned()));
                        }
                        audience.clone_into(&mut request.audience);
                        stated = Some(audience);
                    }
                    continue;
                }
            };
            *flag = true;
        }
        Ok(request)
    }

    /// The scopes that a `resource` stands for (version 1 of the endpoint): everything, with all about the person.
    pub fn of_resource(resource: &str) -> String {
        format!("openid profile offline_access {resource}/.default")
    }

    fn want(
        &mut self,
        scope: &str,
        audience: &str,
        name: &str,
        audiences: &Audiences,
    ) -> Result<(), ScopeError> {
        let unknown = || ScopeError::Unknown {
            scope: scope.chars().take(200).collect(),
            audience: audiences.first().to_owned(),
        };
        if !audience.is_empty() && !audiences.accept(audience) {
            return Err(unknown());
        }
        if name == ".default" && !audience.is_empty() {
            self.wanted = Wanted::Default;
            return Ok(());
        }
        let permission = Permission::of_scope(name).ok_or_else(unknown)?;
        if let Wanted::Only(wanted) = &mut self.wanted
            && !wanted.contains(&permission)
        {
            wanted.push(permission);
        }
        Ok(())
    }

    /// Whether anything of the API is asked for, beyond who the person is.
    pub fn wants_api(&self) -> bool {
        self.wanted != Wanted::Only(Vec::new())
    }

    /// Whether nothing is asked for beyond what another request asked for: who refreshes a token must not
    /// (RFC 6749, section 6).
    pub fn is_within(&self, other: &Self) -> bool {
        let permissions = match (&self.wanted, &other.wanted) {
            (_, Wanted::Default) => true,
            (Wanted::Default, Wanted::Only(_)) => false,
            (Wanted::Only(own), Wanted::Only(others)) => {
                own.iter().all(|permission| others.contains(permission))
            }
        };
        permissions
            && (other.openid || !self.openid)
            && (other.profile || !self.profile)
            && (other.email || !self.email)
            && (other.offline_access || !self.offline_access)
    }

    /// What is granted of it: what the application may ask for, and the person's role allows.
    pub fn granted(&self, application: &[Permission], rights: &Rights) -> Vec<Permission> {
        let mut granted: Vec<Permission> = application
            .iter()
            .copied()
            .filter(|permission| rights.role.allows(*permission))
            .filter(|permission| match &self.wanted {
                Wanted::Default => true,
                Wanted::Only(wanted) => wanted.contains(permission),
            })
            .collect();
        granted.sort_unstable();
        granted.dedup();
        granted
    }

    /// The scopes of an answer, of which these were granted.
    pub fn answer(&self, granted: &[Permission]) -> String {
        let mut scopes: Vec<String> = self.of_person().map(str::to_owned).collect();
        let audience = &self.audience;
        let of_api = granted.iter().map(|permission| permission.scope());
        scopes.extend(of_api.map(|scope| format!("{audience}/{scope}")));
        if self.wanted == Wanted::Default {
            // Clients look in their caches for what they asked for.
            scopes.push(format!("{audience}/.default"));
        }
        scopes.join(" ")
    }

    /// Those of the person that are asked for, by name.
    pub fn of_person(&self) -> impl Iterator<Item = &'static str> {
        [
            (self.openid, "openid"),
            (self.profile, "profile"),
            (self.email, "email"),
            (self.offline_access, "offline_access"),
        ]
        .into_iter()
        .filter_map(|(asked, name)| asked.then_some(name))
    }
}

fn same(one: &str, other: &str) -> bool {
    let trim = |audience: &str| audience.trim_end_matches('/').to_ascii_lowercase();
    trim(one) == trim(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rights::{Role, Seen};

    const API: &str = "https://api.securitycenter.microsoft.com";

    fn parse(text: &str) -> Result<ScopeRequest, ScopeError> {
        ScopeRequest::parse(text, &Audiences::default())
    }

    fn granted(text: &str, role: Role) -> Vec<&'static str> {
        let application = [
            Permission::SoftwareRead,
            Permission::MachineReadWrite,
            Permission::AdministrationReadWrite,
        ];
        let rights = Rights {
            role,
            sees: Seen::All,
        };
        let granted = parse(text).unwrap().granted(&application, &rights);
        granted.into_iter().map(Permission::scope).collect()
    }

    #[test]
    fn scopes_are_granted_as_far_as_application_and_role_go() {
        let all = format!("{API}/.default");
        assert_eq!(granted(&all, Role::View), ["Software.Read"]);
        let managed = ["Software.Read", "Machine.ReadWrite"];
        assert_eq!(granted(&all, Role::Manage), managed);
        assert_eq!(granted(&all, Role::Administer).len(), 3);
        let some = format!("openid {API}//software.read {API}/Score.Read");
        assert_eq!(granted(&some, Role::Administer), ["Software.Read"]);
        assert_eq!(granted("Machine.ReadWrite", Role::View), [""; 0]);
        assert_eq!(granted("openid profile", Role::Administer), [""; 0]);
        assert!(!parse("openid profile").unwrap().wants_api());
    }

    #[test]
    fn an_answer_names_what_was_granted() {
        let request = parse(&format!("openid offline_access {API}/.default")).unwrap();
        assert!(request.openid && request.offline_access && !request.profile);
        assert_eq!(
            request.answer(&[Permission::SoftwareRead]),
            format!("openid offline_access {API}/Software.Read {API}/.default")
        );
    }

    #[test]
    fn what_is_not_served_is_refused() {
        assert_eq!(parse(" "), Err(ScopeError::Missing));
        assert_eq!(parse(&"x".repeat(5000)), Err(ScopeError::Missing));
        for unknown in [
            "https://graph.microsoft.com/.default",
            "User.Read",
            ".default",
            "https://api.securitycenter.microsoft.com/Nothing",
        ] {
            let refused = parse(unknown);
            assert!(
                matches!(refused, Err(ScopeError::Unknown { .. })),
                "{unknown}"
            );
        }
        let mixed = format!("{API}/Software.Read https://api.security.microsoft.com/Score.Read");
        assert!(matches!(parse(&mixed), Err(ScopeError::Mixed(..))));
    }

    #[test]
    fn a_refresh_stays_within_what_was_asked_for_first() {
        let within = |own: &str, other: &str| parse(own).unwrap().is_within(&parse(other).unwrap());
        let all = format!("openid {API}/.default");
        assert!(within("Software.Read", &all));
        assert!(!within(&all, "openid Software.Read"));
        assert!(within("Software.Read", "Score.Read Software.Read"));
        assert!(!within("Machine.Read", "Software.Read"));
        assert!(!within("Software.Read offline_access", "Software.Read"));
    }
}
