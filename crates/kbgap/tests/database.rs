//! The database's own commands, with the real binary.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod support;

use std::process::{Command, Output};

use kbgap_postgres::Server;
use support::{Installation, json, stderr, stdout};

/// Runs a command with a database of its own.
fn run_on(installation: &Installation, database: &str, args: &[&str]) -> Output {
    let mut command: Command = installation.command(args.iter().copied());
    command.env("KBGAP_DATABASE", database).output().unwrap()
}

fn succeeded(output: &Output) -> String {
    assert!(output.status.success(), "{}", stderr(output));
    stdout(output)
}

#[test]
fn a_backup_is_taken_while_the_service_runs_and_restored_when_it_is_stopped() {
    let installation = Installation::new();
    let server = installation.serve(&[]);
    installation.create_app("before", &[]);
    let backup = installation.path().join("backup.db").display().to_string();
    let said = succeeded(&installation.run(["backup", &backup]));
    assert!(
        said.starts_with(&format!("{backup} was written: ")),
        "{said}"
    );
    installation.create_app("after", &[]);
    let names = || succeeded(&installation.run(["app", "list"]));
    assert!(names().contains("  after  "), "{}", names());

    let refused = installation.run(["restore", &backup]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("--force"), "{}", stderr(&refused));
    let refused = installation.run(["restore", &backup, "--force"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("in use"), "{}", stderr(&refused));
    assert!(names().contains("  after  "), "nothing was replaced");

    server.kill();
    succeeded(&installation.run(["restore", &backup, "--force"]));
    assert!(names().contains("  before  "), "{}", names());
    assert!(!names().contains("  after  "), "{}", names());
}

#[test]
fn a_backup_moves_to_another_installation() {
    let (one, two) = (Installation::new(), Installation::new());
    let nothing = one.run(["backup", "nowhere.db"]);
    assert_eq!(nothing.status.code(), Some(2));
    assert!(
        stderr(&nothing).contains("there is no database"),
        "{}",
        stderr(&nothing)
    );
    one.create_app("reader", &[]);
    let backup = one.path().join("backup.db").display().to_string();
    succeeded(&one.run(["backup", &backup]));
    succeeded(&two.run(["restore", &backup]));
    assert_eq!(
        succeeded(&two.run(["app", "list"])),
        succeeded(&one.run(["app", "list"]))
    );
    let text = two.file(
        "notes.txt",
        "no backup, but some notes on one, which are not to be restored",
    );
    let refused = two.run(["restore", &text, "--force"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        stderr(&refused).contains("no sound backup"),
        "{}",
        stderr(&refused)
    );
    assert_eq!(
        succeeded(&two.run(["app", "list"])),
        succeeded(&one.run(["app", "list"]))
    );
}

#[test]
fn migrations_are_shown_before_they_are_taken() {
    let installation = Installation::new();
    let file = installation.path().join("data/kbgap.db");
    let status = json(&installation.run(["database", "status", "--json"]));
    assert!(status["schemaVersion"].is_null());
    let planned = succeeded(&installation.run(["database", "migrate", "--dry-run"]));
    assert!(
        planned.contains("-- would take step 1: initial"),
        "{planned}"
    );
    assert!(planned.contains("CREATE TABLE machines"), "{planned}");
    let steps = json(&installation.run(["database", "migrate", "--dry-run", "--json"]));
    assert_eq!(steps[0]["version"], 1);
    assert!(
        steps[0]["sql"]
            .as_str()
            .unwrap()
            .contains("CREATE TABLE documents")
    );
    assert!(!file.exists(), "nothing was done");
    let taken = succeeded(&installation.run(["database", "migrate"]));
    assert_eq!(
        taken.lines().count(),
        steps.as_array().unwrap().len(),
        "{taken}"
    );
    let again = succeeded(&installation.run(["database", "migrate", "--dry-run"]));
    assert!(again.contains("up to date"), "{again}");
    let status = json(&installation.run(["database", "status", "--json"]));
    assert_eq!(status["schemaVersion"], status["knownSchemaVersion"]);
    assert_eq!(status["location"], file.to_str().unwrap());
    assert!(
        status["engine"].as_str().unwrap().starts_with("SQLite 3."),
        "{status}"
    );
    assert_eq!(status["machines"], 0);
    let shown = succeeded(&installation.run(["database", "status"]));
    assert!(shown.contains("machines  0"), "{shown}");
}

#[test]
fn the_settings_show_no_password() {
    let installation = Installation::new();
    let default = succeeded(&installation.run(["config"]));
    assert!(default.contains("data/kbgap.db\"  # default"), "{default}");

    let url = "postgres://kbgap:s3cr3t@db.example/fleet";
    let shown = succeeded(&run_on(&installation, url, &["config"]));
    let line =
        "database = \"postgres://kbgap@db.example:5432/fleet\"  # environment, KBGAP_DATABASE";
    assert!(shown.contains(line), "{shown}");
    let mut said = vec![shown];
    said.push(stdout(&run_on(&installation, url, &["serve", "--help"])));
    for wrong in [
        "postgres://kbgap:s3cr3t@db.example:port/fleet",
        "mysql://kbgap:s3cr3t@db.example/fleet",
    ] {
        let refused = run_on(&installation, wrong, &["config"]);
        assert_eq!(refused.status.code(), Some(2));
        assert!(
            stderr(&refused).contains("KBGAP_DATABASE"),
            "{}",
            stderr(&refused)
        );
        said.push(stderr(&refused));
        let refused = installation.run(["config", "--database", wrong]);
        assert_eq!(refused.status.code(), Some(2));
        said.push(stderr(&refused));
    }
    let file = installation.file("kbgap.toml", format!("listen = \"x\"\ndatabase = {url}\n"));
    let refused = installation.run(["config", "--config", &file]);
    assert!(stderr(&refused).contains("line 2"), "{}", stderr(&refused));
    said.push(stderr(&refused));
    assert!(
        !said.iter().any(|said| said.contains("s3cr3t")),
        "{said:#?}"
    );

    let file = installation.file("kbgap.toml", format!("database = \"{url}\"\n"));
    let shown = succeeded(&installation.run(["config", "--config", &file]));
    assert!(
        shown.contains("postgres://kbgap@db.example:5432/fleet"),
        "{shown}"
    );
    let flag = succeeded(&installation.run([
        "config",
        "--config",
        &file,
        "--database",
        "sqlite:other.db",
    ]));
    assert!(flag.contains("database = \"other.db\"  # flag"), "{flag}");
}

#[test]
fn a_postgres_database_takes_the_place_of_the_file() {
    let server = Server::options().fsync(false).start().unwrap();
    let url = server.create_database("kbgap").unwrap();
    let installation = Installation::new();
    let run = |args: &[&str]| run_on(&installation, &url, args);
    let planned = succeeded(&run(&["database", "migrate", "--dry-run"]));
    assert!(planned.contains("BYTEA"), "{planned}");
    assert!(succeeded(&run(&["database", "migrate"])).contains("took step 1"));
    succeeded(&run(&["app", "create", "reader"]));
    assert!(succeeded(&run(&["app", "list"])).contains("  reader  "));
    let document = kbgap_corpus::files(&kbgap_corpus::cvrf()).remove(0);
    let imported = succeeded(&run(&["catalog", "import", document.to_str().unwrap()]));
    assert!(imported.contains("1 new"), "{imported}");
    let status = json(&run(&["database", "status", "--json"]));
    assert!(
        status["engine"]
            .as_str()
            .unwrap()
            .starts_with("PostgreSQL "),
        "{status}"
    );
    assert_eq!(status["tenants"], 1);
    assert!(status["schemaVersion"].is_number(), "{status}");
    assert!(
        !installation.path().join("data/kbgap.db").exists(),
        "no file was made"
    );

    let backup = installation.path().join("backup").display().to_string();
    for (command, instead) in [("backup", "pg_dump"), ("restore", "pg_restore")] {
        let refused = run(&[command, &backup]);
        assert_eq!(refused.status.code(), Some(2));
        assert!(stderr(&refused).contains(instead), "{}", stderr(&refused));
    }
    let elsewhere = server.url("nowhere");
    let refused = run_on(&installation, &elsewhere, &["app", "list"]);
    assert!(
        stderr(&refused).contains("createdb nowhere"),
        "{}",
        stderr(&refused)
    );
    let password = elsewhere.split([':', '@']).nth(2).unwrap();
    assert!(!stderr(&refused).contains(password), "{}", stderr(&refused));
}
