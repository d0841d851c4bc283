//! Who asks, as a verified token says.

use std::sync::Arc;

use crate::permission::Permission;

/// Who asks, as a verified token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The tenant, of those served here.
    pub tenant: Box<str>,
    /// The application, where the token names it.
    pub application: Option<Box<str>>,
    /// What was granted.
    pub grant: Grant,
    /// The person it was granted to; none where it is the application itself.
    pub person: Option<Person>,
    /// Who issued the token.
    pub issuer: IssuerKind,
}

/// What a token grants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// To an application: its `roles`.
    Application(Vec<Box<str>>),
    /// To a person through an application: its `scp`.
    Delegated(Vec<Box<str>>),
}

/// A person, as the issuer of the token knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The id, which never changes: `oid`, else `sub`. It is one only together with the issuer.
    pub id: Box<str>,
    /// The name shown.
    pub name: Option<Box<str>>,
    /// The groups, by the issuer's ids or names.
    pub groups: Vec<Box<str>>,
    /// The roles given to the person, not to the application.
    pub roles: Vec<Box<str>>,
}

/// Who issued a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IssuerKind {
    /// This server, or another one of the same store.
    Own,
    /// A foreign issuer, by the name it is configured under.
    Foreign(Arc<str>),
}

impl Caller {
    /// Whether any one of these permissions is granted (API specification, section 3.4).
    pub fn may(&self, any_of: &[Permission]) -> bool {
        any_of.iter().any(|permission| match &self.grant {
            Grant::Application(roles) => roles.iter().any(|role| **role == *permission.role()),
            Grant::Delegated(scopes) => scopes.iter().any(|scope| **scope == *permission.scope()),
        })
    }
}
