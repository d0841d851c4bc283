//! What is recorded: who did what, to what, from where, and what came of it.

use std::borrow::Cow;
use std::net::IpAddr;

use jiff::Timestamp;
use kbgap_identity::{Caller, Grant, IssuerKind, Person};
use kbgap_store::{AuditActor, AuditOutcome, AuditRecord};
use uuid::Uuid;

/// How many bytes a text of a record has at most: clients choose some of them.
const LONGEST: usize = 400;

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// An application that was authenticated, by its client id.
    Application(String),
    /// A person who was authenticated.
    Person {
        /// The id; one that a foreign issuer gave stands behind that issuer's name.
        id: String,
        /// The application that acts for the person, by its client id; none where the person does it on a page of ours.
        through: Option<String>,
    },
    /// A user of the operating system, at the command line.
    CommandLine(String),
    /// A host that reports, by what it enrolled with.
    Host(String),
    /// Nobody who proved who they are.
    Unknown,
    /// The service itself.
    Service,
}

/// Something that was done, or tried. No text of it may be a secret, a token or an assertion.
#[derive(Debug, Clone)]
pub struct Act {
    who: Who,
    action: Cow<'static, str>,
    tenant: Option<String>,
    target: Option<String>,
    peer: Option<IpAddr>,
    outcome: AuditOutcome,
    detail: Option<String>,
    pub(super) times: u32,
}

impl Who {
    /// The caller that a token names.
    pub(crate) fn of(caller: &Caller) -> Self {
        let application = caller.application.as_deref().map(str::to_owned);
        match (&caller.grant, &caller.person) {
            (Grant::Application(_), _) => Self::Application(application.unwrap_or_default()),
            (Grant::Delegated(_), person) => Self::Person {
                id: person
                    .as_ref()
                    .map(|Person { id, .. }| match &caller.issuer {
                        IssuerKind::Own => id.to_string(),
                        IssuerKind::Foreign(name) => format!("{name}/{id}"),
                    })
                    .unwrap_or_default(),
                through: application,
            },
        }
    }

    /// A person, on a page of ours.
    pub(crate) fn person(id: &str) -> Self {
        Self::Person {
            id: id.to_owned(),
            through: None,
        }
    }

    /// What is told of it beside who it is.
    fn detail(&self) -> Option<String> {
        match self {
            Self::Person {
                through: Some(application),
                ..
            } => Some(format!("through the application {application}")),
            _ => None,
        }
    }

    fn parts(self) -> (AuditActor, String) {
        match self {
            Self::Application(id) => (AuditActor::Application, id),
            Self::Person { id, .. } => (AuditActor::Person, id),
            Self::CommandLine(user) => (AuditActor::CommandLine, user),
            Self::Host(id) => (AuditActor::Host, id),
            Self::Unknown => (AuditActor::Unknown, String::new()),
            Self::Service => (AuditActor::Service, String::new()),
        }
    }
}

impl Act {
    /// Something that was done. Actions are named by what they are done to, and how: `application.create`.
    pub fn new(who: Who, action: impl Into<Cow<'static, str>>) -> Self {
        Self {
            who,
            action: action.into(),
            tenant: None,
            target: None,
            peer: None,
            outcome: AuditOutcome::Done,
            detail: None,
            times: 1,
        }
    }

    /// In a tenant, by its id.
    #[must_use]
    pub fn in_tenant(mut self, id: impl Into<String>) -> Self {
        self.tenant = Some(id.into());
        self
    }

    /// To something, by its id.
    #[must_use]
    pub fn on(mut self, target: impl Into<String>) -> Self {
        self.target = Some(target.into());
        self
    }

    /// From an address.
    #[must_use]
    pub fn from(mut self, peer: Option<IpAddr>) -> Self {
        self.peer = peer;
        self
    }

    /// With what came of it.
    #[must_use]
    pub fn with(mut self, outcome: AuditOutcome) -> Self {
        self.outcome = outcome;
        self
    }

    /// With more, in words.
    #[must_use]
    pub fn telling(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// The record of it, at this moment.
    pub fn record(self) -> AuditRecord {
        let detail: Vec<String> = self.who.detail().into_iter().chain(self.detail).collect();
        let detail = (!detail.is_empty()).then(|| detail.join("; "));
        let (actor_kind, actor) = self.who.parts();
        AuditRecord {
            id: Uuid::now_v7().to_string(),
            at: Timestamp::now(),
            tenant: self.tenant.map(short),
            actor_kind,
            actor: short(actor),
            action: short(self.action.into_owned()),
            target: self.target.map(short),
            peer: self.peer.map(|peer| peer.to_canonical().to_string()),
            outcome: self.outcome,
            detail: detail.map(short),
            times: self.times,
        }
    }
}

/// A text of bounded length, on one line.
fn short(mut text: String) -> String {
    if text.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(end.unwrap_or(0));
        text.push('\u{2026}');
    }
    if text.contains(char::is_control) {
        text = text.replace(char::is_control, " ");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_short_and_on_one_line() {
        let act = Act::new(Who::Application("\u{e9}".repeat(900)), "a.b")
            .on("x\n\u{1b}[31my")
            .from(Some("::ffff:192.0.2.1".parse().unwrap()));
        let record = act.record();
        assert_eq!(record.actor, format!("{}\u{2026}", "\u{e9}".repeat(200)));
        assert_eq!(record.target.as_deref(), Some("x  [31my"));
        assert_eq!(record.peer.as_deref(), Some("192.0.2.1"));
    }

    #[test]
    fn a_person_is_told_with_the_application_that_acts() {
        let mut caller = Caller {
            tenant: "t".into(),
            application: Some("c".into()),
            grant: Grant::Delegated(Vec::new()),
            person: Some(Person {
                id: "p".into(),
                name: Some("Alice".into()),
                groups: Vec::new(),
                roles: Vec::new(),
            }),
            issuer: IssuerKind::Own,
        };
        let record = Act::new(Who::of(&caller), "a.b").telling("more").record();
        assert_eq!(
            (record.actor_kind, &*record.actor),
            (AuditActor::Person, "p")
        );
        let told = "through the application c; more";
        assert_eq!(record.detail.as_deref(), Some(told));
        caller.issuer = IssuerKind::Foreign("entra".into());
        let record = Act::new(Who::of(&caller), "a.b").record();
        assert_eq!(record.actor, "entra/p");
        let record = Act::new(Who::person("p"), "a.b").record();
        assert_eq!((&*record.actor, record.detail), ("p", None));
    }
}
