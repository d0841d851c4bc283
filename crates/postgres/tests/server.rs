//! A server, from start to nothing left.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::process::{Command, Stdio};

use kbgap_postgres::Server;

/// In a child process: starts a server, says where it is, and waits to be killed.
const AS_CHILD: &str = "KBGAP_POSTGRES_TEST_CHILD";

fn pid_of(folder: &Path) -> i32 {
    let lines = std::fs::read_to_string(folder.join("data/postmaster.pid")).unwrap();
    lines.lines().next().unwrap().parse().unwrap()
}

fn runs(pid: i32) -> bool {
    // Whoever started it may not have looked yet that it ended.
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn a_server_keeps_its_data_when_it_is_started_again_and_leaves_nothing() {
    let mut server = Server::start().unwrap();
    let url = server.create_database("one \"two\"").unwrap();
    assert_eq!(url, server.url("one \"two\""));
    assert_eq!(server.execute("SHOW fsync").unwrap(), "on");
    assert!(
        server.create_database("one \"two\"").is_err(),
        "there is one of this name"
    );
    for immediate in [true, false] {
        server.stop(immediate).unwrap();
        assert!(server.execute("SELECT 1").is_err());
        server.start_again().unwrap();
        let names = server
            .execute("SELECT datname FROM pg_database ORDER BY 1")
            .unwrap();
        assert!(names.contains("one \"two\""), "{names}");
    }
    let folder = server.folder().to_owned();
    let pid = pid_of(&folder);
    assert!(runs(pid));
    drop(server);
    assert!(!runs(pid));
    assert!(!folder.exists());
}

#[test]
fn a_killed_process_leaves_no_server() {
    if std::env::var_os(AS_CHILD).is_some() {
        let server = Server::options().fsync(false).start().unwrap();
        assert_eq!(server.execute("SHOW fsync").unwrap(), "off");
        println!("folder {}", server.folder().display());
        std::io::Read::read(&mut std::io::stdin(), &mut [0]).unwrap();
        return;
    }
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "a_killed_process_leaves_no_server",
            "--nocapture",
        ])
        .env(AS_CHILD, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    let folder = lines
        .map(Result::unwrap)
        .find_map(|line| {
            line.split_once("folder ")
                .map(|(_, folder)| folder.to_owned())
        })
        .unwrap();
    let pid = pid_of(Path::new(&folder));
    assert!(runs(pid));
    child.kill().unwrap();
    child.wait().unwrap();
    // The test's runner stops a test that hangs.
    while runs(pid) || Path::new(&folder).exists() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}
