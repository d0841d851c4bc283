//! The commands of administration: tenants, applications, the audit trail.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Subcommand};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ZonedDateTime, civil};
use kbgap_identity::{Permission, RedirectUri};

/// What commands of administration work on, and how long is known what they did.
#[derive(Debug, Args)]
pub(crate) struct AdministrationArgs {
    /// The tenant worked on, by its id or name [default: default]
    #[arg(long, env = "KBGAP_TENANT", value_name = "NAME", global = true)]
    pub(crate) tenant: Option<String>,
    /// How long the audit trail is kept, in days [default: 400]
    #[arg(long, env = "KBGAP_KEEP_AUDIT", value_name = "DAYS", global = true,
        value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) keep_audit: Option<u32>,
}

/// How long from now on something counts: `90d`, `6 months`, `1y`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expiry(Span);

impl FromStr for Expiry {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let span: Span = text
            .parse()
            .map_err(|_| format!("'{text}' is no time span; write 90d, 6 months or 1y"))?;
        if span.is_positive() {
            Ok(Self(span))
        } else {
            Err("it would have expired already".to_owned())
        }
    }
}

impl Expiry {
    /// The moment it is over, counted from now.
    pub(crate) fn at(self) -> anyhow::Result<Timestamp> {
        Ok(ZonedDateTime::now().checked_add(self.0)?.timestamp())
    }
}

/// A moment: `2026-03-10`, `2026-03-10T08:00:00Z`, or how long ago it was, `2h`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment(pub(crate) Timestamp);

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(moment) = text.parse::<Timestamp>() {
            return Ok(Self(moment));
        }
        let local = text.parse::<civil::DateTime>();
        if let Some(local) = local
            .ok()
            .and_then(|at| at.to_zoned_datetime(TimeZone::system()).ok())
        {
            return Ok(Self(local.timestamp()));
        }
        let ago = text.parse::<Span>().ok();
        ago.and_then(|ago| ZonedDateTime::now().checked_sub(ago).ok())
            .map(|moment| Self(moment.timestamp()))
            .ok_or_else(|| {
                format!("'{text}' is no moment; write 2026-03-10, 2026-03-10T08:00:00Z, or how long ago: 2h, 7d")
            })
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum TenantCommand {
    /// Create a tenant; a running server serves it within a second
    #[command(after_help = "\
A tenant has its own machines, applications and secrets; nothing of it is seen from another one. Other commands work on
it by --tenant, or KBGAP_TENANT.

Examples:
  kbgap tenant create branch-office
  kbgap app create dashboards --tenant branch-office
  kbgap tenant create contoso --id 8f43d1cd-e396-4da6-8451-f314bb6a3efa")]
    Create {
        /// Its name: in URLs of tokens it stands as well as its id
        name: String,
        /// Its id, where it has one already, in Entra ID say [default: a new one]
        #[arg(long, value_name = "GUID")]
        id: Option<uuid::Uuid>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List the tenants: id, name, when each was created
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum AppCommand {
    /// Create an application; its secret is shown once
    Create(AppCreateArgs),
    /// List the applications and their permissions
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show an application: permissions, secrets and certificates with when they expire
    Show {
        /// Its client id or name
        app: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Grant permissions to an application, in tokens issued from now on
    #[command(after_help = "\
Example:
  kbgap app grant dashboards Machine.Read.All Vulnerability.Read.All")]
    Grant {
        /// Its client id or name
        app: String,
        /// What it may do, too
        #[arg(required = true, value_name = "PERMISSION")]
        permissions: Vec<Permission>,
    },
    /// Take permissions from an application; tokens issued before count for up to an hour
    RevokeGrant {
        /// Its client id or name
        app: String,
        /// What it may do no more
        #[arg(required = true, value_name = "PERMISSION")]
        permissions: Vec<Permission>,
    },
    /// Make a new secret for an application; the others count until they are revoked
    #[command(after_help = "\
First make a new secret and give it to the application, then revoke the one before:

  kbgap app rotate dashboards --expires-in 180d
  kbgap app show dashboards
  kbgap app revoke dashboards 1c9f2c4e-6f0e-4d57-9c39-0c8f0e6f2a11

Or at once, where the secret is known to others: kbgap app rotate dashboards --revoke-others")]
    Rotate {
        /// Its client id or name
        app: String,
        /// How long the new secret counts: 90d, 6 months, 1y [default: until it is revoked]
        #[arg(long, value_name = "SPAN")]
        expires_in: Option<Expiry>,
        /// Revoke all its other secrets at once
        #[arg(long)]
        revoke_others: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Revoke a secret of an application; tokens issued before count for up to an hour
    Revoke {
        /// Its client id or name
        app: String,
        /// The secret's id, as 'kbgap app show' tells it
        secret: String,
    },
    /// Add and remove the certificates whose keys an application signs its assertions by
    #[command(subcommand)]
    Certificate(CertificateCommand),
    /// Say where an application may have browsers sent after a sign-in
    #[command(subcommand)]
    Redirect(RedirectCommand),
    /// Say that an application has no secret when it signs people in
    #[command(after_help = "\
A public application signs people in without a secret: a command line, or what runs in a browser. It must use PKCE, or the
device code flow.

Examples:
  kbgap app public 'command line'
  kbgap app public 'command line' --no")]
    Public {
        /// Its client id or name
        app: String,
        /// It can keep a secret, and must show it
        #[arg(long)]
        no: bool,
    },
    /// Remove an application with its secrets and certificates
    Remove {
        /// Its client id or name
        app: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum RedirectCommand {
    /// Let an application have browsers sent to a URI after a sign-in
    #[command(after_help = "\
A URI is https, http on localhost or a loopback address (there any port counts), or has a scheme of the application's own.
It must be what the application sends, to the letter.

Examples:
  kbgap app redirect add portal https://portal.example/callback
  kbgap app redirect add 'command line' http://localhost")]
    Add {
        /// The application's client id or name
        app: String,
        /// The URI
        uri: RedirectUri,
    },
    /// Let it no more
    Remove {
        /// The application's client id or name
        app: String,
        /// The URI
        uri: String,
    },
    /// List the URIs of an application
    List {
        /// The application's client id or name
        app: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum CertificateCommand {
    /// Add a certificate; the private key stays with the application
    #[command(after_help = "\
A self-signed certificate does: who issued it does not matter. Its key must be RSA, of 2048 bits or more.

Example:
  openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj /CN=dashboards -keyout key.pem -out certificate.pem
  kbgap app certificate add dashboards certificate.pem")]
    Add {
        /// The application's client id or name
        app: String,
        /// The certificate, as PEM or DER
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove a certificate
    Remove {
        /// The application's client id or name
        app: String,
        /// Its SHA-256 thumbprint, as 'kbgap app show' tells it; its beginning is enough
        thumbprint: String,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kbgap app create dashboards --permission Software.Read.All --permission Machine.Read.All
  kbgap app create collector --permission Inventory.Write.All --expires-in 1y
  kbgap app create siem --certificate siem.pem")]
pub(crate) struct AppCreateArgs {
    /// Its name
    pub(crate) name: String,
    /// What it may do; may be repeated
    #[arg(
        long = "permission",
        value_name = "NAME",
        default_value = "Software.Read.All"
    )]
    pub(crate) permissions: Vec<Permission>,
    /// How long its secret counts: 90d, 6 months, 1y [default: until it is revoked]
    #[arg(long, value_name = "SPAN", conflicts_with = "certificate")]
    pub(crate) expires_in: Option<Expiry>,
    /// A certificate by which it proves itself, instead of a secret
    #[arg(long, value_name = "FILE")]
    pub(crate) certificate: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Every token issued or refused, every change by the API and every command of administration: when, who (an application, a
person, or a user of this machine at the command line), what, to what, from which address, and what came of it. Secrets
and tokens are never in it. Records are kept for --keep-audit days.

Examples:
  kbgap audit --since 24h --outcome refused
  kbgap audit --what application --json | jq .
  kbgap audit --who 72f065e1-7b48-4565-874c-9c7ebe9b2e50 --follow")]
pub(crate) struct AuditArgs {
    /// From this moment on: 2026-03-10, 2026-03-10T08:00:00Z, or how long ago: 2h, 7d
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<Moment>,
    /// Before this moment
    #[arg(long, value_name = "TIME", conflicts_with = "follow")]
    pub(crate) until: Option<Moment>,
    /// By this client id, person or user
    #[arg(long, value_name = "WHO")]
    pub(crate) who: Option<String>,
    /// This action, or all that begin with this word: token, application.secret
    #[arg(long, value_name = "ACTION")]
    pub(crate) what: Option<String>,
    /// What came of it
    #[arg(long, value_parser = outcome())]
    pub(crate) outcome: Option<kbgap_store::AuditOutcome>,
    /// Of all tenants, not only of the one worked on
    #[arg(long)]
    pub(crate) all_tenants: bool,
    /// The latest so many
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub(crate) limit: u32,
    /// Print JSON, a record a line
    #[arg(long)]
    pub(crate) json: bool,
    /// Go on as records come
    #[arg(long)]
    pub(crate) follow: bool,
}

/// Reads an outcome by its name.
fn outcome() -> impl clap::builder::TypedValueParser<Value = kbgap_store::AuditOutcome> {
    use clap::builder::TypedValueParser;
    use kbgap_store::AuditOutcome;
    let names = AuditOutcome::ALL.map(AuditOutcome::name);
    clap::builder::PossibleValuesParser::new(names)
        .try_map(|name| AuditOutcome::of_name(&name).ok_or("not an outcome"))
}
