//! The queries of the pack, run on SQLite, which osquery is built on, over tables with the columns osquery documents.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use axum::http::StatusCode;
use kbgap_inventory::{identify, machine_id};
use serde_json::{Value, json};
use sqlx::{Column, Connection, Row};
use support::{Shared, enroll, pack, post, server};

const TABLES: &str = "
    CREATE TABLE os_version (name TEXT, version TEXT, major INTEGER, minor INTEGER, patch INTEGER, build TEXT,
        platform TEXT, platform_like TEXT, codename TEXT, arch TEXT, install_date TEXT);
    CREATE TABLE system_info (hostname TEXT, uuid TEXT, cpu_type TEXT, computer_name TEXT, local_hostname TEXT);
    CREATE TABLE registry (key TEXT, path TEXT, name TEXT, type TEXT, data TEXT, mtime INTEGER);
    CREATE TABLE patches (csname TEXT, hotfix_id TEXT, caption TEXT, description TEXT, installed_on TEXT);
    CREATE TABLE programs (name TEXT, version TEXT, publisher TEXT, install_date TEXT);
    INSERT INTO system_info VALUES ('desk-7.corp.example', 'u', 'x86_64', 'DESK-7', 'DESK-7');
    INSERT INTO patches VALUES ('DESK-7', 'KB5035845', '', 'Security Update', '3/13/2024');
    INSERT INTO programs VALUES ('Microsoft Edge', '122.0', 'Microsoft Corporation', ''), ('', '', '', '');
";

fn windows(name: &str, version: &str, arch: &str, registry: &[(&str, &str)]) -> String {
    let parts: Vec<&str> = version.split('.').collect();
    let (major, minor, build) = (parts[0], parts[1], parts[2]);
    let mut script = format!(
        "{TABLES} INSERT INTO os_version VALUES ('{name}', '{version}', {major}, {minor}, '', '{build}', 'windows', \
         'windows', '', '{arch}', '');"
    );
    for (path, data) in registry {
        let path = format!("HKEY_LOCAL_MACHINE\\{path}");
        let (key, value) = path.rsplit_once('\\').unwrap();
        let values = format!("'{key}', '{path}', '{value}', '', '{data}', 0");
        script += &["INSERT INTO registry VALUES (", &values, ");"].concat();
    }
    script
}

async fn run(script: &str, query: &str) -> Value {
    let mut sqlite = sqlx::SqliteConnection::connect("sqlite::memory:")
        .await
        .unwrap();
    let script = sqlx::AssertSqlSafe(script.to_owned());
    sqlx::raw_sql(script).execute(&mut sqlite).await.unwrap();
    let sql = sqlx::AssertSqlSafe(query.to_owned());
    let rows = sqlx::raw_sql(sql).fetch_all(&mut sqlite).await;
    let rows = rows.unwrap_or_else(|error| panic!("{error}: {query}"));
    let rows = rows.iter().map(|row| {
        let cells = row.columns().iter().map(|column| {
            // As osquery does: everything is text, and what is not there is empty.
            let text: Option<String> = row.try_get_unchecked(column.ordinal()).unwrap();
            (
                column.name().to_owned(),
                Value::from(text.unwrap_or_default()),
            )
        });
        Value::Object(cells.collect())
    });
    rows.collect()
}

#[tokio::test]
async fn the_queries_give_what_is_read() {
    let memory = Shared::default();
    let server = server(&memory);
    let secret = memory.secret("t1");
    let windows_10 = windows(
        "Microsoft Windows 10 Enterprise",
        "10.0.19045",
        "64-bit",
        &[
            (r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\UBR", "4170"),
            (
                r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\DisplayVersion",
                "22H2",
            ),
            (
                r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\ReleaseId",
                "2009",
            ),
            (
                r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\InstallationType",
                "Client",
            ),
            (
                r"SYSTEM\CurrentControlSet\Control\Session Manager\Environment\PROCESSOR_ARCHITECTURE",
                "AMD64",
            ),
            (
                r"SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired",
                "",
            ),
            (
                r"SOFTWARE\Microsoft\NET Framework Setup\NDP\v4\Full\Release",
                "533325",
            ),
            (
                r"SOFTWARE\Microsoft\NET Framework Setup\NDP\v3.5\Version",
                "3.5.30729.4926",
            ),
            (
                r"SOFTWARE\Microsoft\NET Framework Setup\NDP\v3.5\Install",
                "1",
            ),
            (
                r"SOFTWARE\Microsoft\Internet Explorer\svcVersion",
                "11.1.19041.0",
            ),
        ],
    );
    let windows_7 = windows(
        "Microsoft Windows 7 Professional",
        "6.1.7601",
        "32-bit",
        &[
            (
                r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\CSDVersion",
                "Service Pack 1",
            ),
            (
                r"SOFTWARE\Microsoft\NET Framework Setup\NDP\v4\Full\Release",
                "379893",
            ),
            (
                r"SOFTWARE\Microsoft\NET Framework Setup\NDP\v3.5\Version",
                "3.5.30729.4926",
            ),
            (
                r"SOFTWARE\Microsoft\NET Framework Setup\NDP\v3.5\Install",
                "0",
            ),
            (
                r"SOFTWARE\Microsoft\Internet Explorer\Version",
                "9.0.8112.16421",
            ),
        ],
    );
    for (host, script) in [("windows-10", windows_10), ("windows-7", windows_7)] {
        let mut answers = json!({});
        for (name, query) in pack()["queries"].as_object().unwrap() {
            let rows = run(&script, query["query"].as_str().unwrap()).await;
            answers[format!("kbgap_{name}")] = rows;
        }
        let key = enroll(&server, &secret, host).await;
        let body = json!({ "node_key": key, "queries": answers, "statuses": {} });
        let (status, answer) = post(&server, "distributed/write", &body).await;
        assert_eq!(
            (status, &answer["node_invalid"]),
            (StatusCode::OK, &json!(false))
        );
        let mut report = memory.machine("t1", &machine_id(host)).unwrap().report;
        report.reported_at = None;
        insta::assert_json_snapshot!(host, report);
        assert!(identify(&report).is_ok());
    }
}
