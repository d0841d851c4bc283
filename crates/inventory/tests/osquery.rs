//! What osqueryd sends, as its documentation shows it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
#![allow(
    clippy::needless_pass_by_value,
    reason = "JSON is written where it is used"
)]

use jiff::Timestamp;
use kbgap_inventory::osquery::{
    HostDetails, HostError, OsqueryError, OsqueryHost, OsqueryRead, read_distributed, read_log,
};
use kbgap_inventory::{MachineRecord, MachineReport, Observation, Observed, identify, machine_id};
use serde_json::{Value, json};

const UUID: &str = "4C4C4544-0051-4810-8052-B7C04F4E5931";

fn enrolled_at() -> Timestamp {
    Timestamp::from_second(1_709_000_000).unwrap()
}

fn host() -> OsqueryHost {
    let details = json!({
        "system_info": { "hostname": "desk-7.corp.example", "computer_name": "DESK-7", "uuid": UUID },
        "os_version": { "platform": "windows", "name": "Microsoft Windows 10 Enterprise" },
        "osquery_info": { "version": "5.12.1" },
    });
    let details: HostDetails = serde_json::from_value(details).unwrap();
    OsqueryHost::enroll(UUID, &details, enrolled_at()).unwrap()
}

/// The answer to the query for the operating system, as osquery 5.12 gives it.
fn os_row() -> Value {
    json!({
        "name": "Microsoft Windows 10 Enterprise", "version": "10.0.19045", "major": "10", "minor": "0",
        "patch": "", "build": "19045", "revision": "4046", "platform": "windows", "platform_like": "windows",
        "codename": "Microsoft Windows 10 Enterprise", "arch": "64-Bit", "install_date": "20230115",
        "hostname": "desk-7.corp.example", "computer_name": "DESK-7", "uuid": UUID,
        "ubr": "4170", "display_version": "22H2", "release_id": "2009", "installation_type": "Client",
        "csd_version": "", "processor_architecture": "AMD64", "reboot_pending": "0",
    })
}

fn answer(name: &str, form: Value) -> Value {
    let mut answer = json!({
        "name": name, "hostIdentifier": UUID, "calendarTime": "Wed Mar 13 08:00:00 2024 UTC",
        "unixTime": 1_710_316_800, "epoch": 0, "counter": 0, "numerics": false,
        "decorations": { "host_uuid": UUID, "hostname": "desk-7.corp.example" },
    });
    for (key, value) in form.as_object().unwrap() {
        answer[key] = value.clone();
    }
    answer
}

fn snapshot(name: &str, rows: Value) -> Value {
    answer(name, json!({ "action": "snapshot", "snapshot": rows }))
}

fn log(answers: &[Value]) -> OsqueryRead {
    let body = json!({ "node_key": "k", "log_type": "result", "data": answers });
    read_log(&body.to_string(), &host()).unwrap()
}

fn parts(read: &OsqueryRead) -> Vec<&MachineReport> {
    let parts = read.observations.iter().map(|one| match one {
        Observation::Part(report) => report,
        other => panic!("{other:?}"),
    });
    parts.collect()
}

fn reasons(read: &OsqueryRead) -> Vec<String> {
    let rejected = read.rejected.iter();
    rejected
        .map(|one| format!("{:?} {:?} {}", one.index, one.query, one.reason))
        .collect()
}

#[test]
fn snapshots_are_parts_of_one_machine() {
    let read = log(&[
        snapshot("pack_kbgap_os", json!([os_row()])),
        snapshot(
            "pack_kbgap_updates",
            json!([
                { "hotfix_id": "KB5034466", "installed_on": "2/14/2024" },
                { "hotfix_id": "KB5034763", "installed_on": "3/2/2024" },
                { "hotfix_id": "KB5015684", "installed_on": "01d8dfd0fb4eb361" },
                { "hotfix_id": "KB5011048", "installed_on": "20230117" },
                { "hotfix_id": "File 1", "installed_on": "" },
            ]),
        ),
        snapshot(
            "pack_kbgap_software",
            json!([
                { "name": "Microsoft Edge", "version": "122.0.2365.80", "publisher": "Microsoft Corporation" },
                { "name": "", "version": "1", "publisher": "" },
            ]),
        ),
    ]);
    insta::assert_json_snapshot!(parts(&read));
    assert_eq!(read.tally.rows_left_out, 2);
    assert_eq!((read.tally.received, read.tally.rejected), (3, 0));

    let now = Timestamp::from_second(1_710_400_000).unwrap();
    let mut all = read.observations.into_iter();
    let mut record = MachineRecord::of(&all.next().unwrap(), now);
    for next in all {
        assert_eq!(record.observe(&next, now), Observed::Changed);
    }
    let identity = identify(&record.report).unwrap();
    assert_eq!(identity.product.to_string(), "Windows 10 22H2 x64");
    assert_eq!(identity.build.unwrap().to_string(), "10.0.19045.4170");
    assert_eq!(record.report.updates.unwrap().len(), 4);
}

#[test]
fn windows_of_every_age_is_told() {
    for (changes, expected) in [
        (json!({}), "Windows 10 22H2 x64 10.0.19045.4170"),
        // Before osquery 5.12 there is no revision, and without the registry no UBR.
        (
            json!({ "ubr": "", "revision": "" }),
            "Windows 10 22H2 x64 10.0.19045",
        ),
        (json!({ "ubr": "" }), "Windows 10 22H2 x64 10.0.19045.4046"),
        (
            json!({ "name": "Microsoft Windows 11 Pro", "version": "10.0.22631", "ubr": "3296",
                "display_version": "23H2", "processor_architecture": "ARM64" }),
            "Windows 11 23H2 ARM64 10.0.22631.3296",
        ),
        (
            json!({ "name": "Microsoft Windows Server 2019 Standard", "version": "10.0.17763", "ubr": "5576",
                "display_version": "", "release_id": "1809", "installation_type": "Server Core" }),
            "Windows Server 2019 Server Core x64 10.0.17763.5576",
        ),
        (
            json!({ "name": "Microsoft Windows Server 2022 Datacenter", "version": "10.0.20348", "ubr": 2340,
                "installation_type": "Server", "display_version": "21H2" }),
            "Windows Server 2022 x64 10.0.20348.2340",
        ),
        (
            json!({ "name": "Microsoft Windows 7 Professionnel ", "version": "6.1.7601", "ubr": "24545",
                "csd_version": "Service Pack 1", "processor_architecture": "", "arch": "64 bits" }),
            "Windows 7 SP1 x64 6.1.7601",
        ),
        (
            json!({ "name": "Microsoft Windows Server 2012 R2 Standard", "version": "6.3.9600", "ubr": "21871" }),
            "Windows Server 2012 R2 x64 6.3.9600",
        ),
    ] {
        let mut row = os_row();
        for (key, value) in changes.as_object().unwrap() {
            row[key] = value.clone();
        }
        let read = log(&[snapshot("kbgap_os", json!([row]))]);
        let report = parts(&read)[0];
        let identity = identify(report).unwrap();
        let told = format!("{} {}", identity.product, identity.build.unwrap());
        assert_eq!(told, expected);
    }
}

#[test]
fn a_restart_that_is_due_is_told() {
    for (text, expected) in [("0", Some(false)), ("2", Some(true)), ("", None)] {
        let mut row = os_row();
        row["reboot_pending"] = text.into();
        let read = log(&[snapshot("kbgap_os", json!([row]))]);
        assert_eq!(parts(&read)[0].reboot_pending, expected);
    }
}

#[test]
fn events_of_one_look_are_one_change() {
    let event = |action: &str, version: &str, time: u64| {
        let columns = json!({ "name": "Editor", "version": version, "publisher": "Example" });
        answer(
            "pack_kbgap_software",
            json!({ "action": action, "columns": columns, "unixTime": time.to_string(), "counter": "3" }),
        )
    };
    let kb = json!({ "hotfix_id": "KB5035845", "installed_on": "3/13/2024" });
    let read = log(&[
        event("removed", "1", 1_710_316_800),
        event("added", "2", 1_710_316_800),
        event("removed", "2", 1_710_320_400),
        event("added", "3", 1_710_320_400),
        answer(
            "pack_kbgap_updates",
            json!({ "action": "added", "columns": kb, "counter": 3 }),
        ),
    ]);
    let told: Vec<String> = read
        .observations
        .iter()
        .map(|one| match one {
            Observation::Changes(changes) => {
                let (software, updates) = (&changes.software, &changes.updates);
                let versions = |list: &[kbgap_inventory::InstalledSoftware]| {
                    list.iter()
                        .map(|one| one.version.to_string())
                        .collect::<Vec<_>>()
                };
                format!(
                    "{:?} -{:?} +{:?} +{:?}",
                    changes.at.unwrap().as_second(),
                    versions(&software.removed),
                    versions(&software.added),
                    updates.added.iter().map(|one| one.kb).collect::<Vec<_>>(),
                )
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        told,
        [
            r#"1710316800 -["1"] +["2"] +[]"#,
            r#"1710320400 -["2"] +["3"] +[]"#,
            "1710316800 -[] +[] +[KB5035845]",
        ]
    );
}

#[test]
fn the_first_batch_is_the_list_and_later_ones_change_it() {
    let row = |kb: &str| json!({ "hotfix_id": kb, "installed_on": "" });
    let batch = |counter: u32, time: u64, added: Value, removed: Value| {
        answer(
            "pack_kbgap_updates",
            json!({ "diffResults": { "added": added, "removed": removed }, "counter": counter, "unixTime": time }),
        )
    };
    let first = json!([row("KB5000001"), row("KB5000002")]);
    let read = log(&[
        // Old versions write an empty list as an empty text.
        batch(0, 1_710_316_800, first, json!("")),
        batch(
            1,
            1_710_320_400,
            json!([row("KB5000003")]),
            json!([row("KB5000001")]),
        ),
    ]);
    let now = Timestamp::from_second(1_710_400_000).unwrap();
    let mut all = read.observations.into_iter();
    let mut record = MachineRecord::of(&all.next().unwrap(), now);
    assert_eq!(record.observe(&all.next().unwrap(), now), Observed::Changed);
    let list = record.report.updates.unwrap();
    let kbs: Vec<String> = list.iter().map(|update| update.kb.to_string()).collect();
    assert_eq!(kbs, ["KB5000002", "KB5000003"]);
}

#[test]
fn an_event_of_the_operating_system_is_all_of_it() {
    let event = |action: &str| {
        answer(
            "pack_kbgap_os",
            json!({ "action": action, "columns": os_row(), "counter": 2 }),
        )
    };
    let read = log(&[event("removed"), event("added")]);
    assert_eq!(parts(&read).len(), 1);
    // A snapshot of one row as a line is whole; one of a list is not known to be.
    let list = json!({ "action": "snapshot", "columns": { "hotfix_id": "KB5000001" } });
    let read = log(&[event("snapshot"), answer("pack_kbgap_updates", list)]);
    assert_eq!(parts(&read).len(), 1);
    assert_eq!(
        reasons(&read),
        [
            r#"Some(1) Some("pack_kbgap_updates") a list as single lines cannot be told whole; set --logger_snapshot_event_type=false"#
        ]
    );
}

#[test]
fn empty_answers_and_other_packs_are_counted_and_passed_over() {
    let read = log(&[
        snapshot("pack_kbgap_updates", json!([])),
        snapshot("pack_kbgap_software", json!("")),
        snapshot("pack_kbgap_software", json!([{ "name": "" }])),
        snapshot(
            "pack_incident-response_processes",
            json!([{ "pid": { "not": "read" } }]),
        ),
    ]);
    assert_eq!(read.observations, []);
    assert_eq!(
        (
            read.tally.empty,
            read.tally.other_queries,
            read.tally.rejected
        ),
        (3, 1, 0)
    );
}

#[test]
fn a_bad_answer_leaves_the_others() {
    let mut linux = os_row();
    linux["platform"] = "ubuntu".into();
    let mut nameless = os_row();
    nameless["version"] = "".into();
    let mut read = log(&[
        json!("not an answer"),
        snapshot("kbgap_os", json!([{ "version": { "major": 10 } }])),
        snapshot("kbgap_os", json!({ "version": "10.0.19045" })),
        snapshot("kbgap_os", json!([linux])),
        snapshot("kbgap_os", json!([nameless])),
        answer("kbgap_os", json!({})),
        answer(
            "kbgap_os",
            json!({ "snapshot": [os_row()], "unixTime": "yesterday" }),
        ),
        answer("kbgap_updates", json!({ "diffResults": { "added": [7] } })),
        snapshot("kbgap_updates", json!("many")),
        json!({ "name": ["kbgap_os"] }),
        snapshot("kbgap_os", json!([os_row()])),
    ]);
    assert_eq!(read.observations.len(), 1);
    assert_eq!(read.tally.rejected, 10);
    read.observations.clear();
    insta::assert_snapshot!(reasons(&read).join("\n"));
}

#[test]
fn what_is_no_log_is_an_error() {
    for (body, error) in [
        ("", "line 1: EOF while parsing a value"),
        (
            "{\n\"log_type\": \"result\", \"data\": {}}",
            "line 1: invalid type: map, expected a sequence",
        ),
        (
            r#"{"data": []}"#,
            "log_type is '', neither 'result' nor 'status'",
        ),
        (
            r#"{"log_type": "results", "data": []}"#,
            "log_type is 'results', neither 'result' nor 'status'",
        ),
    ] {
        assert_eq!(
            read_log(body, &host()).unwrap_err().to_string(),
            error,
            "{body}"
        );
    }
    let too_many = format!(
        r#"{{"log_type": "result", "data": [{}0]}}"#,
        "0,".repeat(100_000)
    );
    assert_eq!(read_log(&too_many, &host()), Err(OsqueryError::TooMany));
}

#[test]
fn the_status_log_is_accepted_and_counted() {
    let line = json!({
        "hostIdentifier": UUID, "calendarTime": "Wed Mar 13 08:00:00 2024 UTC", "unixTime": "1710316800",
        "severity": "0", "filename": "scheduler.cpp", "line": "102", "message": "Executing scheduled query",
        "version": "5.12.1",
    });
    let body = json!({ "log_type": "status", "data": [line, line] });
    let read = read_log(&body.to_string(), &host()).unwrap();
    assert_eq!((read.tally.received, read.tally.status), (2, 2));
    assert_eq!(read.observations, []);
}

#[test]
fn a_renamed_host_is_to_enroll_again_and_its_old_answers_do_not_matter() {
    let of = |identifier: &str, time: i64| {
        answer(
            "kbgap_os",
            json!({ "snapshot": [os_row()], "hostIdentifier": identifier, "unixTime": time }),
        )
    };
    let (before, after) = (
        enrolled_at().as_second() - 60,
        enrolled_at().as_second() + 60,
    );
    let renamed = log(&[of("other", after)]);
    assert!(renamed.renamed);
    assert_eq!(renamed.observations, []);
    assert_eq!(
        reasons(&renamed),
        [format!(
            r#"Some(0) Some("kbgap_os") hostIdentifier is 'other', but the host enrolled as '{UUID}'"#
        )]
    );
    let old = log(&[of("other", before), of(&UUID.to_lowercase(), after)]);
    assert!(!old.renamed);
    assert_eq!(old.observations.len(), 1);
}

#[test]
fn distributed_answers_are_one_observation() {
    let body = json!({
        "node_key": "k",
        "queries": {
            "kbgap_os": [os_row()],
            "kbgap_updates": [{ "hotfix_id": "KB5035845", "installed_on": "" }],
            "kbgap_software": "",
            "somebody_elses": [{ "a": "b" }],
        },
        "statuses": { "kbgap_os": 0, "kbgap_updates": "0", "kbgap_software": 1, "somebody_elses": 0 },
        "messages": { "kbgap_software": "no such table: programs" },
        "stats": { "kbgap_os": { "wall_time_ms": 13 } },
    });
    let read = read_distributed(&body.to_string(), &host()).unwrap();
    let report = parts(&read)[0];
    assert_eq!(parts(&read).len(), 1);
    assert_eq!(report.reported_at, None);
    assert_eq!(report.name.as_deref(), Some("desk-7.corp.example"));
    assert_eq!(report.updates.as_ref().map(Vec::len), Some(1));
    assert_eq!(report.software, None);
    assert_eq!(read.tally.other_queries, 1);
    assert_eq!(
        reasons(&read),
        [
            r#"None Some("kbgap_software") the host could not run the query: status 1, no such table: programs"#
        ]
    );
    // As versions before 2.1.2 write it, and as one that found nothing does.
    let old = read_distributed(r#"{"queries": {"kbgap_os": ""}}"#, &host()).unwrap();
    assert_eq!((old.observations.len(), old.tally.empty), (0, 1));
    assert_eq!(
        read_distributed(r#"{"queries": ""}"#, &host()).unwrap(),
        OsqueryRead::default()
    );
    let error = read_distributed(r#"{"queries": [1]}"#, &host()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 1: invalid type: sequence, expected an object"
    );
}

#[test]
fn a_host_is_one_machine() {
    let named = |hostname: &str| -> HostDetails {
        serde_json::from_value(json!({ "system_info": { "hostname": hostname } })).unwrap()
    };
    let enroll = |identifier: &str, details: &HostDetails| {
        OsqueryHost::enroll(identifier, details, enrolled_at())
    };
    assert_eq!(&*host().machine, UUID.to_lowercase());
    assert_eq!(host().name.as_deref(), Some("desk-7.corp.example"));
    // By name: the machine is that of a report under the name.
    let by_name = enroll("DESK-7", &named("desk-7.corp.example")).unwrap();
    assert_eq!(by_name.machine, machine_id("desk-7"));
    assert_eq!(by_name.name.as_deref(), Some("desk-7.corp.example"));
    let alone = enroll(" DESK-7\n", &HostDetails::default()).unwrap();
    assert_eq!(alone.name.as_deref(), Some("DESK-7"));
    // UUIDs that boards have by the thousand.
    for shared in [
        "00000000-0000-0000-0000-000000000000",
        "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
        "03000200-0400-0500-0006-000700080009",
    ] {
        assert_eq!(
            enroll(shared, &named("PC1")).unwrap().machine,
            machine_id("pc1")
        );
        assert_eq!(
            enroll(shared, &HostDetails::default()),
            Err(HostError::NotUnique(shared.into()))
        );
    }
    assert_eq!(enroll(" ", &named("PC1")), Err(HostError::Empty));
    assert_eq!(
        enroll(&"x".repeat(256), &named("PC1")),
        Err(HostError::TooLong)
    );
    let linux: HostDetails = serde_json::from_value(
        json!({ "os_version": { "platform": "ubuntu" }, "system_info": "" }),
    )
    .unwrap();
    assert!(host().windows && !enroll("web-1", &linux).unwrap().windows);
}

proptest::proptest! {
    #[test]
    fn no_answers_panic(text in "[{}\\[\\]\",:a-z0-9 ]{0,200}") {
        let data = format!(r#"{{"log_type": "result", "data": [{text}]}}"#);
        let _ = read_log(&data, &host());
        let _ = read_distributed(&format!(r#"{{"queries": {{"kbgap_os": {text}}}}}"#), &host());
    }

    #[test]
    fn every_answer_is_accounted_for(
        rows in proptest::collection::vec(("(KB)?[0-9]{0,8}|File 1", "[0-9/.]{0,10}"), 0..20),
        kind in 0usize..4,
    ) {
        let rows: Vec<Value> = rows
            .iter()
            .map(|(id, day)| json!({ "hotfix_id": id, "installed_on": day }))
            .collect();
        let name = ["kbgap_updates", "kbgap_os", "kbgap_software", "other"][kind];
        let read = log(&[snapshot(name, json!(rows))]);
        let tally = read.tally;
        let told = read.observations.len() + tally.empty + tally.other_queries + tally.rejected;
        proptest::prop_assert_eq!(told, 1);
    }
}
