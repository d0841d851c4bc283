//! The real binary, and Microsoft's real documents, for tests.
#![allow(dead_code, reason = "each test file uses a part")]

pub(crate) mod browser;
pub(crate) mod people;
pub(crate) mod signer;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use kbgap_synthetic::{Era, SyntheticFleet};
use reqwest::{Response, StatusCode};
use serde_json::Value;

/// An installation of its own: a data directory, a database and the binary.
pub(crate) struct Installation {
    folder: tempfile::TempDir,
    /// The database, where it is not in the data directory.
    database: Option<String>,
}

/// Which database an installation is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Database {
    Sqlite,
    Postgres,
}

/// The PostgreSQL server of this test process; it ends with it.
static POSTGRES: LazyLock<Mutex<kbgap_postgres::Server>> =
    LazyLock::new(|| Mutex::new(kbgap_postgres::Server::start().unwrap()));

impl Installation {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            database: None,
        }
    }

    /// One with a database of its own at a URL.
    pub(crate) fn at(database: &str) -> Self {
        Self {
            database: Some(database.to_owned()),
            ..Self::new()
        }
    }

    /// One with a new, empty database.
    pub(crate) fn on(database: Database) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        match database {
            Database::Sqlite => Self::new(),
            Database::Postgres => {
                let name = format!("kbgap_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
                let server = POSTGRES.lock().unwrap_or_else(PoisonError::into_inner);
                Self::at(&server.create_database(&name).unwrap())
            }
        }
    }

    /// Another installation on the database of this one.
    pub(crate) fn beside(&self) -> Self {
        Self::at(self.database.as_ref().unwrap())
    }

    /// One with all documents of the corpus.
    pub(crate) fn with_documents() -> Self {
        Self::with_documents_on(Database::Sqlite)
    }

    /// One with all documents of the corpus, on either database.
    pub(crate) fn with_documents_on(database: Database) -> Self {
        let own = Self::on(database);
        let output = own.run(["catalog", "import", kbgap_corpus::cvrf().to_str().unwrap()]);
        assert!(output.status.success(), "{}", stderr(&output));
        own
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file beside the data.
    pub(crate) fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub(crate) fn command<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Command {
        self.command_of(Command::new(env!("CARGO_BIN_EXE_kbgap")), args)
    }

    /// The command of a program, which may be one that starts ours.
    fn command_of<'a>(
        &self,
        mut command: Command,
        args: impl IntoIterator<Item = &'a str>,
    ) -> Command {
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("KBGAP_")) {
            command.env_remove(name);
        }
        command
            .env("KBGAP_DATA_DIR", self.path().join("data"))
            .env("HOME", self.path())
            .args(args);
        if let Some(database) = &self.database {
            command.env("KBGAP_DATABASE", database);
        }
        command
    }

    pub(crate) fn run<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Output {
        self.command(args).output().unwrap()
    }

    pub(crate) fn run_with_input<'a>(
        &self,
        args: impl IntoIterator<Item = &'a str>,
        input: &[u8],
    ) -> Output {
        let mut child = self
            .command(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        child.wait_with_output().unwrap()
    }

    /// Creates an application.
    pub(crate) fn create_app(&self, name: &str, permissions: &[&str]) -> Client {
        self.create_app_in("default", name, permissions)
    }

    pub(crate) fn create_app_in(&self, tenant: &str, name: &str, permissions: &[&str]) -> Client {
        let flags = permissions.iter().flat_map(|name| ["--permission", name]);
        let fixed = ["app", "create", name, "--tenant", tenant].into_iter();
        let created = stdout(&self.run(fixed.chain(flags)));
        let value = |name: &str| {
            let mut lines = created.lines().map(str::trim_start);
            let line = lines.find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().last().unwrap().to_owned()
        };
        Client {
            tenant: value("tenant"),
            id: value("client id"),
            secret: value("client secret"),
        }
    }

    /// Starts the service; the client is the one the first start shows.
    pub(crate) fn serve(&self, args: &[&str]) -> Server {
        self.start(args, None)
    }

    /// Starts the service with TLS so that it logs all it can.
    pub(crate) fn serve_tls_telling_all(&self) -> Server {
        let authority = self.path().join("data/tls/ca.pem");
        self.start_logging(&["--tls-self-signed"], Some(authority), "trace")
    }

    /// Starts the service with TLS, by its own development certificate: [`Server::authority`] is what clients trust.
    pub(crate) fn serve_tls(&self, args: &[&str]) -> Server {
        let authority = self.path().join("data/tls/ca.pem");
        let all = [&["--tls-self-signed"], args].concat();
        self.start(&all, Some(authority))
    }

    /// Starts the service with a certificate by an authority that clients are to trust.
    pub(crate) fn serve_tls_with(
        &self,
        certificate: &str,
        key: &str,
        authority: &Path,
        args: &[&str],
    ) -> Server {
        let all = [&["--tls-cert", certificate, "--tls-key", key], args].concat();
        self.start(&all, Some(authority.to_owned()))
    }

    /// Starts the service by a program that starts what its arguments name, in another namespace, say.
    pub(crate) fn serve_by(&self, mut starter: Command, authority: &Path, args: &[&str]) -> Server {
        starter.arg(env!("CARGO_BIN_EXE_kbgap"));
        let command = self.command_of(starter, ["serve"].iter().chain(args).copied());
        Self::started(command, Some(authority.to_owned()), "info")
    }

    fn start(&self, args: &[&str], authority: Option<PathBuf>) -> Server {
        self.start_logging(args, authority, "info")
    }

    fn start_logging(&self, args: &[&str], authority: Option<PathBuf>, level: &str) -> Server {
        let command = self.command(["serve"].iter().chain(args).copied());
        Self::started(command, authority, level)
    }

    fn started(mut command: Command, authority: Option<PathBuf>, level: &str) -> Server {
        // A flag is stronger.
        let mut child = command
            .env("KBGAP_LISTEN", "127.0.0.1:0")
            .env("KBGAP_LOG", level)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut shown = Vec::new();
        let url = loop {
            let line = lines
                .next()
                .unwrap_or_else(|| panic!("it ended: {shown:?}"));
            let line = line.unwrap();
            if let Some((_, url)) = line.split_once("serving on ") {
                break url.split_whitespace().next().unwrap().to_owned();
            }
            shown.push(line);
        };
        // What is written on must be read, or the server would wait.
        let log = Arc::<Mutex<Vec<String>>>::default();
        let said = log.clone();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                said.lock().unwrap().push(line);
            }
        });
        Server {
            child,
            url,
            shown,
            authority,
            log,
        }
    }
}

/// A running service.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    /// What it said before it served.
    pub(crate) shown: Vec<String>,
    /// The certificate that clients are to trust, as PEM, where it serves TLS.
    pub(crate) authority: Option<PathBuf>,
    log: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// A client that trusts the service's certificate.
    pub(crate) fn http(&self) -> reqwest::Client {
        let mut builder = reqwest::Client::builder();
        if let Some(authority) = &self.authority {
            let pem = std::fs::read(authority).unwrap();
            builder = builder.tls_certs_only([reqwest::Certificate::from_pem(&pem).unwrap()]);
        }
        builder.build().unwrap()
    }

    /// Waits until it has logged a line with this in it.
    pub(crate) fn wait_for_log(&self, words: &str) {
        for _ in 0..200 {
            if self.said(words) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{words:?} is not in {:#?}", self.log.lock().unwrap());
    }

    /// Whether it has logged a line with this in it, since it serves.
    pub(crate) fn said(&self, words: &str) -> bool {
        let log = self.log.lock().unwrap();
        log.iter().any(|line| line.contains(words))
    }

    /// All it has logged since it serves.
    pub(crate) fn all_said(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// A value of the client that the first start shows.
    pub(crate) fn shown(&self, name: &str) -> Option<String> {
        let line = self
            .shown
            .iter()
            .find(|line| line.trim_start().starts_with(name))?;
        line.split_whitespace().last().map(str::to_owned)
    }

    pub(crate) fn client(&self) -> Client {
        Client {
            tenant: self.shown("tenant").unwrap(),
            id: self.shown("client id").unwrap(),
            secret: self.shown("client secret").unwrap(),
        }
    }

    /// Ends the process at once, as a power failure would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) async fn token(&self, client: &Client) -> String {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &client.id),
            ("client_secret", &client.secret),
            ("scope", "https://api.securitycenter.microsoft.com/.default"),
        ];
        let url = format!("{}/{}/oauth2/v2.0/token", self.url, client.tenant);
        let response = self.http().post(url).form(&form).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let answer: Value = response.json().await.unwrap();
        assert_eq!(answer["token_type"], "Bearer");
        answer["access_token"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn get(&self, path: &str, token: Option<&str>) -> Response {
        let mut request = self.http().get(format!("{}{path}", self.url));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        request.send().await.unwrap()
    }

    /// The JSON of an answer that is to be had.
    pub(crate) async fn read(&self, path: &str, token: &str) -> Value {
        let answer = self.get(path, Some(token)).await;
        let status = answer.status();
        let body = answer.text().await.unwrap();
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: &Value) -> (StatusCode, Value) {
        let request = self.http().post(format!("{}{path}", self.url));
        let answer = request.bearer_auth(token).body(body.to_string()).send();
        let answer = answer.await.unwrap();
        let status = answer.status();
        (status, answer.json().await.unwrap_or_default())
    }

    pub(crate) async fn post_reports(&self, token: &str, body: String) -> (StatusCode, Value) {
        let response = self
            .http()
            .post(format!("{}/kbgap/v1/reports", self.url))
            .bearer_auth(token)
            .body(body)
            .send()
            .await
            .unwrap();
        (response.status(), response.json().await.unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client's credentials.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) tenant: String,
    pub(crate) id: String,
    pub(crate) secret: String,
}

/// What the machines of a generated fleet report, as of now.
pub(crate) fn reports(seed: u64, machines: u32) -> Vec<Value> {
    let fleet = SyntheticFleet::new(Era::Winter2026, seed, machines).unwrap();
    let later = jiff::Timestamp::now().duration_since(fleet.today());
    let reports = fleet.reports().map(|mut report| {
        report.reported_at = report.reported_at.map(|at| at + later);
        serde_json::to_value(report).unwrap()
    });
    reports.collect()
}

/// The rows of a list.
pub(crate) fn rows(answer: &Value) -> &[Value] {
    answer["value"].as_array().unwrap()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub(crate) fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(output)))
}

/// The audit trail, once it has a record of this action.
pub(crate) fn audit(installation: &Installation, args: &[&str], until: &str) -> Vec<Value> {
    for _ in 0..100 {
        let told = installation.run(["audit", "--json"].iter().chain(args).copied());
        assert!(told.status.success(), "{}", stderr(&told));
        let told = stdout(&told);
        let records = told.lines().map(|line| serde_json::from_str(line).unwrap());
        let records: Vec<Value> = records.collect();
        if records.iter().any(|record| record["what"] == until) {
            return records;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("there is no record of {until}");
}
