//! Exports of Defender, in the documented forms.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fmt::Write as _;
use std::io::{Read, Write as _};

use flate2::Compression;
use flate2::write::GzEncoder;
use kbgap_inventory::{DefenderExport, DefenderLimits, DefenderReader, identify};
use proptest::prelude::*;
use serde_json::{Value, json};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn read(files: &[(&str, &[u8])]) -> DefenderExport {
    let mut reader = DefenderReader::default();
    for (name, bytes) in files {
        reader.read(name, *bytes);
    }
    reader.finish()
}

fn problems(export: &DefenderExport) -> Vec<String> {
    export.problems.iter().map(ToString::to_string).collect()
}

fn device(number: usize) -> String {
    format!("{number:040x}")
}

/// A machine as `GET /api/machines` lists it.
fn machine(number: usize) -> Value {
    json!({
        "id": device(number),
        "mergedIntoMachineId": null,
        "isPotentialDuplication": false,
        "isExcluded": false,
        "exclusionReason": null,
        "computerDnsName": format!("pc{number}.corp.example"),
        "firstSeen": "2023-01-05T07:11:02.1234567Z",
        "lastSeen": "2024-05-14T08:30:00.5Z",
        "osPlatform": "Windows10",
        "osVersion": null,
        "osProcessor": "x64",
        "version": "22H2",
        "lastIpAddress": "192.0.2.7",
        "agentVersion": "10.8790.19045.5608",
        "osBuild": 19045,
        "healthStatus": "Active",
        "deviceValue": "Normal",
        "rbacGroupId": 7,
        "rbacGroupName": "Finance",
        "riskScore": "None",
        "exposureLevel": "Low",
        "isAadJoined": null,
        "machineTags": ["pilot", "berlin", "pilot"],
        "onboardingStatus": "Onboarded",
        "osArchitecture": "64-bit",
        "managedBy": "Intune",
        "ipAddresses": [{"ipAddress": "192.0.2.7", "macAddress": null, "type": "Ethernet", "operationalStatus": "Up"}],
        "vmMetadata": null,
    })
}

/// A row of `SoftwareInventoryByMachine`, in the spelling of the API.
fn software(number: usize, vendor: &str, name: &str, version: &str) -> Value {
    json!({
        "deviceId": device(number),
        "rbacGroupId": 7,
        "rbacGroupName": "Finance",
        "deviceName": format!("pc{number}.corp.example"),
        "osPlatform": "Windows10",
        "softwareVendor": vendor,
        "softwareName": name,
        "softwareVersion": version,
        "numberOfWeaknesses": 3,
        "diskPaths": ["C:\\Program Files\\some"],
        "registryPaths": [],
        "softwareFirstSeenTimestamp": "2020-12-30 11:07:15",
        "endOfSupportStatus": "None",
        "endOfSupportDate": null,
    })
}

/// The same, in the spelling of the files, where nulls are absent.
fn line(number: usize, vendor: &str, name: &str, version: &str) -> String {
    let row = software(number, vendor, name, version);
    let row: serde_json::Map<String, Value> = row
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(key, value)| {
            let key = match key.as_str() {
                "osPlatform" => "OSPlatform".to_owned(),
                key => key[..1].to_uppercase() + &key[1..],
            };
            (key, value.clone())
        })
        .collect();
    Value::Object(row).to_string()
}

fn page(context: &str, rows: &[Value]) -> String {
    json!({
        "@odata.context": format!("https://api.example/api/$metadata#{context}"),
        "value": rows,
        "@odata.nextLink": "https://api.example/next",
    })
    .to_string()
}

#[test]
fn a_machine_and_its_software_become_a_report() {
    let machines = page("Machines", &[machine(1)]);
    let rows = [
        software(1, "microsoft", "windows_10", "10.0.19045.4291"),
        software(1, "microsoft", "edge_chromium-based", "124.0.2478.51"),
        software(1, "7-zip", "7-zip", "19.00"),
        software(1, "7-zip", "7-zip", "19.00"),
    ];
    let software = page(
        "Collection(microsoft.windowsDefenderATP.api.AssetSoftware)",
        &rows,
    );
    let export = read(&[
        ("software.json", software.as_bytes()),
        ("machines.json", machines.as_bytes()),
    ]);
    assert_eq!(problems(&export), Vec::<String>::new());
    assert_eq!(export.machines.len(), 1);
    let machine = &export.machines[0];
    assert_eq!(machine.group.as_deref(), Some("Finance"));
    assert_eq!(machine.tags, [Box::from("berlin"), Box::from("pilot")]);
    insta::assert_json_snapshot!(machine.report, @r#"
    {
      "id": "0000000000000000000000000000000000000001",
      "name": "pc1.corp.example",
      "reportedAt": "2024-05-14T08:30:00.5Z",
      "os": {
        "name": "Windows 10",
        "version": "10.0.19045.4291",
        "displayVersion": "22H2",
        "architecture": "x64"
      },
      "software": [
        {
          "vendor": "7-zip",
          "name": "7-zip",
          "version": "19.00"
        },
        {
          "vendor": "microsoft",
          "name": "edge_chromium-based",
          "version": "124.0.2478.51"
        }
      ]
    }
    "#);
    let identity = identify(&machine.report).unwrap();
    assert_eq!(identity.product.to_string(), "Windows 10 22H2 x64");
}

#[test]
fn machines_of_every_kind_are_told() {
    let with = |number: usize, changes: Value| {
        let mut machine = machine(number);
        for (key, value) in changes.as_object().unwrap() {
            machine[key] = value.clone();
        }
        machine
    };
    let rows = [
        with(
            1,
            json!({"osPlatform": "WindowsServer2019", "version": "1809", "osBuild": 17763}),
        ),
        with(
            2,
            json!({"osPlatform": "Windows11", "version": "24H2", "osBuild": 26100, "osProcessor": "ARM64"}),
        ),
        with(
            3,
            json!({"osPlatform": "WindowsServer2012R2", "version": null, "osBuild": 9600}),
        ),
        with(
            4,
            json!({"osPlatform": "Windows7", "version": null, "osBuild": 7601, "osArchitecture": "32-bit",
            "osProcessor": "x86"}),
        ),
        with(
            5,
            json!({"osPlatform": "RedHatEnterpriseLinux", "version": "9.5", "osBuild": null}),
        ),
        with(
            6,
            json!({"osVersion": "10.0.19045.4291", "rbacGroupName": "UnassignedGroup"}),
        ),
        with(7, json!({"mergedIntoMachineId": device(1)})),
        with(
            8,
            json!({"lastSeen": "yesterday", "machineTags": null, "osArchitecture": "128-bit",
            "osProcessor": null}),
        ),
        json!({"id": device(9), "lastSeen": "2020-01-01T00:00:00Z"}),
    ];
    let export = read(&[("machines.json", page("Machines", &rows).as_bytes())]);
    let mut told = String::new();
    for machine in &export.machines {
        let product = match identify(&machine.report) {
            Ok(identity) => format!(
                "{}, build {}",
                identity.product,
                identity
                    .build
                    .map(|build| build.to_string())
                    .unwrap_or_default()
            ),
            Err(reason) => reason.to_string(),
        };
        assert_eq!(machine.report.updates, None, "unknown, never empty");
        assert_eq!(machine.report.software, None, "unknown, never empty");
        let group = machine.group.as_deref().unwrap_or("no group");
        writeln!(
            told,
            "{}: {product}; {group}",
            &machine.report.id.as_deref().unwrap()[39..]
        )
        .unwrap();
    }
    insta::assert_snapshot!(told);
    assert_eq!(
        problems(&export),
        [
            "machines.json, record 7, field lastSeen: 'yesterday' is not a time, such as 2024-05-01T08:00:00Z",
            "machines.json, record 7, field osArchitecture: '128-bit' is not an architecture",
        ]
    );
    assert_eq!((export.counts.merged, export.counts.machines), (1, 8));
}

#[test]
fn a_bad_record_leaves_the_others() {
    let rows = json!([
        machine(1),
        {"id": device(2), "osBuild": "nineteen"},
        5,
        {"computerDnsName": "nobody.corp.example"},
        {"deviceId": device(1), "softwareVendor": "git-scm"},
        {"id": "x", "deviceId": device(1), "softwareName": "git", "cveId": null},
        machine(3),
    ]);
    let text = format!("{{\"value\": {rows}}}");
    let export = read(&[("page.json", text.as_bytes())]);
    assert_eq!(
        problems(&export),
        [
            "page.json, record 1, field osBuild: invalid type: string \"nineteen\", expected i64",
            "page.json, record 2: invalid type: integer `5`, expected a record",
            "page.json, record 3, field id: the record names no machine",
            "page.json, record 4, field softwareName: the record names no software",
            "page.json, record 5: the record is of another export, not of machines or their software",
        ]
    );
    assert_eq!((export.counts.machines, export.counts.left_out), (2, 5));
}

#[test]
fn a_bad_line_leaves_the_others() {
    let lines = format!(
        "{}\n{{\"DeviceId\": \"a\", \"SoftwareName\": }}\n\n{}\n",
        line(1, "git-scm", "git", "2.20.1"),
        line(1, "google", "chrome", "124.0"),
    );
    for (name, bytes) in [
        ("lines.json", lines.clone().into_bytes()),
        ("lines.json.gz", gzip(lines.as_bytes())),
    ] {
        let export = read(&[(name, &bytes)]);
        assert_eq!(
            problems(&export),
            [format!(
                "{name}, line 2, field SoftwareName: expected value"
            )]
        );
        assert_eq!(
            export.machines[0].report.software.as_ref().unwrap().len(),
            2
        );
        assert_eq!(export.counts.by_software_alone, 1);
        assert_eq!(
            export.machines[0].report.os.name.as_deref(),
            Some("Windows 10")
        );
    }
}

#[test]
fn what_is_cut_off_or_too_large_ends_its_file_alone() {
    let whole = page("Machines", &[machine(1), machine(2)]);
    let cut = &whole.as_bytes()[..whole.len() - 700];
    let other = page("Machines", &[machine(3)]);
    let packed = gzip(whole.as_bytes());
    let half = &packed[..packed.len() / 2];
    let export = read(&[
        ("cut.json", cut),
        ("half.gz", half),
        ("other.json", other.as_bytes()),
        ("no.json", b"hello"),
    ]);
    insta::assert_snapshot!(problems(&export).join("\n"));
    let ids: Vec<_> = export
        .machines
        .iter()
        .map(|machine| machine.report.id.clone().unwrap())
        .collect();
    assert!(
        ids.contains(&device(1).into()) && ids.contains(&device(3).into()),
        "{ids:?}"
    );
}

#[test]
fn limits_hold_for_packed_files() {
    let limits = DefenderLimits {
        record: 4_096,
        file: 100_000,
    };
    let long = format!("{{\"deviceId\": \"{}\"}}", "a".repeat(5_000));
    let page = format!("{{\"value\": [{}, {long}]}}", machine(1));
    let good = line(1, "git-scm", "git", "2.20.1");
    let lines = format!("{good}\n{long}\n{good}\n");
    let bomb = gzip(format!("{good}\n").repeat(10_000).as_bytes());
    let blanks = gzip(&vec![b' '; 3_000_000]);
    let mut reader = DefenderReader::new(limits);
    reader.read("page.json", page.as_bytes());
    reader.read("lines.json", lines.as_bytes());
    reader.read("bomb.gz", &bomb[..]);
    reader.read("blanks.gz", &blanks[..]);
    let export = reader.finish();
    insta::assert_snapshot!(problems(&export).join("\n"));
    assert_eq!(export.counts.machines, 1);
}

#[test]
fn what_was_seen_last_counts() {
    let mut older = machine(1);
    older["lastSeen"] = json!("2024-01-01T00:00:00Z");
    older["rbacGroupName"] = json!("Old");
    let pages = [page("Machines", &[machine(1)]), page("Machines", &[older])].join("\n");
    let export = read(&[("pages.json", pages.as_bytes())]);
    assert_eq!(export.machines[0].group.as_deref(), Some("Finance"));
    assert_eq!((export.counts.machines, export.counts.duplicates), (1, 1));
}

/// Bytes made as they are read, so that the test holds no more than the reader does.
struct Lines {
    rows: usize,
    next: usize,
    left: Vec<u8>,
}

impl Read for Lines {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.left.is_empty() && self.next < self.rows {
            let number = self.next;
            self.next += 1;
            let mut row = line(
                number / 3,
                "vendor",
                &format!("software_{}", number % 3),
                "1.0",
            );
            row.push('\n');
            self.left = row.into_bytes();
        }
        let length = self.left.len().min(buffer.len());
        buffer[..length].copy_from_slice(&self.left[..length]);
        self.left.drain(..length);
        Ok(length)
    }
}

#[test]
fn many_rows_are_joined() {
    for rows in [1_usize, 3, 10_000] {
        let machines: Vec<Value> = (0..rows.div_ceil(3)).map(machine).collect();
        let mut reader = DefenderReader::default();
        reader.read("machines.json", page("Machines", &machines).as_bytes());
        reader.read(
            "software.json",
            Lines {
                rows,
                next: 0,
                left: Vec::new(),
            },
        );
        let export = reader.finish();
        assert_eq!(problems(&export), Vec::<String>::new());
        assert_eq!(export.counts.software_records, rows);
        assert_eq!(export.machines.len(), rows.div_ceil(3));
        let listed: usize = export
            .machines
            .iter()
            .map(|machine| machine.report.software.as_ref().unwrap().len())
            .sum();
        assert_eq!(listed, rows);
        assert_eq!(export.counts.by_software_alone, 0);
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes: Vec<u8>) {
        let _ = read(&[("any", &bytes)]);
    }

    #[test]
    fn no_text_panics(text in "(\\{|\\}|\\[|\\]|\"value\":|\"id\":|\"deviceId\":|\"softwareName\":|\"a\"|1|null|,|\n| ){0,40}") {
        let export = read(&[("any", text.as_bytes()), ("packed", &gzip(text.as_bytes()))]);
        // The same is read of both.
        let of = |file: &str| export.problems.iter().filter(|problem| &*problem.file == file).count();
        prop_assert_eq!(of("any"), of("packed"));
    }
}
