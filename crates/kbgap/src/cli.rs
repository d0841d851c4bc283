//! The command line.

mod administration;
mod edge;

use std::path::PathBuf;

pub(crate) use administration::{
    AdministrationArgs, AppCommand, AppCreateArgs, AuditArgs, CertificateCommand, Expiry,
    RedirectCommand, TenantCommand,
};
use clap::builder::TypedValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use kbgap_assessment::SlipKind;
use kbgap_catalog::Day;

pub(crate) use edge::EdgeArgs;

use crate::accuracy::Percent;
use crate::people;

/// Exit code: updates are missing (`scan`), or answers are wrong or missed (`accuracy`).
pub(crate) const MISSING: u8 = 1;
/// Exit code: something failed; standard error says what.
pub(crate) const FAILED: u8 = 2;
/// Exit code: some machines could not be assessed (`scan`).
pub(crate) const NOT_ASSESSED: u8 = 3;

/// Which Microsoft security updates are my machines missing?
///
/// Import Microsoft's documents once ('kbgap catalog import' from files, or 'kbgap catalog sync' from the
/// MSRC API), then scan what machines report ('kbgap scan'), or serve the Defender API's own answers
/// ('kbgap serve'). 'kbgap demo' shows it all without any preparation.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) settings: SettingArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Settings; each also comes from the environment, or from the configuration file.
#[derive(Debug, Args)]
#[command(next_help_heading = "Settings (also by environment or configuration file)")]
pub(crate) struct SettingArgs {
    /// The one folder that holds all state: compiled catalogue, and the database unless --database names another
    #[arg(long, env = "KBGAP_DATA_DIR", value_name = "DIR", global = true)]
    pub(crate) data_dir: Option<PathBuf>,
    /// The database: postgres://USER:PASSWORD@HOST:PORT/DATABASE, sqlite:PATH or a path [default: kbgap.db in the data
    /// directory]; best given by the environment, where others do not see the password
    #[arg(
        long,
        env = "KBGAP_DATABASE",
        value_name = "URL",
        global = true,
        hide_env_values = true
    )]
    pub(crate) database: Option<String>,
    /// The configuration file [default: kbgap.toml in the data directory, where there is one]
    #[arg(long, env = "KBGAP_CONFIG", value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,
    /// Assess as of this day (YYYY-MM-DD): only what was published by then counts
    #[arg(long, env = "KBGAP_AS_OF", value_name = "DATE", global = true)]
    pub(crate) as_of: Option<Day>,
    /// The address to serve on
    #[arg(long, env = "KBGAP_LISTEN", value_name = "HOST:PORT", global = true)]
    pub(crate) listen: Option<String>,
    /// The base URL of the MSRC API, or of a mirror
    #[arg(long, env = "KBGAP_MSRC_URL", value_name = "URL", global = true)]
    pub(crate) msrc_url: Option<String>,
    /// Rules of your own by which installed software is named, before the built-in ones
    #[arg(long, env = "KBGAP_SOFTWARE_RULES", value_name = "FILE", global = true)]
    pub(crate) software_rules: Option<PathBuf>,
    /// Where exports are written: a folder, or the URL of a bucket (s3://, az://, gs://) where this kbgap was built with
    /// it [default: the folder exports in the data directory]
    #[arg(long, env = "KBGAP_EXPORTS", value_name = "URL", global = true)]
    pub(crate) exports: Option<String>,
    #[command(flatten)]
    pub(crate) administration: AdministrationArgs,
    #[command(flatten)]
    pub(crate) edge: EdgeArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Tell which updates machines are missing, from the files they report
    Scan(ScanArgs),
    /// Measure the answers against what the Windows Update Agent itself offered on real machines
    Accuracy(AccuracyArgs),
    /// Import, fetch and look up Microsoft's documents
    #[command(subcommand)]
    Catalog(CatalogCommand),
    /// Serve the API: missing updates by software and by machine, tokens, machine reports
    Serve(ServeArgs),
    /// Import machine reports into the store
    #[command(subcommand)]
    Inventory(InventoryCommand),
    /// Create and list tenants, whose machines and applications are apart
    #[command(subcommand)]
    Tenant(TenantCommand),
    /// Administer the applications that may ask: permissions, secrets, certificates
    #[command(subcommand)]
    App(AppCommand),
    /// Create, list and change the people who sign in
    #[command(subcommand)]
    User(people::UserCommand),
    /// Create, list and change groups of people: what they may do, and which machines they see
    #[command(subcommand)]
    Group(people::GroupCommand),
    /// Tell who did what: tokens, refusals, changes, administration
    Audit(AuditArgs),
    /// Look at the foreign issuers whose tokens are accepted
    #[command(subcommand)]
    Issuers(IssuersCommand),
    /// List and exchange the keys that sign tokens
    #[command(subcommand)]
    Key(KeyCommand),
    /// Create, list and remove the secrets that osquery's hosts enroll with
    #[command(subcommand)]
    EnrollSecret(EnrollSecretCommand),
    /// Get an access token from a running server, for 'curl' and the like
    Token(TokenArgs),
    /// Show it all: a server with demonstration data and 1,000 synthetic machines
    Demo(DemoArgs),
    /// Copy the database into a file, also while the service runs
    Backup(BackupArgs),
    /// Put a backup in the place of the database
    Restore(RestoreArgs),
    /// Look at the database, and bring its schema up to date
    #[command(subcommand)]
    Database(DatabaseCommand),
    /// Print the settings in force, and where each comes from
    Config,
}

/// What makes a scan end with exit code 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// Any missing update
    Missing,
    /// A missing update that closes a critical vulnerability
    Critical,
    /// A missing update that closes a vulnerability known to be exploited
    Exploited,
    /// Nothing
    Never,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Input: 'systeminfo' in any language; 'wmic qfe' or 'Get-HotFix' as text, CSV or JSON; kbgap's own report as JSON
('kbgap inventory schema'). Files of one machine merge: pc1_systeminfo.txt with pc1_qfe.txt.

Exit codes: 0 nothing missing, 1 updates are missing (see --fail-on), 2 an input or the catalogue could not be read,
3 a machine could not be assessed.

Examples:
  systeminfo | kbgap scan
  kbgap scan reports/*.txt --json > missing.json
  kbgap scan pc1_systeminfo.txt pc1_qfe.txt --explain KB5034122
  kbgap scan pc1.json --as-of 2024-01-31")]
pub(crate) struct ScanArgs {
    /// The reports; '-' or nothing for standard input
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// The compiled catalogue [default: the one in the data directory]
    #[arg(long, value_name = "FILE")]
    pub(crate) catalog: Option<PathBuf>,
    /// Show why this update is missing, present or neither on each machine
    #[arg(long, value_name = "KB")]
    pub(crate) explain: Option<kbgap_catalog::Kb>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// What makes the exit code 1
    #[arg(long, value_enum, default_value = "missing")]
    pub(crate) fail_on: FailOn,
}

#[derive(Debug, Args)]
#[command(after_help = "\
A folder holds, for each machine, the files 'kbgap scan' reads and the truth beside them, all of
one stem: pc1_systeminfo.txt, pc1_qfe.txt and pc1_updates.txt. The truth has what the Windows
Update Agent offered that day, one update a line ('KB4100347: 2018-10 Update for Windows 10 …
(KB4100347)'); it is empty where nothing was offered. Import the documents as they were that day,
or give the day by --as-of.

Only offered updates that the catalogue describes count. The others are listed: Microsoft's
documents do not cover definitions, drivers and optional updates.

Exit codes: 0 nothing is wrong or missed (see --fail-under-precision, --fail-under-recall),
1 something is, 2 an input or the catalogue could not be read.

Examples:
  kbgap accuracy machines/
  kbgap accuracy machines/ --as-of 2019-03-05 --json > accuracy.json
  kbgap accuracy lab/ field/ --markdown --fail-under-precision 95 --fail-under-recall 90")]
pub(crate) struct AccuracyArgs {
    /// Folders of reports with the truth beside them
    #[arg(value_name = "FOLDER", required = true)]
    pub(crate) folders: Vec<PathBuf>,
    /// The compiled catalogue [default: the one in the data directory]
    #[arg(long, value_name = "FILE")]
    pub(crate) catalog: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Print Markdown tables
    #[arg(long, conflicts_with = "json")]
    pub(crate) markdown: bool,
    /// The lowest precision over all machines, in percent, that ends with exit code 0
    #[arg(long, value_name = "PERCENT", default_value = "100")]
    pub(crate) fail_under_precision: Percent,
    /// The lowest recall over all machines, in percent, that ends with exit code 0
    #[arg(long, value_name = "PERCENT", default_value = "100")]
    pub(crate) fail_under_recall: Percent,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CatalogCommand {
    /// Import documents and release histories from files, folders and archives (.xml, .json, .csv, each also as
    /// .zst; .zip, .tar, .tar.zst)
    Import(ImportArgs),
    /// Fetch the documents that are new or changed from the MSRC API
    Sync(SyncArgs),
    /// Show what is known of an update, a vulnerability or a product
    #[command(after_help = "\
Examples:
  kbgap catalog show KB4540673
  kbgap catalog show CVE-2020-0796
  kbgap catalog show 'Windows 10 Version 1909 for x64-based Systems'
  kbgap catalog show microsoft-_-edge")]
    Show(ShowArgs),
    /// Report what in the documents contradicts itself, and what is taken instead
    #[command(after_help = "\
Slips are found while servicing lines are worked out: transposed digits, builds of another release, updates said to
replace themselves, later ones or other products', forks. They are told, and do not bend the line.

Examples:
  kbgap catalog check
  kbgap catalog check --kind revisionsDisagree
  kbgap catalog check --product 'Windows Server 2025' --json")]
    Check(CheckArgs),
    /// Compile the documents in the store anew
    Compile,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// Files, folders and archives
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// Print the summary as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SyncArgs {
    /// Print the summary as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Only Windows products whose name has this in it
    #[arg(long, value_name = "NAME")]
    pub(crate) product: Option<String>,
    /// Only slips of this kind, all of them
    #[arg(long, value_parser = slip_kind())]
    pub(crate) kind: Option<SlipKind>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// The compiled catalogue [default: the one in the data directory]
    #[arg(long, value_name = "FILE")]
    pub(crate) catalog: Option<PathBuf>,
}

/// Reads a kind of slip by its name.
fn slip_kind() -> impl clap::builder::TypedValueParser<Value = SlipKind> {
    let names = SlipKind::ALL.map(SlipKind::name);
    clap::builder::PossibleValuesParser::new(names)
        .try_map(|name| SlipKind::of_name(&name).ok_or("not a kind of slip"))
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// A KB number, a CVE or advisory id, a product's name or id, or a software id
    pub(crate) what: String,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// The compiled catalogue [default: the one in the data directory]
    #[arg(long, value_name = "FILE")]
    pub(crate) catalog: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Log as JSON
    #[arg(long)]
    pub(crate) log_json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum InventoryCommand {
    /// Import machine reports from files; a running server takes them over within a second
    Import(InventoryImportArgs),
    /// Import the machines and their software from exports of Microsoft Defender
    ImportDefender(InventoryDefenderArgs),
    /// Show how the software that reports list is understood: its id, its version, and what decided
    Software(InventorySoftwareArgs),
    /// Print the JSON Schema of the machine report
    Schema,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Files of JSON lines (.ndjson, .jsonl, also packed: .gz) may be of any size: they are stored as they are read. Files of
any other form are read whole, and what several say of one machine is put together first.

Exit codes: 0 all was taken, 2 something was not; it is named.

Examples:
  kbgap inventory import reports/*.txt
  kbgap inventory import fleet.ndjson.gz --json")]
pub(crate) struct InventoryImportArgs {
    /// The reports; '-' for standard input
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Print the summary as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Files: the answers of GET /api/machines and GET /api/machines/SoftwareInventoryByMachine as JSON, page by page or
several in a file; and the files that SoftwareInventoryExport links to, JSON lines, packed by gzip or not. They are
joined by the device's id, in any order. An export does not tell installed updates: what needs them is unknown.

Exit codes: 0 all was read and taken, 2 something was left out; it is named.

Example:
  kbgap inventory import-defender machines-*.json software/part-*.json.gz")]
pub(crate) struct InventoryDefenderArgs {
    /// The files; '-' for standard input
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Print the summary as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kbgap inventory software reports/*.json
  kbgap inventory software pc1.json --software-rules our-software.toml --json")]
pub(crate) struct InventorySoftwareArgs {
    /// The reports; '-' or nothing for standard input
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum IssuersCommand {
    /// Fetch what the configured issuers publish, and show what would be accepted
    #[command(after_help = "\
Issuers are configured in kbgap.toml, each as an [[issuers]]: see docs/identity.md.

Exit codes: 0 tokens of all would be accepted, 2 those of some would not; it is said why.")]
    Check {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// List the keys: id, state, from when each signs
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Create a key that will sign in the place of the one that does
    #[command(after_help = "\
Keys are exchanged by themselves, every 90 days unless configured otherwise. A new key is published a day before it signs,
for those who keep our keys for a while; the one before verifies until its last token has ended. With --now the new key
signs within seconds; where the one before has leaked, remove it then: its tokens are refused at once.

Example:
  kbgap key rotate --now && sleep 10 && kbgap key remove OLD")]
    Rotate {
        /// Let it sign within seconds, as soon as every server of the database knows it
        #[arg(long)]
        now: bool,
    },
    /// Remove a key that does not sign: tokens and links to exports that it signed are refused from then on
    Remove {
        /// Its id, as listed
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum EnrollSecretCommand {
    /// Create a secret; it is printed once
    #[command(after_help = "\
Example:
  kbgap enroll-secret create laptops > enroll_secret")]
    Create {
        /// Its name
        name: String,
    },
    /// List the secrets: id, name, when each was created
    List,
    /// Remove a secret; the hosts that enrolled with it are refused from then on
    Remove {
        /// Its id, as listed
        id: String,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  export KBGAP_CLIENT_ID=… KBGAP_CLIENT_SECRET=…
  curl -H \"Authorization: Bearer $(kbgap token)\" http://127.0.0.1:8080/api/Software/microsoft-_-edge/getmissingkbs")]
pub(crate) struct TokenArgs {
    /// The server [default: the public URL, else the address served on]
    #[arg(long, env = "KBGAP_URL", value_name = "URL")]
    pub(crate) url: Option<String>,
    /// The application's id
    #[arg(long, env = "KBGAP_CLIENT_ID")]
    pub(crate) client_id: String,
    /// The application's secret; best given by the environment, where others do not see it
    #[arg(long, env = "KBGAP_CLIENT_SECRET", hide_env_values = true)]
    pub(crate) client_secret: String,
}

#[derive(Debug, Args)]
#[command(after_help = "\
The backup is the database as it is at one moment; reading and writing go on meanwhile. It is written beside FILE first
and takes its name when it is on disk, whole: an older backup of this name stays until then. Only its owner may read it:
it holds signing keys. The compiled catalogue is not part of it: 'kbgap catalog compile' makes it again.

A PostgreSQL database is backed up by PostgreSQL's own means: pg_dump, or pg_basebackup.

Examples:
  kbgap backup /backup/kbgap.db
  kbgap backup \"/backup/kbgap-$(date +%F).db\" && find /backup -name 'kbgap-*.db' -mtime +30 -delete")]
pub(crate) struct BackupArgs {
    /// The file to write; an older backup there is replaced
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = "\
The backup is read through and checked before anything is replaced; a damaged one, one of something else and one of a
newer kbgap are refused. Stop the service first: a database in use is not replaced. Reports that came after the backup
are gone until the machines report again; servers and clients that follow the changes read everything anew.

Example:
  kbgap restore /backup/kbgap-2026-03-10.db --force && kbgap catalog compile")]
pub(crate) struct RestoreArgs {
    /// The backup
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Replace the database that is there
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DatabaseCommand {
    /// Bring the database's schema up to date, as every command that opens it does by itself
    #[command(after_help = "\
Steps only go forward; make a backup first. Every command that opens the database takes them by itself; this one is for
those who want to take them on their own, or to see them before: --dry-run prints the statements and changes nothing.

Examples:
  kbgap database migrate --dry-run
  kbgap database migrate --dry-run --json | jq -r '.[].sql'
  KBGAP_DATABASE=postgres://kbgap@db.example/kbgap kbgap database migrate")]
    Migrate(MigrateArgs),
    /// Tell what the database is: engine, schema version, size, machines; changes nothing
    Status(StatusArgs),
}

#[derive(Debug, Args)]
pub(crate) struct MigrateArgs {
    /// Print what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kbgap demo
  kbgap demo --machines 100000
  kbgap demo --machines 1000000 --write fleet.ndjson.gz
  kbgap demo --machines 100 --seed 7 --write - | kbgap inventory import -")]
pub(crate) struct DemoArgs {
    /// The address to serve on
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "HOST:PORT")]
    pub(crate) at: String,
    /// Answer once, print the answer, and end: the demonstration as a test
    #[arg(long)]
    pub(crate) once: bool,
    /// A generated fleet of so many machines, with updates and software, instead of the 1,000
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) machines: Option<u32>,
    /// Which fleet is generated: the same number, the same machines
    #[arg(long, value_name = "S", default_value_t = 1, requires = "machines")]
    pub(crate) seed: u64,
    /// Write the generated machines' reports to a file, a line each, instead of serving them; compressed where its name
    /// ends in .gz, to standard output for '-'
    #[arg(long, value_name = "FILE", requires = "machines", conflicts_with_all = ["at", "once"])]
    pub(crate) write: Option<PathBuf>,
}
