//! A server that runs, and what ends it.

use std::fs::File;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::ServerError;
use crate::install::Install;

/// The user of all databases.
const USER: &str = "kbgap";
/// How long a start may take on a machine that is busy.
const START: Duration = Duration::from_mins(1);
/// How often another port is tried: between finding a free one and taking it, somebody else may.
const PORTS: usize = 5;

/// Ends the server and removes its folder once this process is gone: its end of the pipe then closes, whatever the
/// reason. `$1` is the folder.
const REAPER: &str = r#"cat >/dev/null
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)
if [ -n "$pid" ]; then
    kill -QUIT "$pid" 2>/dev/null
    while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
fi
rm -rf "$1""#;

/// How a server is started.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    fsync: bool,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self { fsync: true }
    }
}

impl ServerOptions {
    /// Whether commits wait for the disk, as PostgreSQL does it by itself. Tests that pull no plug may do without.
    #[must_use]
    pub fn fsync(mut self, fsync: bool) -> Self {
        self.fsync = fsync;
        self
    }

    /// Starts the server.
    ///
    /// # Errors
    /// Where no server is installed, or it does not start; its log is in the error.
    pub fn start(self) -> Result<Server, ServerError> {
        Server::start_with(self)
    }
}

/// A server of its own. Dropping it ends it and removes its data; so does the end of this process.
#[derive(Debug)]
pub struct Server {
    install: Install,
    options: ServerOptions,
    folder: PathBuf,
    password: String,
    port: u16,
    running: Option<Child>,
    reaper: Child,
}

impl Server {
    /// Starts a server as PostgreSQL does it by itself.
    ///
    /// # Errors
    /// Where no server is installed, or it does not start; its log is in the error.
    pub fn start() -> Result<Self, ServerError> {
        ServerOptions::default().start()
    }

    /// The options of a server that is not started yet.
    pub fn options() -> ServerOptions {
        ServerOptions::default()
    }

    fn start_with(options: ServerOptions) -> Result<Self, ServerError> {
        let install = Install::find()?;
        let folder = tempfile::Builder::new()
            .prefix("kbgap-postgres-")
            .tempdir()
            .map_err(ServerError::system("cannot create a temporary folder"))?;
        install.give(folder.path())?;
        // From here on the reaper removes the folder.
        let reaper = reaper(&install, folder.path())?;
        let mut server = Self {
            install,
            options,
            folder: folder.keep(),
            password: Uuid::new_v4().simple().to_string(),
            port: 0,
            running: None,
            reaper,
        };
        server.create_cluster()?;
        for attempt in 1.. {
            server.port = free_port()?;
            match server.run() {
                Err(ServerError::NotStarted { log })
                    if attempt < PORTS && log.contains("could not bind") => {}
                outcome => {
                    outcome?;
                    break;
                }
            }
        }
        Ok(server)
    }

    fn create_cluster(&self) -> Result<(), ServerError> {
        let secret = self.folder.join("password");
        std::fs::write(&secret, &self.password)
            .map_err(ServerError::system("cannot write the password's file"))?;
        self.install.give(&secret)?;
        let mut initdb = self.install.program("initdb");
        initdb
            .args([
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--auth=scram-sha-256",
                "--no-sync",
            ])
            .arg(format!("--username={USER}"))
            .arg(format!("--pwfile={}", secret.display()))
            .arg(format!("--pgdata={}", self.data().display()));
        finished(initdb.current_dir(&self.folder), "initdb")
    }

    /// The folder of the server: it is removed with it, and the server may write in it.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The port of loopback that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of a database, with the password.
    pub fn url(&self, database: &str) -> String {
        format!(
            "postgres://{USER}:{}@127.0.0.1:{}/{database}",
            self.password, self.port
        )
    }

    /// Creates an empty database, and returns its URL.
    ///
    /// # Errors
    /// Where the server refuses it: there is one of the name, say.
    pub fn create_database(&self, name: &str) -> Result<String, ServerError> {
        self.execute(&format!("CREATE DATABASE {}", quoted(name)))?;
        Ok(self.url(name))
    }

    /// Creates an empty database whose tables lie in a folder, and returns its URL. The folder must be empty.
    ///
    /// # Errors
    /// Where the server refuses it.
    pub fn create_database_in(&self, name: &str, folder: &Path) -> Result<String, ServerError> {
        self.install.give(folder)?;
        let place = folder.display().to_string().replace('\'', "''");
        self.execute(&format!(
            "CREATE TABLESPACE {} LOCATION '{place}'",
            quoted(name)
        ))?;
        self.execute(&format!(
            "CREATE DATABASE {} TABLESPACE {}",
            quoted(name),
            quoted(name)
        ))?;
        Ok(self.url(name))
    }

    /// Runs a statement as the owner of all databases, and returns what it printed, bare.
    ///
    /// # Errors
    /// Where the server refuses it.
    pub fn execute(&self, sql: &str) -> Result<String, ServerError> {
        let mut psql = self.install.program("psql");
        let output = psql
            .args([
                "--no-psqlrc",
                "--quiet",
                "--tuples-only",
                "--no-align",
                "--set=ON_ERROR_STOP=1",
            ])
            .args(["--host=127.0.0.1", "--dbname=postgres", "--no-password"])
            .arg(format!("--port={}", self.port))
            .arg(format!("--username={USER}"))
            .arg(format!("--command={sql}"))
            .env("PGPASSWORD", &self.password)
            .current_dir(&self.folder)
            .output()
            .map_err(ServerError::system("cannot run psql"))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout)
                .trim_end()
                .to_owned());
        }
        Err(ServerError::Failed {
            program: "psql".to_owned(),
            output: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Stops the server and cuts all connections: in order, or immediately, as a power failure would.
    ///
    /// # Errors
    /// Where it cannot be stopped.
    pub fn stop(&mut self, immediate: bool) -> Result<(), ServerError> {
        let Some(mut running) = self.running.take() else {
            return Ok(());
        };
        let mut stop = self.install.program("pg_ctl");
        stop.args(["stop", "--silent", "--wait", "--mode"])
            .arg(if immediate { "immediate" } else { "fast" })
            .arg(format!("--pgdata={}", self.data().display()));
        let stopped = finished(stop.current_dir(&self.folder), "pg_ctl stop");
        if stopped.is_err() {
            // The one process that this server started; its children end with it.
            running
                .kill()
                .map_err(ServerError::system("cannot end the server"))?;
        }
        running
            .wait()
            .map_err(ServerError::system("cannot wait for the server"))?;
        Ok(())
    }

    /// Starts the server again after [`Server::stop`], on the same port with the same data.
    ///
    /// # Errors
    /// Where it does not start; its log is in the error.
    pub fn start_again(&mut self) -> Result<(), ServerError> {
        if self.running.is_some() {
            return Ok(());
        }
        self.run()
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// Runs the server until it takes connections.
    fn run(&mut self) -> Result<(), ServerError> {
        let log = File::create(self.log())
            .map_err(ServerError::system("cannot create the server's log"))?;
        let errors = log
            .try_clone()
            .map_err(ServerError::system("cannot share the server's log"))?;
        let mut postgres = self.install.program("postgres");
        postgres
            .arg("-D")
            .arg(self.data())
            .arg("-p")
            .arg(self.port.to_string())
            .args([
                "-c",
                "listen_addresses=127.0.0.1",
                "-c",
                "unix_socket_directories=",
            ])
            .args([
                "-c",
                if self.options.fsync {
                    "fsync=on"
                } else {
                    "fsync=off"
                },
            ])
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .current_dir(&self.folder)
            // Its own group: an interrupt from the terminal ends this process, and that ends the server.
            .process_group(0);
        let mut running = postgres
            .spawn()
            .map_err(ServerError::system("cannot run postgres"))?;
        let until = Instant::now() + START;
        loop {
            let ended = running
                .try_wait()
                .map_err(ServerError::system("cannot look at the server"))?;
            if ended.is_none() && self.answers() {
                self.running = Some(running);
                return Ok(());
            }
            if ended.is_some() || Instant::now() > until {
                let _ = running.kill();
                let _ = running.wait();
                let log = std::fs::read_to_string(self.log()).unwrap_or_default();
                return Err(ServerError::NotStarted { log });
            }
            sleep(Duration::from_millis(50));
        }
    }

    fn answers(&self) -> bool {
        // The port alone is not enough: another process may have been faster to take it.
        let ready = self.data().join("postmaster.pid");
        let ours = std::fs::read_to_string(ready)
            .is_ok_and(|lines| lines.lines().any(|line| line.trim() == "ready"));
        ours && self.execute("SELECT 1").is_ok()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.stop(true);
        drop(self.reaper.stdin.take());
        let _ = self.reaper.wait();
    }
}

/// Starts what removes the folder when this process is gone.
fn reaper(install: &Install, folder: &Path) -> Result<Child, ServerError> {
    let mut reaper = install.as_user("sh".as_ref());
    reaper
        .args(["-c", REAPER, "kbgap-postgres-reaper"])
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .current_dir("/")
        .process_group(0)
        .spawn()
        .map_err(ServerError::system("cannot run sh"))
}

/// Runs a program to its end.
fn finished(command: &mut Command, name: &str) -> Result<(), ServerError> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(ServerError::system(format!("cannot run {name}")))?;
    if output.status.success() {
        return Ok(());
    }
    Err(ServerError::Failed {
        program: name.to_owned(),
        output: [output.stdout, output.stderr]
            .map(|said| String::from_utf8_lossy(&said).into_owned())
            .concat(),
    })
}

fn free_port() -> Result<u16, ServerError> {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(ServerError::system("cannot find a free port"))
}

/// A name as SQL takes it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
