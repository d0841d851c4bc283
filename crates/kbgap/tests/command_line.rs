//! The command line, as people and scripts meet it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod support;

use std::io::Write;

use serde_json::{Value, json};
use support::{Installation, json, stderr, stdout};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

fn machine_file(name: &str) -> String {
    let path = kbgap_corpus::machines().join(name);
    path.to_str().unwrap().to_owned()
}

const DESK: &str = r#"{
    "name": "desk-1",
    "os": {"name": "Microsoft Windows 10 Enterprise", "version": "10.0.18363.657", "architecture": "x64"},
    "updates": [{"kb": "KB4532693"}]
}"#;

#[test]
fn a_scan_answers_in_the_documented_form() {
    let installation = Installation::with_documents();
    let report = installation.file("desk.json", DESK);
    let output = installation.run(["scan", &report, "--as-of", "2020-03-11", "--json"]);
    assert_eq!(output.status.code(), Some(1), "updates are missing");
    let answer = json(&output);
    let machine = &answer["machines"][0];
    assert_eq!(machine["source"], json!([report]));
    assert_eq!(machine["name"], "desk-1");
    assert_eq!(machine["product"], "Windows 10 1909 x64");
    assert_eq!(machine["build"], "10.0.18363.657");
    assert_eq!(machine["status"], "assessed");
    assert_eq!(machine["pending"], json!([]));
    let missing = machine["missing"].as_array().unwrap();
    let march = missing
        .iter()
        .find(|update| update["kb"] == "4540673")
        .unwrap();
    assert_eq!(march["title"], "March 2020 Security Updates");
    assert_eq!(
        march["products"],
        json!(["windows_10", "edge", "internet_explorer"])
    );
    assert!(
        march["cves"]
            .as_array()
            .unwrap()
            .contains(&json!("CVE-2020-0684"))
    );
    let why = march["why"].as_str().unwrap();
    assert!(
        why.starts_with("not among the 1 updates the machine reports"),
        "{why}"
    );

    let table = installation.run(["scan", &report, "--as-of", "2020-03-11"]);
    assert!(stdout(&table).contains("KB4540673"), "{}", stdout(&table));
    let never = installation.run([
        "scan",
        &report,
        "--as-of",
        "2020-03-11",
        "--fail-on",
        "never",
    ]);
    assert_eq!(never.status.code(), Some(0));
    let piped =
        installation.run_with_input(["scan", "--json", "--as-of", "2020-03-11"], DESK.as_bytes());
    assert_eq!(
        json(&piped)["machines"][0]["source"],
        json!(["standard input"])
    );

    let why = installation.run([
        "scan",
        &report,
        "--as-of",
        "2020-03-11",
        "--explain",
        "KB4540673",
    ]);
    let why = stdout(&why);
    assert!(why.starts_with("desk-1: KB4540673 is missing"), "{why}");
    assert!(why.contains("fix per:  document 2020-Mar"), "{why}");
    let why = installation.run([
        "scan",
        &report,
        "--as-of",
        "2020-03-11",
        "--explain",
        "4528760",
    ]);
    let why = stdout(&why);
    assert!(
        why.contains("KB4532693 replaces KB4528760")
            || why.contains("KB4532693 is later than KB4528760"),
        "{why}"
    );
}

#[test]
fn files_of_one_machine_merge_and_a_patched_one_lacks_nothing() {
    let installation = Installation::new();
    let documents = kbgap_corpus::cvrf_of_march_2019();
    let imported = installation.run(["catalog", "import", documents.to_str().unwrap()]);
    assert!(imported.status.success(), "{}", stderr(&imported));
    let info = machine_file("10_1809_x64_education_en-us_20190306_systeminfo.txt");
    let list = machine_file("10_1809_x64_education_en-us_20190306_qfe.txt");
    let output = installation.run(["scan", "--json", &list, &info]);
    let answer = json(&output);
    assert_eq!(answer["machines"].as_array().unwrap().len(), 1);
    assert_eq!(answer["machines"][0]["missing"], json!([]));
    assert_eq!(output.status.code(), Some(0), "nothing is missing");
}

#[test]
fn what_cannot_be_assessed_is_said_and_nothing_is_guessed() {
    let installation = Installation::with_documents();
    let old = installation.run(["scan", "--json", &machine_file("xp_sp2_x64_systeminfo.txt")]);
    assert_eq!(json(&old)["machines"][0]["status"], "noData");
    assert_eq!(old.status.code(), Some(3));
    let linux =
        r#"{"name": "x", "os": {"name": "Debian GNU/Linux 12", "version": "10.0.18363.1"}}"#;
    let linux = installation.run_with_input(["scan", "--json"], linux.as_bytes());
    let machine = &json(&linux)["machines"][0];
    assert_eq!(machine["status"], "unidentified");
    assert!(
        machine["reason"].as_str().unwrap().contains("Debian"),
        "{machine}"
    );
    assert_eq!(linux.status.code(), Some(3));
}

/// A document as short as one can be.
fn document(id: &str, entry: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="utf-8"?>
<cvrf:cvrfdoc xmlns:cvrf="http://www.icasi.org/CVRF/schema/cvrf/1.1" xmlns:vuln="http://www.icasi.org/CVRF/schema/vuln/1.1">
<cvrf:DocumentTitle>{id} Security Updates</cvrf:DocumentTitle>
<cvrf:DocumentTracking><cvrf:Identification><cvrf:ID>{id}</cvrf:ID></cvrf:Identification>
<cvrf:Version>1.0</cvrf:Version>
<cvrf:InitialReleaseDate>2020-03-10T07:00:00</cvrf:InitialReleaseDate>
<cvrf:CurrentReleaseDate>2020-03-10T07:00:00</cvrf:CurrentReleaseDate></cvrf:DocumentTracking>
{entry}
</cvrf:cvrfdoc>"#
    )
}

#[test]
fn malformed_documents_are_named_and_nothing_is_half_imported() {
    let installation = Installation::new();
    let whole = document("2020-Mar", "");
    let entity = "<vuln:Vulnerability><vuln:CVE>&lol;</vuln:CVE></vuln:Vulnerability>";
    let bomb = format!(
        "<?xml version=\"1.0\"?>\n<!DOCTYPE x [<!ENTITY a \"{}\"><!ENTITY lol \"&a;&a;&a;\">]>\n{}",
        "ha".repeat(1000),
        document("2020-Bomb", entity)
            .lines()
            .skip(1)
            .collect::<String>()
    );
    let mut damaged = whole.clone().into_bytes();
    damaged[200] = 0xff;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    zip.start_file("bomb.xml", options).unwrap();
    for _ in 0..300 {
        zip.write_all(&vec![b' '; 1 << 20]).unwrap();
    }
    zip.start_file("good.xml", options).unwrap();
    zip.write_all(document("2020-Apr", "").as_bytes()).unwrap();
    let zip = zip.finish().unwrap().into_inner();
    let blanks = zstd::encode_all(std::io::Read::take(std::io::repeat(b' '), 1 << 30), 1).unwrap();
    let gigabyte = std::fs::File::create(installation.path().join("gigabyte.xml")).unwrap();
    gigabyte.set_len(1 << 30).unwrap();
    let few_blanks = " ".repeat(10 << 20);
    for (name, bytes, said) in [
        (
            "truncated.xml",
            &whole.as_bytes()[..whole.len() / 2],
            "line 4",
        ),
        (
            "bomb.xml",
            bomb.as_bytes(),
            "line 2: a document type declaration is not accepted",
        ),
        (
            "entity.xml",
            document("2020-E", entity).as_bytes(),
            "line 8",
        ),
        ("latin.xml", &damaged, "not UTF-8 at byte 200"),
        ("blanks.xml.zst", &blanks, "larger than 256 MiB"),
        (
            "few-blanks.xml",
            few_blanks.as_bytes(),
            "not a CVRF document",
        ),
        (
            "types.json",
            br#"{"DocumentTitle": {"Value": 7}}"#,
            "field DocumentTitle.Value, line 1",
        ),
        ("cut.json", br#"{"DocumentTitle": {"Value": "x""#, "line 1"),
        ("zip.zip", &zip, "zip.zip: bomb.xml: larger than 256 MiB"),
        ("unknown.pdf", b"%PDF", "neither .xml"),
    ] {
        let file = installation.file(name, bytes);
        let output = installation.run(["catalog", "import", &file]);
        assert_eq!(output.status.code(), Some(2), "{name}");
        let told = stdout(&output);
        assert!(told.contains(name) && told.contains(said), "{name}: {told}");
    }
    let output = installation.run([
        "catalog",
        "import",
        installation.path().join("gigabyte.xml").to_str().unwrap(),
        "--json",
    ]);
    assert_eq!(
        json(&output)["failed"][0]["reason"],
        "larger than 256 MiB when read; not taken"
    );
    assert_eq!(output.status.code(), Some(2));
    // Only the good document beside the zip bomb came in.
    let again = installation.run(["catalog", "compile"]);
    assert!(
        stderr(&again).starts_with("1 documents compiled"),
        "{}",
        stderr(&again)
    );
}

#[test]
fn malformed_reports_are_named() {
    let installation = Installation::with_documents();
    let cut = std::fs::read(machine_file("10_22H2_x64_enterprise_en-us_systeminfo.txt")).unwrap();
    let without_os: String = String::from_utf8_lossy(&cut)
        .lines()
        .filter(|line| !line.starts_with("OS "))
        .fold(String::new(), |text, line| text + line + "\n");
    let gigabyte = std::fs::File::create(installation.path().join("gigabyte.txt")).unwrap();
    gigabyte.set_len(1 << 30).unwrap();
    drop(gigabyte);
    let large = installation.path().join("gigabyte.txt");
    for (name, bytes, said) in [
        (
            "no-os_systeminfo.txt",
            without_os.as_bytes(),
            "no operating system is stated",
        ),
        (
            "types.json",
            br#"{"name": 5}"#,
            "line 1, field name: invalid type: integer `5`",
        ),
        ("cut.json", br#"{"name": "#, "line 1"),
        ("empty.txt", b"  \n", "the input is empty"),
        ("other.txt", b"hello", "neither systeminfo output"),
    ] {
        let file = installation.file(name, bytes);
        let output = installation.run(["scan", &file]);
        assert_eq!(output.status.code(), Some(2), "{name}");
        let told = stderr(&output);
        assert!(told.contains(name) && told.contains(said), "{name}: {told}");
    }
    let output = installation.run(["scan", large.to_str().unwrap()]);
    assert!(
        stderr(&output).contains("the input is larger than 256 MiB"),
        "{}",
        stderr(&output)
    );
    // A wrong file leaves the right one.
    let good = installation.file("good.json", DESK);
    let wrong = installation.file("wrong.txt", "hello");
    let output = installation.run(["scan", "--json", &wrong, &good]);
    assert_eq!(json(&output)["machines"].as_array().unwrap().len(), 1);
    assert_eq!(output.status.code(), Some(2));
    let missing = installation.run(["scan", "nowhere.txt"]);
    assert!(
        stderr(&missing).contains("nowhere.txt: No such file"),
        "{}",
        stderr(&missing)
    );
}

#[test]
fn without_a_catalogue_the_error_says_what_to_do() {
    let installation = Installation::new();
    let report = installation.file("desk.json", DESK);
    let output = installation.run(["scan", &report]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("run 'kbgap catalog import"),
        "{}",
        stderr(&output)
    );
    let damaged = installation.file("damaged.kbgap", b"KBGAPCAT and then nothing");
    let output = installation.run(["scan", &report, "--catalog", &damaged]);
    assert!(
        stderr(&output).contains("damaged.kbgap"),
        "{}",
        stderr(&output)
    );
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn flags_are_stronger_than_the_environment_and_that_than_the_file() {
    let installation = Installation::new();
    let file = installation.file(
        "settings.toml",
        "listen = \"127.0.0.1:1\"\npublic-url = \"https://kbgap.example\"\nas-of = \"2020-01-01\"\n",
    );
    let output = installation
        .command(["config", "--config", &file, "--listen", "127.0.0.1:3"])
        .env("KBGAP_LISTEN", "127.0.0.1:2")
        .env("KBGAP_PUBLIC_URL", "https://environment.example")
        .output()
        .unwrap();
    let told = stdout(&output);
    for line in [
        "listen = \"127.0.0.1:3\"  # flag".to_owned(),
        "public-url = \"https://environment.example\"  # environment, KBGAP_PUBLIC_URL".to_owned(),
        format!("as-of = \"2020-01-01\"  # {file}"),
        "msrc-url = \"https://api.msrc.microsoft.com\"  # default".to_owned(),
    ] {
        assert!(told.contains(&line), "{line}\n{told}");
    }
    let wrong = installation.file("wrong.toml", "lissten = \"x\"\n");
    let output = installation.run(["config", "--config", &wrong]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("lissten"), "{}", stderr(&output));
}

#[test]
fn what_is_known_can_be_looked_up() {
    let installation = Installation::with_documents();
    let show = |what: &str| json(&installation.run(["catalog", "show", what, "--json"]));
    let update = show("kb4540673");
    assert_eq!(update["title"], "March 2020 Security Updates");
    let edge = "Microsoft Edge (EdgeHTML-based) on Windows 10 Version 1909 for x64-based Systems";
    assert_eq!(update["products"][edge]["cves"], 14);
    let cve = show("CVE-2020-0796");
    assert_eq!(cve["severity"], "Critical");
    let server = "Windows 10 Version 1909 for x64-based Systems";
    assert_eq!(cve["fixes"][server], json!(["KB4551762"]));
    let product = show("Windows Server 2019");
    assert_eq!(
        product["products"][0]["software"],
        "microsoft-_-windows_server_2019"
    );
    let unknown = installation.run(["catalog", "show", "KB1234567"]);
    assert_eq!(unknown.status.code(), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_fetches_what_is_new_or_changed() {
    let server = MockServer::start().await;
    let list = |march: &str| {
        let entry = |id: &str, at: &str| json!({ "ID": id, "CurrentReleaseDate": at });
        json!({ "value": [entry("2020-Mar", march), entry("2020-Apr", "2020-03-10T07:00:00Z")] })
    };
    let first = Mock::given(method("GET"))
        .and(path("/cvrf/v3.0/updates"))
        .respond_with(ResponseTemplate::new(200).set_body_json(list("2020-03-10T07:00:00Z")))
        .mount_as_scoped(&server)
        .await;
    for id in ["2020-Mar", "2020-Apr"] {
        Mock::given(method("GET"))
            .and(path(format!("/cvrf/v3.0/cvrf/{id}")))
            .respond_with(ResponseTemplate::new(200).set_body_string(document(id, "")))
            .mount(&server)
            .await;
    }
    let installation = Installation::new();
    let url = server.uri();
    let sync = || -> Value {
        let output = installation.run(["catalog", "sync", "--msrc-url", &url, "--json"]);
        assert!(output.status.success(), "{}", stderr(&output));
        json(&output)
    };
    let summary = tokio::task::block_in_place(sync);
    assert_eq!((&summary["read"], &summary["new"]), (&json!(2), &json!(2)));
    let summary = tokio::task::block_in_place(sync);
    assert_eq!(summary["read"], 0, "nothing changed: nothing is fetched");
    drop(first);
    Mock::given(method("GET"))
        .and(path("/cvrf/v3.0/updates"))
        .respond_with(ResponseTemplate::new(200).set_body_json(list("2020-03-24T07:00:00Z")))
        .mount(&server)
        .await;
    let summary = tokio::task::block_in_place(sync);
    assert_eq!(
        (
            &summary["read"],
            &summary["skipped"]["not changed since the last sync"]
        ),
        (&json!(1), &json!(1))
    );
}

/// The missing updates of one machine, with how many CVEs each closes.
fn missing(installation: &Installation, report: &str, args: &[&str]) -> Vec<(String, usize)> {
    let all = ["scan", report, "--json"]
        .into_iter()
        .chain(args.iter().copied());
    let output = installation.run(all);
    let answer = json(&output);
    let rows = answer["machines"][0]["missing"].as_array().unwrap().iter();
    rows.map(|row| {
        let kb = row["kb"].as_str().unwrap().to_owned();
        (kb, row["cves"].as_array().unwrap().len())
    })
    .collect()
}

#[test]
fn a_day_in_the_past_is_answered_by_the_revisions_of_that_day() {
    const BARE: &str = r#"{"name": "b", "os": {"name": "Microsoft Windows 10 Pro", "version": "10.0.17134.1",
        "architecture": "x64"}, "updates": []}"#;
    let that_day = Installation::new();
    let old = kbgap_corpus::cvrf_of_march_2019();
    let old = old.to_str().unwrap();
    assert!(that_day.run(["catalog", "import", old]).status.success());
    let expected = missing(&that_day, &that_day.file("bare.json", BARE), &[]);
    assert!(
        expected.contains(&("4487017".to_owned(), 361)),
        "{expected:?}"
    );

    // Today's revisions first, then those of the day: both are kept, and the day's are taken.
    let both = Installation::with_documents();
    let report = both.file("bare.json", BARE);
    let day = ["--as-of", "2019-03-05"];
    let by_days = missing(&both, &report, &day);
    assert!(both.run(["catalog", "import", old]).status.success());
    let by_revisions = missing(&both, &report, &day);
    assert_ne!(by_revisions, by_days);
    let kbs = |rows: &[(String, usize)]| rows.iter().map(|(kb, _)| kb.clone()).collect::<Vec<_>>();
    assert_eq!(kbs(&by_revisions), kbs(&expected));
    // Three vulnerabilities are in documents of which only today's revision is known: there, days decide.
    assert_eq!(by_revisions[1].1, expected[1].1 + 3);
}

#[test]
fn a_release_history_is_a_source_of_the_catalogue() {
    let installation = Installation::with_documents();
    let report = installation.file(
        "preview.json",
        r#"{"name": "p", "os": {"name": "Microsoft Windows 10 Pro", "version": "10.0.17134",
            "architecture": "x64"}, "updates": [{"kb": "KB4345421"}]}"#,
    );
    // An out-of-band update of July 2018, after that month's security update.
    let day = ["--as-of", "2018-08-13"];
    let july = |installation: &Installation| {
        let rows = missing(installation, &report, &day);
        rows.iter()
            .any(|(kb, _)| kb == "4338819" || kb == "4284835")
    };
    assert!(july(&installation), "no document describes the update");
    let history = kbgap_corpus::folder().join("windows-release-history.csv");
    let history = history.to_str().unwrap();
    let imported = installation.run(["catalog", "import", history, "--json"]);
    let summary = json(&imported);
    assert_eq!(summary["new"], 1, "{summary}");
    assert_eq!(summary["historyUpdates"], 3_662);
    assert_eq!(summary["historyLeftOut"].as_array().unwrap().len(), 16);
    assert!(!july(&installation), "the update proves the build");
    let again = installation.run(["catalog", "import", history, "--json"]);
    assert_eq!(json(&again)["unchanged"], 1);
    let wrong = installation.file("list.csv", "a,b\n1,2\n");
    let wrong = installation.run(["catalog", "import", &wrong]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(
        stdout(&wrong).contains("product,release,series,revision,kb"),
        "{}",
        stdout(&wrong)
    );
    let output = installation.run([
        "scan",
        &report,
        "--explain",
        "KB4338819",
        "--json",
        day[0],
        day[1],
    ]);
    let explanation = &json(&output)["machines"][0]["explanation"];
    assert_eq!(explanation["verdict"], "present", "{explanation}");
    let last = explanation["because"].as_array().unwrap().last().unwrap();
    assert_eq!(
        last["sources"],
        json!([{ "source": "releaseHistory" }]),
        "{last}"
    );
}

#[test]
fn a_check_reports_slips_of_the_documents() {
    let installation = Installation::with_documents();
    let history = kbgap_corpus::folder().join("windows-release-history.csv");
    installation.run(["catalog", "import", history.to_str().unwrap()]);
    let output = installation.run(["catalog", "check", "--json"]);
    assert!(output.status.success());
    let answer = json(&output);
    let slips = answer["slips"].as_array().unwrap();
    let impossible = slips.iter().find(|slip| slip["kb"] == "5005568").unwrap();
    assert_eq!(impossible["kind"], "otherBuild");
    assert_eq!(
        impossible["text"],
        "KB5005568 is stated as build 10.0.17784.2183; 10.0.17763.2183 is taken"
    );
    assert_eq!(
        answer["counts"]["otherBuild"],
        slips
            .iter()
            .filter(|slip| slip["kind"] == "otherBuild")
            .count()
    );
    let one = installation.run([
        "catalog",
        "check",
        "--kind",
        "fork",
        "--product",
        "server 2012 r2",
    ]);
    let one = stdout(&one);
    assert!(one.contains("are both said to replace"), "{one}");
    assert!(!one.contains("other Windows releases"), "{one}");
}
