//! Settings: flags before environment before the configuration file before defaults.

mod administration;
mod edge;
mod tokens;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::ArgMatches;
use clap::parser::ValueSource;
use kbgap_catalog::Day;
use kbgap_server::IssuerSettings;
use kbgap_store::Location;
use serde::Deserialize;

use crate::cli::SettingArgs;
use edge::EdgeSettings;
use tokens::{SigningKeys, TokenSettings};

/// The settings in force.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The folder of all state.
    pub(crate) data_dir: PathBuf,
    /// The database.
    pub(crate) database: Location,
    /// The address served on.
    pub(crate) listen: String,
    /// The MSRC API's base URL.
    pub(crate) msrc_url: String,
    /// The day assessed for.
    pub(crate) as_of: Option<Day>,
    /// The user's rules for names of software.
    pub(crate) software_rules: Option<PathBuf>,
    /// Where exports are written.
    pub(crate) exports: String,
    /// The tenant worked on, by its id or name.
    pub(crate) tenant: String,
    /// How long the audit trail is kept, in days.
    pub(crate) keep_audit: u32,
    /// Whose tokens are accepted, and how our own are signed.
    pub(crate) tokens: TokenSettings,
    /// How clients reach the service.
    pub(crate) edge: EdgeSettings,
    /// Name, value and source of each, to be printed.
    origins: Vec<(&'static str, Option<toml::Value>, Origin)>,
}

/// Where a setting comes from.
#[derive(Debug, Clone)]
enum Origin {
    Flag,
    Environment(&'static str),
    File(PathBuf),
    Default,
}

/// The configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct ConfigFile {
    data_dir: Option<PathBuf>,
    database: Option<String>,
    listen: Option<String>,
    public_url: Option<OneOrMore>,
    msrc_url: Option<String>,
    as_of: Option<String>,
    software_rules: Option<PathBuf>,
    exports: Option<String>,
    tenant: Option<String>,
    keep_audit: Option<u32>,
    tls_cert: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    tls_self_signed: Option<bool>,
    plain_http: Option<bool>,
    trusted_proxies: Option<OneOrMore>,
    max_connections: Option<u32>,
    max_connections_per_address: Option<u32>,
    header_timeout: Option<u32>,
    body_timeout: Option<u32>,
    request_timeout: Option<u32>,
    limits: Option<toml::Value>,
    /// In the file only, as are the issuers: there is room for them.
    signing_keys: SigningKeys,
    issuers: Vec<IssuerSettings>,
}

/// A text, or a list of texts.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl OneOrMore {
    fn list(&self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text.clone()],
            Self::More(texts) => texts.clone(),
        }
    }
}

/// The folder of exports in the data directory, unless another place is named.
const EXPORTS: &str = "exports";
const CONFIG_FILE: &str = "kbgap.toml";
/// The database's file in the data directory, unless another database is named.
pub(crate) const STORE: &str = "kbgap.db";

impl Settings {
    pub(crate) fn of(args: &SettingArgs, matches: &ArgMatches) -> anyhow::Result<Self> {
        let default_dir = default_data_dir();
        let (file_path, file) = if let Some(path) = &args.config {
            (path.clone(), read(path)?)
        } else {
            let folder = args.data_dir.clone().or_else(|| default_dir.clone());
            let path = folder.unwrap_or_default().join(CONFIG_FILE);
            let file = if path.is_file() {
                read(&path)?
            } else {
                ConfigFile::default()
            };
            (path, file)
        };
        let mut layers = Layers {
            matches,
            file: file_path,
            origins: Vec::new(),
        };
        let edge = EdgeSettings::of(&mut layers, &args.edge, &file)?;
        let (tenant, keep_audit) = administration::of(&mut layers, &args.administration, &file);
        let data_dir = layers
            .pick(
                ("data-dir", "KBGAP_DATA_DIR"),
                args.data_dir.clone(),
                file.data_dir,
                default_dir,
                |dir| dir.display().to_string(),
            )
            .context("there is no home directory to keep the data in: set --data-dir")?;
        let database = layers.database(args, file.database.as_deref(), &data_dir)?;
        let listen = layers
            .pick(
                ("listen", "KBGAP_LISTEN"),
                args.listen.clone(),
                file.listen,
                Some("127.0.0.1:8080".to_owned()),
                String::clone,
            )
            .unwrap_or_default();
        let msrc_url = layers
            .pick(
                ("msrc-url", "KBGAP_MSRC_URL"),
                args.msrc_url.clone(),
                file.msrc_url,
                Some(kbgap_feed::msrc::MICROSOFT.to_owned()),
                String::clone,
            )
            .unwrap_or_default();
        let file_day = day(file.as_of.as_deref(), &layers.file)?;
        let as_of = layers.pick(
            ("as-of", "KBGAP_AS_OF"),
            args.as_of,
            file_day,
            None,
            Day::to_string,
        );
        let software_rules = layers.pick(
            ("software-rules", "KBGAP_SOFTWARE_RULES"),
            args.software_rules.clone(),
            file.software_rules,
            None,
            |file| file.display().to_string(),
        );
        let exports = layers
            .pick(
                ("exports", "KBGAP_EXPORTS"),
                args.exports.clone(),
                file.exports,
                Some(data_dir.join(EXPORTS).display().to_string()),
                String::clone,
            )
            .unwrap_or_default();
        let tokens = TokenSettings::of(file.signing_keys, file.issuers, edge.first_public_url())
            .with_context(|| layers.file.display().to_string())?;
        Ok(Self {
            tokens,
            exports,
            tenant,
            keep_audit,
            data_dir,
            database,
            listen,
            msrc_url,
            as_of,
            software_rules,
            edge,
            origins: layers.origins,
        })
    }

    /// Prints the settings as a configuration file would state them.
    pub(crate) fn print(&self) -> anyhow::Result<ExitCode> {
        let mut out = io::stdout().lock();
        for (name, value, origin) in &self.origins {
            let origin = match origin {
                Origin::Flag => "flag".to_owned(),
                Origin::Environment(variable) => format!("environment, {variable}"),
                Origin::File(path) => path.display().to_string(),
                Origin::Default => "default".to_owned(),
            };
            match value {
                Some(value) => writeln!(out, "{name} = {value}  # {origin}")?,
                None => writeln!(out, "# {name} is not set")?,
            }
        }
        write!(out, "\n{}", toml::to_string(&self.tokens)?)?;
        Ok(ExitCode::SUCCESS)
    }
}

struct Layers<'a> {
    matches: &'a ArgMatches,
    file: PathBuf,
    origins: Vec<(&'static str, Option<toml::Value>, Origin)>,
}

impl Layers<'_> {
    /// A file.
    fn path(
        &mut self,
        name: (&'static str, &'static str),
        given: Option<&PathBuf>,
        in_file: Option<&PathBuf>,
    ) -> Option<PathBuf> {
        self.pick(name, given.cloned(), in_file.cloned(), None, |path| {
            path.display().to_string()
        })
    }

    /// Texts; none unless they are said.
    fn texts(
        &mut self,
        name: (&'static str, &'static str),
        given: Option<&Vec<String>>,
        in_file: Option<&OneOrMore>,
    ) -> Vec<String> {
        let in_file = in_file.map(OneOrMore::list);
        let texts = self.pick(
            name,
            given.cloned(),
            in_file,
            None,
            |texts| match &**texts {
                [one] => toml::Value::from(one.clone()),
                texts => toml::Value::from(texts.to_vec()),
            },
        );
        texts.unwrap_or_default()
    }

    /// A number, not zero.
    fn number(
        &mut self,
        name: (&'static str, &'static str),
        given: Option<u32>,
        in_file: Option<u32>,
        default: u32,
    ) -> anyhow::Result<u32> {
        let number = self.pick(name, given, in_file, Some(default), u32::clone);
        number
            .filter(|number| *number > 0)
            .with_context(|| format!("{}: 0 would refuse everybody: set it to 1 or more", name.0))
    }

    /// What is on or off; off unless it is said.
    fn switch(
        &mut self,
        name: (&'static str, &'static str),
        given: Option<bool>,
        in_file: Option<bool>,
    ) -> bool {
        self.pick(name, given, in_file, Some(false), bool::clone)
            .unwrap_or_default()
    }

    fn pick<T, V: Into<toml::Value>>(
        &mut self,
        (name, variable): (&'static str, &'static str),
        given: Option<T>,
        in_file: Option<T>,
        default: Option<T>,
        show: impl Fn(&T) -> V,
    ) -> Option<T> {
        let (value, origin) = match (given, in_file) {
            (Some(given), _) if self.is_flag(name) => (Some(given), Origin::Flag),
            (Some(given), _) => (Some(given), Origin::Environment(variable)),
            (None, Some(in_file)) => (Some(in_file), Origin::File(self.file.clone())),
            (None, None) => (default, Origin::Default),
        };
        let shown = value.as_ref().map(|value| show(value).into());
        self.origins.push((name, shown, origin));
        value
    }

    fn database(
        &mut self,
        args: &SettingArgs,
        in_file: Option<&str>,
        data_dir: &Path,
    ) -> anyhow::Result<Location> {
        // The texts are not repeated where they are wrong: they may hold a password.
        let given = args.database.as_deref().map(str::parse).transpose();
        let given = given.context("--database or KBGAP_DATABASE")?;
        let in_file = in_file.map(str::parse).transpose();
        let in_file = in_file.with_context(|| format!("{}: database", self.file.display()))?;
        self.pick(
            ("database", "KBGAP_DATABASE"),
            given,
            in_file,
            Some(Location::Sqlite(data_dir.join(STORE))),
            Location::to_string,
        )
        .context("the database is not named: set --database")
    }

    /// Whether a value was given as a flag, at any level of the command.
    fn is_flag(&self, name: &str) -> bool {
        let id = name.replace('-', "_");
        let mut level = Some(self.matches);
        while let Some(matches) = level {
            if matches.try_contains_id(&id).unwrap_or(false)
                && matches.value_source(&id) == Some(ValueSource::CommandLine)
            {
                return true;
            }
            level = matches.subcommand().map(|(_, matches)| matches);
        }
        false
    }
}

fn day(text: Option<&str>, file: &Path) -> anyhow::Result<Option<Day>> {
    let day = text.map(str::parse::<Day>).transpose();
    day.with_context(|| format!("{}: as-of is not a date (YYYY-MM-DD)", file.display()))
}

fn read(path: &Path) -> anyhow::Result<ConfigFile> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the configuration file {}", path.display()))?;
    toml::from_str(&text).map_err(|error| {
        // The line itself is not shown: it may hold the database's password.
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = before.map_or(1, |before| before.matches('\n').count() + 1);
        anyhow::anyhow!(
            "the configuration file {} is wrong: line {line}: {}",
            path.display(),
            error.message()
        )
    })
}

fn default_data_dir() -> Option<PathBuf> {
    let dirs = directories::ProjectDirs::from("", "", "kbgap")?;
    Some(dirs.data_local_dir().to_owned())
}
