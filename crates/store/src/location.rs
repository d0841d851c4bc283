//! Where the database is.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use sqlx::postgres::PgConnectOptions;

/// Where the database is. Neither `Debug` nor `Display` shows a password.
///
/// Written `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, `sqlite:PATH`, or as a path.
#[derive(Debug, Clone)]
pub enum Location {
    /// A file of SQLite.
    Sqlite(PathBuf),
    /// A database on a PostgreSQL server.
    Postgres(PostgresUrl),
}

/// The URL of a database on a PostgreSQL server, with what else is needed to connect: the parameters of libpq's URLs
/// (`sslmode`, `sslrootcert`, …), and where those leave it open `PGPASSWORD` or the password file.
#[derive(Clone)]
pub struct PostgresUrl {
    options: Arc<PgConnectOptions>,
}

impl PostgresUrl {
    /// What to connect with.
    pub(crate) fn options(&self) -> PgConnectOptions {
        self.options.as_ref().clone()
    }

    /// The database's name: the user's where none is given, as PostgreSQL does it.
    pub fn database(&self) -> &str {
        let options = &self.options;
        options
            .get_database()
            .unwrap_or_else(|| options.get_username())
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = &self.options;
        write!(f, "postgres://{}@", options.get_username())?;
        match options.get_socket() {
            Some(folder) => write!(f, "{}", folder.display())?,
            None => write!(f, "{}", options.get_host())?,
        }
        write!(f, ":{}/{}", options.get_port(), self.database())
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresUrl({self})")
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "{}", path.display()),
            Self::Postgres(url) => write!(f, "{url}"),
        }
    }
}

/// The parameters that are understood; with others the driver would go on, and log their values.
const PARAMETERS: [&str; 13] = [
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// Why a text tells no place of a database. It does not repeat the text, which may hold a password.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}; write postgres://USER:PASSWORD@HOST:PORT/DATABASE, sqlite:PATH or a path")]
pub struct LocationError(String);

impl FromStr for Location {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |why: &str| Err(LocationError(why.to_owned()));
        if let Some(rest) = text
            .strip_prefix("postgres://")
            .or_else(|| text.strip_prefix("postgresql://"))
        {
            // What looks like the end of the host inside a password would make the rest of the password a part of
            // the database's name, and that is shown.
            let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
            if rest[authority_end..].contains('@') {
                return wrong(
                    "'/', '?', '#' and '@' must be percent-encoded in a password (%2F, %3F, %23, %40)",
                );
            }
            let (_, parameters) = rest.split_once('?').unwrap_or_default();
            let mut names = parameters
                .split('&')
                .filter_map(|parameter| parameter.split('=').next());
            if let Some(name) = names.find(|name| !name.is_empty() && !PARAMETERS.contains(name)) {
                return wrong(&format!("the URL's parameter '{name}' is not known"));
            }
            let options = text.parse().map_err(|error| {
                LocationError(match error {
                    sqlx::Error::Configuration(why) => {
                        format!("the URL of the database cannot be read: {why}")
                    }
                    _ => "the URL of the database cannot be read".to_owned(),
                })
            })?;
            return Ok(Self::Postgres(PostgresUrl {
                options: Arc::new(options),
            }));
        }
        let path = text
            .strip_prefix("sqlite://")
            .or_else(|| text.strip_prefix("sqlite:"))
            .unwrap_or(text);
        if path.is_empty() {
            return wrong("the database is not named");
        }
        if path.contains("://") {
            return wrong("the database is of a kind that kbgap does not know");
        }
        Ok(Self::Sqlite(PathBuf::from(path)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, String> {
        let location = text
            .parse::<Location>()
            .map_err(|error| error.to_string())?;
        Ok(format!("{location} {location:?}"))
    }

    #[test]
    fn a_database_is_named_in_three_ways() {
        for text in [
            "sqlite:data/kbgap.db",
            "sqlite://data/kbgap.db",
            "data/kbgap.db",
        ] {
            let Location::Sqlite(path) = text.parse().unwrap() else {
                panic!("{text}");
            };
            assert_eq!(path, PathBuf::from("data/kbgap.db"));
        }
        let shown =
            read("postgresql://kbgap:s3cr%40t@db.example:5433/fleet?sslmode=disable").unwrap();
        assert_eq!(
            shown,
            "postgres://kbgap@db.example:5433/fleet Postgres(PostgresUrl(postgres://kbgap@db.example:5433/fleet))"
        );
        assert!(read("").is_err());
        assert!(
            read("mysql://u:p@h/d")
                .unwrap_err()
                .contains("does not know")
        );
    }

    #[test]
    fn no_message_shows_a_password() {
        for text in [
            "postgres://kbgap:s3cr3t@db.example:99999/fleet",
            "postgres://kbgap:12/s3cr3t@db.example/fleet",
            "postgres://kbgap:12#s3cr3t@db.example/fleet",
            "postgres://kbgap:12?s3cr3t@db.example/fleet",
            "postgres://kbgap:s3cr3t@db.example/fleet?sslmode=perhaps",
            "mysql://kbgap:s3cr3t@db.example/fleet",
        ] {
            let error = read(text).unwrap_err();
            assert!(!error.contains("s3cr3t"), "{error}");
        }
        let unknown = read("postgres://db.example/fleet?user=kbgap&pasword=s3cr3t").unwrap_err();
        assert!(
            unknown.contains("'pasword' is not known") && !unknown.contains("s3cr3t"),
            "{unknown}"
        );
        let shown = read("postgres://db.example/fleet?user=kbgap&password=s3cr3t").unwrap();
        assert!(!shown.contains("s3cr3t"), "{shown}");
    }
}
