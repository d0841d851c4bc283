//! Answers against what the Windows Update Agent itself offered, through the real binary.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod support;

use serde_json::{Value, json};
use support::{Installation, json, stderr, stdout};

/// An installation with the documents of the day of the truth.
fn of_march_2019() -> Installation {
    let installation = Installation::new();
    let documents = kbgap_corpus::cvrf_of_march_2019();
    let imported = installation.run(["catalog", "import", documents.to_str().unwrap()]);
    assert!(imported.status.success(), "{}", stderr(&imported));
    installation
}

/// A folder with these files.
fn folder(installation: &Installation, name: &str, files: &[(&str, &str)]) -> String {
    let folder = installation.path().join(name);
    std::fs::create_dir(&folder).unwrap();
    for (name, text) in files {
        std::fs::write(folder.join(name), text).unwrap();
    }
    folder.to_str().unwrap().to_owned()
}

fn kbs(rows: &Value) -> Vec<(&str, &str)> {
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| {
        let reason = row["reason"].as_str().unwrap_or_default();
        (row["kb"].as_str().unwrap_or_default(), reason)
    })
    .collect()
}

#[test]
fn the_machines_of_the_corpus() {
    let installation = of_march_2019();
    // These two, whatever else the folder holds.
    let known = [
        "10_1803_x64_proforworkstations_en-us_A_20190305",
        "10_1809_x64_education_en-us_20190306",
    ];
    let machines = installation.path().join("known");
    std::fs::create_dir(&machines).unwrap();
    for path in kbgap_corpus::files(&kbgap_corpus::machines()) {
        let name = kbgap_corpus::name(&path);
        if known.iter().any(|machine| name.starts_with(machine)) {
            std::fs::copy(&path, machines.join(name)).unwrap();
        }
    }
    std::fs::write(machines.join("other_systeminfo.txt"), "no truth beside it").unwrap();
    let machines = machines.to_str().unwrap();
    let output = installation.run(["accuracy", machines, "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    insta::assert_json_snapshot!(json(&output));
    let table = stdout(&installation.run(["accuracy", machines]));
    assert!(
        table.contains("Machines without a truth, left out: "),
        "{table}"
    );
    let markdown = stdout(&installation.run(["accuracy", machines, "--markdown"]));
    assert!(markdown.contains("\n| total | 3 | 0 |"), "{markdown}");
}

const DESK: &str = r#"{"name": "desk", "os": {"name": "Microsoft Windows 10 Pro", "version": "10.0.17134",
    "architecture": "x64"}, "updates": UPDATES}"#;
const OLD: &str = r#"{"name": "old", "os": {"name": "Microsoft Windows 7 Enterprise", "version": "6.1.7601",
    "servicePack": 1, "architecture": "x64"}, "updates": [], "software": SOFTWARE}"#;

fn desk(updates: &str) -> String {
    DESK.replace("UPDATES", updates)
}

#[test]
fn differences_have_reasons_and_make_the_exit_code() {
    let installation = of_march_2019();
    let waiting = r#"[{"kb": "KB4487017", "rebootPending": true}]"#;
    let files = [
        ("bare_systeminfo.json", desk("[]")),
        ("bare_updates.txt", "KB4487017: 2019-02 Cumulative Update\nKB4480966: 2019-01 Cumulative Update\n: a driver".to_owned()),
        ("linux_systeminfo.json", r#"{"name": "x", "os": {"name": "Debian GNU/Linux 12"}}"#.to_owned()),
        ("linux_updates.txt", "KB4487017: of another world\nKB890830: Removal Tool".to_owned()),
        ("old_systeminfo.json", OLD.replace("SOFTWARE", "[]")),
        ("old_updates.txt", "KB4486474: Internet Explorer 11".to_owned()),
        ("patched_systeminfo.json", desk(r#"[{"kb": "KB4487017"}, {"kb": "KB4487038"}]"#)),
        ("patched_updates.txt", "KB4487017: again\nKB4480966: 2019-01\nKB4487044: 1809's\n\nnothing else".to_owned()),
        ("silent_systeminfo.json", desk("null")),
        ("silent_updates.txt", "KB4487017: 2019-02 Cumulative Update".to_owned()),
        ("waiting_systeminfo.json", desk(waiting)),
        ("waiting_updates.txt", "KB4487017: 2019-02 Cumulative Update".to_owned()),
        ("unknown_systeminfo.json", desk("[]")),
    ];
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(name, text)| (*name, text.as_str()))
        .collect();
    let machines = folder(&installation, "machines", &files);
    let output = installation.run(["accuracy", &machines, "--json"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let answer = json(&output);
    let of = |name: &str| {
        let mut machines = answer["machines"].as_array().unwrap().iter();
        machines.find(|machine| machine["machine"] == name).unwrap()
    };
    assert_eq!(of("bare")["right"][0]["kb"], "4487017");
    assert_eq!(kbs(&of("bare")["missed"]), [("4480966", "replacedByNamed")]);
    assert_eq!(kbs(&of("bare")["notDescribed"]), [("", "noKb")]);
    assert_eq!(
        kbs(&of("linux")["missed"]),
        [("4487017", "productNotIdentified")]
    );
    assert_eq!(
        kbs(&of("linux")["notDescribed"]),
        [("890830", "removalTool")]
    );
    assert_eq!(kbs(&of("old")["missed"]), [("4486474", "notInScope")]);
    assert_eq!(
        kbs(&of("patched")["missed"]),
        [
            ("4487017", "installed"),
            ("4480966", "covered"),
            ("4487044", "otherProduct")
        ]
    );
    assert_eq!(of("patched")["skippedLines"], 1);
    assert_eq!(kbs(&of("silent")["missed"]), [("4487017", "cannotTell")]);
    assert_eq!(
        kbs(&of("waiting")["missed"]),
        [("4487017", "waitsForRestart")]
    );
    // Whatever else is named of an unpatched Windows 7, it was not offered.
    assert!(!of("old")["wrong"].as_array().unwrap().is_empty());
    assert_eq!(answer["withoutTruth"], 1);
    let total = &answer["total"];
    let number = |field: &str| total[field].as_u64().unwrap();
    assert_eq!(number("named"), number("right") + number("wrong"));
    assert_eq!(number("described"), number("right") + number("missed"));
    assert_eq!((number("offered"), number("described")), (11, 9));
    assert_eq!(answer["reasons"]["missed"]["cannotTell"], 1);

    let loose = ["--fail-under-precision", "0", "--fail-under-recall", "10"];
    let loose = installation.run(["accuracy", &machines].into_iter().chain(loose));
    assert_eq!(loose.status.code(), Some(0), "{}", stderr(&loose));
    let table = stdout(&loose);
    assert!(table.contains("linux was not assessed: 'Debian"), "{table}");
}

#[test]
fn several_numbers_of_one_update_are_one_answer() {
    let installation = of_march_2019();
    let framework = r#"[{"vendor": "Microsoft", "name": ".NET Framework", "version": "4.7.2"}]"#;
    let report = OLD.replace("SOFTWARE", framework);
    // The documents of December 2018 state packages such as KB4470640, and name this number in their addresses.
    let offered = "KB4471987: 2018-12 Security and Quality Rollup for .NET Framework (KB4471987)";
    let files = [
        ("old_systeminfo.json", report.as_str()),
        ("old_updates.txt", offered),
    ];
    let machines = folder(&installation, "machines", &files);
    let output = installation.run(["accuracy", &machines, "--as-of", "2018-12-31", "--json"]);
    let answer = json(&output);
    let machine = &answer["machines"][0];
    assert_eq!(machine["right"].as_array().unwrap().len(), 1, "{machine}");
    assert_eq!(machine["right"][0]["kb"], "4471987");
    assert_eq!(machine["missed"], json!([]));
    assert_eq!(machine["notDescribed"], json!([]));
}

#[test]
fn what_cannot_be_read_is_named() {
    let installation = of_march_2019();
    let report = desk("[]");
    let cases = [
        (
            "alone",
            vec![("pc_updates.txt", "")],
            "no report of this machine",
        ),
        (
            "number",
            vec![
                ("pc_systeminfo.json", report.as_str()),
                ("pc_updates.txt", "KB4487017: one\nKB12: two"),
            ],
            "pc_updates.txt: line 2: 'KB12' is not a KB number",
        ),
        (
            "prose",
            vec![
                ("pc_systeminfo.json", &report),
                ("pc_updates.txt", "all is well"),
            ],
            "none of its 1 lines",
        ),
        (
            "report",
            vec![("pc_systeminfo.txt", "hello"), ("pc_updates.txt", "")],
            "pc_systeminfo.txt: neither",
        ),
        (
            "truthless",
            vec![("pc_systeminfo.json", &report)],
            "no machine has a truth",
        ),
    ];
    for (name, files, error) in cases {
        let machines = folder(&installation, name, &files);
        let output = installation.run(["accuracy", &machines, "--json"]);
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert!(
            stderr(&output).contains(error),
            "{name}: {}",
            stderr(&output)
        );
    }
    let none = installation.run(["accuracy", "no-such-folder"]);
    assert_eq!(none.status.code(), Some(2));
    assert!(
        stderr(&none).contains("no-such-folder"),
        "{}",
        stderr(&none)
    );
}
