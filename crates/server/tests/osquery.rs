//! osquery's remote API, as hosts use it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::io::Write as _;
use std::num::NonZeroU32;
use std::time::Duration;

use axum::http::StatusCode;
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::{SignedDuration, Timestamp};
use kbgap_inventory::{MachineRecord, identify, machine_id};
use kbgap_server::osquery::{EnrollSecret, NotTaken, OsquerySettings, Unavailable};
use serde_json::{Value, json};
use support::{Shared, enroll, enrollment, pack, post, send, server, server_with};

const UUID: &str = "4C4C4544-0051-4810-8052-B7C04F4E5931";
const MACHINE: &str = "4c4c4544-0051-4810-8052-b7c04f4e5931";

fn os_row(ubr: u32) -> Value {
    json!({
        "name": "Microsoft Windows 10 Enterprise", "version": "10.0.19045", "platform": "windows",
        "ubr": ubr.to_string(), "display_version": "22H2", "processor_architecture": "AMD64",
        "installation_type": "Client", "hostname": "desk-7.corp.example", "reboot_pending": "0",
    })
}

fn update_row(kb: u32) -> Value {
    json!({ "hotfix_id": format!("KB{kb}"), "installed_on": "3/13/2024" })
}

/// An answer of the results log, a number of minutes ago.
fn answer(query: &str, minutes_ago: i64, form: &Value) -> Value {
    let at = Timestamp::now() - SignedDuration::from_mins(minutes_ago);
    let mut answer = json!({
        "name": format!("pack_kbgap_{query}"), "hostIdentifier": UUID, "unixTime": at.as_second().to_string(),
        "calendarTime": "Wed Mar 13 08:00:00 2024 UTC", "epoch": "0", "counter": "0", "numerics": "false",
    });
    for (key, value) in form.as_object().unwrap() {
        answer[key] = value.clone();
    }
    answer
}

fn snapshot(query: &str, minutes_ago: i64, rows: &Value) -> Value {
    let form = json!({ "action": "snapshot", "snapshot": rows });
    answer(query, minutes_ago, &form)
}

fn log(key: &str, answers: &[Value]) -> Value {
    json!({ "node_key": key, "log_type": "result", "data": answers })
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn kbs(record: &MachineRecord) -> Vec<u32> {
    let list = record.report.updates.iter().flatten();
    list.map(|update| update.kb.number()).collect()
}

const DONE: (StatusCode, bool) = (StatusCode::OK, false);
const INVALID: (StatusCode, bool) = (StatusCode::OK, true);

fn validity((status, answer): (StatusCode, Value)) -> (StatusCode, bool) {
    (status, answer["node_invalid"].as_bool().unwrap())
}

#[tokio::test]
async fn a_host_enrolls_and_its_answers_become_one_machine() {
    let memory = Shared::default();
    let server = server(&memory);
    let secret = memory.secret("t1");
    let key = enroll(&server, &secret, UUID).await;

    // Snapshots, compressed as with --logger_tls_compress.
    let updates = json!([update_row(5_034_763), update_row(5_034_466)]);
    let answers = [
        snapshot("os", 30, &json!([os_row(4046)])),
        snapshot("updates", 30, &updates),
    ];
    let body = gzip(log(&key, &answers).to_string().as_bytes());
    let (status, _, done) = send(&server, "log", Some("gzip"), body).await;
    assert_eq!(
        (status, done),
        (StatusCode::OK, json!({ "node_invalid": false }))
    );

    // Events, one row each, and a batch.
    let event = |action: &str, kb| {
        let form = json!({ "action": action, "columns": update_row(kb), "counter": "4" });
        answer("updates", 20, &form)
    };
    let batch = json!({
        "diffResults": { "added": [update_row(5_011_048)], "removed": "" }, "counter": 5,
    });
    let answers = [
        event("removed", 5_034_763),
        event("added", 5_035_845),
        answer("updates", 10, &batch),
        snapshot("os", 10, &json!([os_row(4170)])),
    ];
    assert_eq!(
        validity(post(&server, "log", &log(&key, &answers)).await),
        DONE
    );

    let record = memory.machine("t1", MACHINE).unwrap();
    assert_eq!(kbs(&record), [5_011_048, 5_034_466, 5_035_845]);
    assert_eq!(record.report.name.as_deref(), Some("desk-7.corp.example"));
    let identity = identify(&record.report).unwrap();
    assert_eq!(identity.build.unwrap().to_string(), "10.0.19045.4170");

    // The same again changes nothing.
    let again = log(&key, &answers[2..]);
    assert_eq!(validity(post(&server, "log", &again).await), DONE);
    assert_eq!(memory.machine("t1", MACHINE).unwrap(), record);
}

#[tokio::test]
async fn a_secret_tells_the_tenant() {
    let memory = Shared::default();
    let server = server(&memory);
    let (one, two) = (memory.secret("t1"), memory.secret("t2"));
    let answers = [snapshot("os", 1, &json!([os_row(1)]))];
    for secret in [&one, &two] {
        let key = enroll(&server, secret, UUID).await;
        assert_eq!(
            validity(post(&server, "log", &log(&key, &answers)).await),
            DONE
        );
    }
    assert!(memory.machine("t1", MACHINE).is_some() && memory.machine("t2", MACHINE).is_some());
}

#[tokio::test]
async fn a_wrong_secret_is_told_as_osquery_has_it() {
    let memory = Shared::default();
    let server = server(&memory);
    let known = memory.secret("t1");
    let unknown = EnrollSecret::generate().unwrap();
    // The id of a known secret with the bits of another.
    let bits = unknown.expose().rsplit('_').next().unwrap();
    let mixed = format!("kbgap_enroll_{}_{bits}", known.id());
    for secret in ["", "secret", unknown.expose(), &mixed] {
        let (status, answer) = post(&server, "enroll", &enrollment(secret, UUID)).await;
        assert_eq!(
            (status, answer),
            (StatusCode::OK, json!({ "node_invalid": true }))
        );
    }
    // A right one in a file with a line end; and from a host that cannot be told from others.
    let line = format!("{}\r\n", known.expose());
    let good = post(&server, "enroll", &enrollment(&line, UUID)).await;
    assert_eq!(validity(good), DONE);
    let nameless = post(&server, "enroll", &enrollment(&line, " ")).await;
    assert_eq!(validity(nameless), INVALID);
}

#[tokio::test]
async fn an_unknown_node_key_is_told_on_every_route() {
    let memory = Shared::default();
    let server = server(&memory);
    let secret = memory.secret("t1");
    let key = enroll(&server, &secret, UUID).await;
    let mut forged = key.clone();
    forged.truncate(key.len() - 8);
    forged.push_str("AAAAAAAA");
    let routes = ["config", "log", "distributed/read", "distributed/write"];
    for path in routes {
        for bad in ["", "key", &forged, &key[..key.len() / 2]] {
            let body = json!({ "node_key": bad, "log_type": "result", "data": [], "queries": {} });
            let answer = validity(post(&server, path, &body).await);
            assert_eq!(answer, INVALID, "{path} {bad}");
        }
        let without = json!({ "log_type": "result", "data": [] });
        assert_eq!(
            validity(post(&server, path, &without).await),
            INVALID,
            "{path}"
        );
    }
    // A secret that is removed ends its hosts' keys.
    memory.remove(&secret);
    for path in routes {
        let body = json!({ "node_key": key, "log_type": "result", "data": [], "queries": {} });
        assert_eq!(
            validity(post(&server, path, &body).await),
            INVALID,
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_key_is_good_on_another_server_of_the_same_store() {
    let memory = Shared::default();
    let key = enroll(&server(&memory), &memory.secret("t1"), UUID).await;
    let body = json!({ "node_key": key });
    assert_eq!(
        validity(post(&server(&memory), "config", &body).await),
        DONE
    );
}

#[tokio::test]
async fn a_host_speaks_for_itself_only() {
    let memory = Shared::default();
    let server = server(&memory);
    let key = enroll(&server, &memory.secret("t1"), "DESK-7").await;
    let mine = json!({ "snapshot": [os_row(1)], "hostIdentifier": "desk-7" });
    let theirs = json!({ "snapshot": [os_row(2)], "hostIdentifier": "server-1" });
    // From before it enrolled: left out. It takes its own.
    let answers = [answer("os", 5, &theirs), answer("os", 5, &mine)];
    assert_eq!(
        validity(post(&server, "log", &log(&key, &answers)).await),
        DONE
    );
    assert_eq!(memory.machine("t1", &machine_id("server-1")), None);
    let record = memory.machine("t1", &machine_id("desk-7")).unwrap();
    assert_eq!(record.report.os.version.unwrap().ubr, Some(1));
    // Under another name since: it is to enroll again.
    let answers = [answer("os", -1, &theirs)];
    assert_eq!(
        validity(post(&server, "log", &log(&key, &answers)).await),
        INVALID
    );
    assert_eq!(memory.machine("t1", &machine_id("server-1")), None);
}

#[tokio::test]
async fn the_configuration_is_the_pack_that_is_handed_out() {
    let memory = Shared::default();
    let server = server(&memory);
    let key = enroll(&server, &memory.secret("t1"), UUID).await;
    let (status, config) = post(&server, "config", &json!({ "node_key": key })).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(config["packs"]["kbgap"], pack());
    assert_eq!(config["node_invalid"], false);
    for (name, query) in pack()["queries"].as_object().unwrap() {
        assert_eq!(query["snapshot"], true, "{name}");
        assert!(query["interval"].as_u64().unwrap() >= 3_600, "{name}");
    }
    let rest = json!({ "options": config["options"], "decorators": config["decorators"] });
    insta::assert_json_snapshot!(rest);
}

#[tokio::test]
async fn a_host_not_heard_of_is_asked_at_once_and_once() {
    let memory = Shared::default();
    let server = server(&memory);
    let secret = memory.secret("t1");
    let key = enroll(&server, &secret, UUID).await;
    let read = json!({ "node_key": key });
    let nothing = json!({ "queries": {}, "node_invalid": false });

    let (_, asked) = post(&server, "distributed/read", &read).await;
    assert_eq!(
        asked["queries"]["kbgap_os"],
        pack()["queries"]["os"]["query"]
    );
    assert_eq!(asked["queries"].as_object().unwrap().len(), 3);
    // It has a while to answer.
    let (_, asked) = post(&server, "distributed/read", &read).await;
    assert_eq!(asked, nothing);

    let answers = json!({
        "node_key": key,
        "queries": {
            "kbgap_os": [os_row(4170)],
            "kbgap_updates": [update_row(5_035_845)],
            "kbgap_software": [],
        },
        "statuses": { "kbgap_os": 0, "kbgap_updates": 0, "kbgap_software": 1 },
        "messages": { "kbgap_software": "no such table: programs" },
    });
    let written = post(&server, "distributed/write", &answers).await;
    assert_eq!(validity(written), DONE);
    let record = memory.machine("t1", MACHINE).unwrap();
    assert_eq!(kbs(&record), [5_035_845]);
    assert_eq!(record.report.software, None);

    // A server that never asked it knows that it was heard of.
    let another = self::server(&memory);
    let (_, asked) = post(&another, "distributed/read", &read).await;
    assert_eq!(asked, nothing);
    // One for which that was too long ago asks.
    let impatient = OsquerySettings {
        stale_after: SignedDuration::from_secs(-1),
        ..OsquerySettings::default()
    };
    let impatient = server_with(&memory, impatient);
    let (_, asked) = post(&impatient, "distributed/read", &read).await;
    assert_eq!(asked["queries"].as_object().unwrap().len(), 3);

    // Of a host that runs something else, nothing is asked.
    let mut linux = enrollment(secret.expose(), "web-1");
    linux["host_details"]["os_version"]["platform"] = "ubuntu".into();
    let (_, enrolled) = post(&server, "enroll", &linux).await;
    let read = json!({ "node_key": enrolled["node_key"] });
    let (_, asked) = post(&server, "distributed/read", &read).await;
    assert_eq!(asked, nothing);
}

#[tokio::test]
async fn what_cannot_be_taken_now_is_sent_again() {
    let memory = Shared::default();
    let server = server(&memory);
    let key = enroll(&server, &memory.secret("t1"), UUID).await;
    let body = log(&key, &[snapshot("os", 1, &json!([os_row(1)]))]).to_string();
    let log = || send(&server, "log", None, body.clone().into_bytes());

    memory.refuse(Some(|| NotTaken::Busy {
        retry_after: Duration::from_millis(1_500),
    }));
    let (status, retry_after, answer) = log().await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(retry_after.as_deref(), Some("2"));
    // osquery takes an answer without it for success, whatever the status.
    assert!(answer["error"].is_string());

    memory.refuse(Some(|| Unavailable::because("the disk is full").into()));
    let (status, _, answer) = log().await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    let told = answer["error"].as_str().unwrap();
    assert!(
        !told.contains("disk"),
        "what failed here is for the log: {told}"
    );

    memory.refuse(None);
    assert_eq!(log().await.0, StatusCode::OK);
    assert!(memory.machine("t1", MACHINE).is_some());
}

#[tokio::test]
async fn a_host_that_sends_too_much_waits() {
    let memory = Shared::default();
    let limited = OsquerySettings {
        burst: NonZeroU32::new(3).unwrap(),
        request_every: Duration::from_hours(1),
        ..OsquerySettings::default()
    };
    let server = server_with(&memory, limited);
    let secret = memory.secret("t1");
    let one = enroll(&server, &secret, "PC1").await;
    let other = enroll(&server, &secret, "PC2").await;
    let config = |key: &str| {
        let body = json!({ "node_key": key }).to_string().into_bytes();
        send(&server, "config", None, body)
    };
    for _ in 0..3 {
        assert_eq!(config(&one).await.0, StatusCode::OK);
    }
    let (status, retry_after, answer) = config(&one).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    let seconds: u64 = retry_after.unwrap().parse().unwrap();
    assert!((1..=3_601).contains(&seconds));
    assert!(answer["error"].is_string());
    let (status, ..) = config(&other).await;
    assert_eq!(status, StatusCode::OK, "another host does not wait");
    // A host that enrolls again has no new allowance.
    let again = enroll(&server, &secret, "pc1").await;
    assert_eq!(config(&again).await.0, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn bodies_that_are_too_large_or_broken_are_refused() {
    let memory = Shared::default();
    let small = OsquerySettings {
        max_body: 64 * 1024,
        ..OsquerySettings::default()
    };
    let server = server_with(&memory, small);
    let key = enroll(&server, &memory.secret("t1"), UUID).await;
    let large = log(&key, &[json!({ "name": "x".repeat(70 * 1024) })]).to_string();
    // A thousand times larger than what is sent.
    let bomb = gzip(&vec![b' '; 64 << 20]);
    assert!(bomb.len() < 80 * 1024);
    let cut = gzip(log(&key, &[]).to_string().as_bytes())[..20].to_vec();
    let nested = format!(r#"{{"node_key": {}}}"#, "[".repeat(60_000));
    let (large, gzipped) = (large.clone().into_bytes(), gzip(large.as_bytes()));
    let (too_large, bad) = (StatusCode::PAYLOAD_TOO_LARGE, StatusCode::BAD_REQUEST);
    for (path, encoding, body, expected) in [
        ("log", None, large, too_large),
        ("log", Some("gzip"), gzipped, too_large),
        ("log", Some("gzip"), bomb, too_large),
        ("log", Some("gzip"), b"not gzip".to_vec(), bad),
        ("log", Some("gzip"), cut, bad),
        ("log", None, b"{\"node_key\": ".to_vec(), bad),
        ("log", None, nested.into_bytes(), bad),
        ("enroll", None, b"7".to_vec(), bad),
        ("config", None, Vec::new(), bad),
        ("distributed/read", None, b"7".to_vec(), bad),
    ] {
        let (status, _, answer) = send(&server, path, encoding, body).await;
        assert_eq!(status, expected, "{path} {answer}");
        assert!(answer["node_invalid"].is_null(), "{path} {answer}");
        assert!(answer["error"].is_string(), "{path} {answer}");
    }
    let (status, ..) = send(&server, "log", Some("br"), b"{}".to_vec()).await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let metrics = json!({ "node_key": key, "log_type": "metrics", "data": [] });
    let object = json!({ "node_key": key, "log_type": "result", "data": { "a": 1 } });
    for (body, reason) in [(metrics, "log_type"), (object, "expected a sequence")] {
        let (status, answer) = post(&server, "log", &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        let told = answer["error"].as_str().unwrap();
        assert!(told.contains(reason), "{told}");
    }
}

#[tokio::test]
async fn bad_answers_status_lines_and_other_packs_do_not_hold_up_the_rest() {
    let memory = Shared::default();
    let server = server(&memory);
    let key = enroll(&server, &memory.secret("t1"), UUID).await;
    let answers = [
        json!(7),
        snapshot("os", 1, &json!([{ "platform": "windows" }])),
        snapshot("processes", 1, &json!([{ "pid": "1" }])),
        snapshot("os", 1, &json!([os_row(4170)])),
    ];
    assert_eq!(
        validity(post(&server, "log", &log(&key, &answers)).await),
        DONE
    );
    assert!(memory.machine("t1", MACHINE).is_some());
    // A name that is no UTF-8.
    let rows = json!([{ "name": "Edit?r", "version": "1" }]);
    let software = log(&key, &[snapshot("software", 0, &rows)]).to_string();
    let mut software = software.into_bytes();
    let at = software.iter().position(|byte| *byte == b'?').unwrap();
    software[at] = 0xF6;
    let (status, ..) = send(&server, "log", None, software).await;
    assert_eq!(status, StatusCode::OK);
    let software = memory
        .machine("t1", MACHINE)
        .unwrap()
        .report
        .software
        .unwrap();
    assert_eq!(&*software[0].name, "Edit\u{FFFD}r");
    let status = json!({
        "node_key": key, "log_type": "status",
        "data": [{ "severity": "1", "filename": "scheduler.cpp", "line": "1", "message": "late" }],
    });
    assert_eq!(validity(post(&server, "log", &status).await), DONE);
}
