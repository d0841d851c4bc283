//! Every endpoint of the vulnerability management API, walked on a generated fleet: context, types and permission.
//!
//! Answers are held against Microsoft's own metadata: every property is one it declares, of its type, null only where it
//! may be. What Defender answers beyond its metadata is listed here.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use kbgap_odata::csdl;
use kbgap_odata::edm::{Primitive, Property, Schema, StructuredType, Type};
use reqwest::StatusCode;
use serde_json::{Value, json};
use support::people::People;
use support::{Client, Installation, Server, reports};

const MACHINES: u32 = 300;
/// The day the generated fleet is of.
const DAY: [&str; 2] = ["--as-of", "2026-02-11"];

/// What Defender answers though its metadata of May 2026 does not declare it (API specification, section 2).
const BEYOND: [(&str, &str); 8] = [
    ("Machine", "osVersion"),
    ("Software", "tags"),
    ("PublicProductDto", "tags"),
    ("AssetSoftware", "softwareTags"),
    ("AssetSoftware", "productCategory"),
    ("AssetVulnerability", "productCategory"),
    ("DeltaAssetVulnerability", "productCategory"),
    ("DeltaAssetVulnerability", "isOnboarded"),
];
/// Declared as never null, yet null in answers of Defender (API specification, section 2.12).
const NULL: [(&str, &str); 2] = [
    ("AssetVulnerability", "cvssScore"),
    ("DeltaAssetVulnerability", "cvssScore"),
];

const NAMESPACE: &str = "microsoft.windowsDefenderATP.api";

/// An endpoint: its path with places, what the context ends with, the type of its rows, whether it answers a list, whether
/// that has rows on this fleet, and the permissions any of which it needs.
struct Endpoint {
    path: &'static str,
    context: &'static str,
    of: &'static str,
    list: bool,
    filled: bool,
    any_of: &'static [&'static str],
    /// Where it differs from Defender, and why.
    note: &'static str,
}

impl Endpoint {
    const fn note(self, note: &'static str) -> Self {
        Self { note, ..self }
    }
}

const SW: &[&str] = &["Software.Read.All"];
const VU: &[&str] = &["Vulnerability.Read.All"];
const SR: &[&str] = &["SecurityRecommendation.Read.All"];
const SC: &[&str] = &["Score.Read.All"];
const RT: &[&str] = &["RemediationTasks.Read.All"];
const SB: &[&str] = &["SecurityBaselinesAssessment.Read.All"];
const MR: &[&str] = &["Machine.Read.All", "Machine.ReadWrite.All"];

const fn list(
    path: &'static str,
    context: &'static str,
    of: &'static str,
    any_of: &'static [&'static str],
) -> Endpoint {
    Endpoint {
        path,
        context,
        of,
        list: true,
        filled: true,
        any_of,
        note: "",
    }
}

const fn empty(
    path: &'static str,
    context: &'static str,
    of: &'static str,
    any_of: &'static [&'static str],
) -> Endpoint {
    Endpoint {
        path,
        context,
        of,
        list: true,
        filled: false,
        any_of,
        note: "",
    }
}

const fn one(
    path: &'static str,
    context: &'static str,
    of: &'static str,
    any_of: &'static [&'static str],
) -> Endpoint {
    Endpoint {
        path,
        context,
        of,
        list: false,
        filled: true,
        any_of,
        note: "",
    }
}

/// Tables 1a to 1j of the API specification.
const ENDPOINTS: &[Endpoint] = &[
    list(
        "/api/machines/SoftwareVulnerabilityChangesByMachine?sinceTime=2020-01-01T00:00:00Z&pageSize=50",
        "Collection(DeltaAssetVulnerability)",
        "DeltaAssetVulnerability",
        VU,
    )
    .note("as far back as the history goes, not 14 days; the last page has an @odata.deltaLink to what changes later"),
    list(
        "/api/missingkbs",
        "Collection(PublicProductFixDto)",
        "PublicProductFixDto",
        SW,
    )
    .note("an addition: Defender has missing updates by software and by machine only"),
    list("/api/Software", "Software", "Software", SW),
    one(
        "/api/Software/{software}",
        "Software/$entity",
        "Software",
        SW,
    ),
    list(
        "/api/Software/{software}/distributions",
        "Collection(PublicDistributionDto)",
        "PublicDistributionDto",
        SW,
    ),
    list(
        "/api/Software/{software}/machineReferences",
        "Collection(PublicAssetDto)",
        "PublicAssetDto",
        SW,
    ),
    list(
        "/api/Software/{software}/vulnerabilities",
        "Collection(PublicVulnerabilityDto)",
        "PublicVulnerabilityDto",
        VU,
    ),
    list(
        "/api/Software/{software}/getmissingkbs",
        "Collection(PublicProductFixDto)",
        "PublicProductFixDto",
        SW,
    ),
    list(
        "/api/vulnerabilities",
        "Vulnerabilities",
        "Vulnerability",
        VU,
    )
    .note("the vulnerabilities of Microsoft's documents only; severity is Microsoft's, or the rating of the score; epss is 0"),
    one(
        "/api/vulnerabilities/{cve}",
        "Vulnerabilities/$entity",
        "Vulnerability",
        VU,
    ),
    list(
        "/api/Vulnerabilities/{cve}/machineReferences",
        "Collection(PublicAssetDto)",
        "PublicAssetDto",
        VU,
    ),
    list(
        "/api/vulnerabilities/machinesVulnerabilities",
        "Collection(PublicAssetVulnerabilityDto)",
        "PublicAssetVulnerabilityDto",
        VU,
    ),
    list(
        "/api/machines/{machine}/software",
        "Software",
        "Software",
        SW,
    ),
    list(
        "/api/machines/{machine}/vulnerabilities",
        "Collection(PublicVulnerabilityDto)",
        "PublicVulnerabilityDto",
        VU,
    ),
    list(
        "/api/machines/{machine}/recommendations",
        "Recommendations",
        "Recommendation",
        SR,
    ),
    list(
        "/api/machines/{machine}/getmissingkbs",
        "Collection(PublicProductFixDto)",
        "PublicProductFixDto",
        SW,
    ),
    empty(
        "/api/machines/{machine}/firmware",
        "Firmware",
        "Firmware",
        SW,
    )
    .note("nothing of this is collected: always empty"),
    list(
        "/api/recommendations",
        "Recommendations",
        "Recommendation",
        SR,
    ),
    one(
        "/api/recommendations/{recommendation}",
        "Recommendations/$entity",
        "Recommendation",
        SR,
    ),
    one(
        "/api/recommendations/{recommendation}/software",
        "PublicProductDto",
        "PublicProductDto",
        SW,
    ),
    list(
        "/api/recommendations/{recommendation}/machineReferences",
        "Collection(PublicAssetDto)",
        "PublicAssetDto",
        SR,
    ),
    list(
        "/api/recommendations/{recommendation}/vulnerabilities",
        "Collection(PublicVulnerabilityDto)",
        "PublicVulnerabilityDto",
        VU,
    ),
    one(
        "/api/exposureScore",
        "ExposureScore/$entity",
        "ConfigurationScore",
        SC,
    )
    .note("a formula of its own, see docs/api.md"),
    list(
        "/api/exposureScore/ByMachineGroups",
        "ExposureScore",
        "ConfigurationScore",
        SC,
    ),
    one(
        "/api/configurationScore",
        "ConfigurationScore/$entity",
        "ConfigurationScore",
        SC,
    )
    .note("no configuration is collected: always 0"),
    list(
        "/api/remediationTasks/",
        "RemediationTasks",
        "RemediationTask",
        RT,
    ),
    one(
        "/api/remediationTasks/{task}",
        "RemediationTasks/$entity",
        "RemediationTask",
        RT,
    ),
    list(
        "/api/remediationTasks/{task}/machineReferences",
        "Collection(PublicAssetDto)",
        "PublicAssetDto",
        RT,
    ),
    list(
        "/api/machines/SoftwareInventoryByMachine?pageSize=50",
        "Collection(AssetSoftware)",
        "AssetSoftware",
        SW,
    ),
    empty(
        "/api/machines/SoftwareInventoryNoProductCodeByMachine",
        "Collection(AssetNonCpeSoftware)",
        "AssetNonCpeSoftware",
        SW,
    )
    .note("software of which not even the vendor is known"),
    list(
        "/api/machines/SoftwareVulnerabilitiesByMachine?pageSize=50",
        "Collection(AssetVulnerability)",
        "AssetVulnerability",
        VU,
    ),
    empty(
        "/api/machines/SecureConfigurationsAssessmentByMachine",
        "Collection(AssetConfiguration)",
        "AssetConfiguration",
        VU,
    )
    .note("nothing of this is collected: always empty"),
    empty(
        "/api/Machines/BrowserExtensionsInventoryByMachine",
        "Collection(AssetBrowserExtension)",
        "AssetBrowserExtension",
        SW,
    )
    .note("nothing of this is collected: always empty"),
    empty(
        "/api/machines/HardwareFirmwareInventoryByMachine",
        "Collection(AssetHardwareFirmware)",
        "AssetHardwareFirmware",
        SW,
    )
    .note("nothing of this is collected: always empty"),
    empty(
        "/api/machines/certificateAssessmentByMachine",
        "Collection(AssetCertificateAssessment)",
        "AssetCertificateAssessment",
        VU,
    )
    .note("nothing of this is collected: always empty"),
    empty(
        "/api/machines/baselineComplianceAssessmentByMachine",
        "Collection(AssetBaselineAssessment)",
        "AssetBaselineAssessment",
        SB,
    )
    .note("nothing of this is collected: always empty"),
    empty(
        "/api/browserextensions/permissionsinfo",
        "BrowserExtensions",
        "BrowserExtensions",
        SW,
    )
    .note("nothing of this is collected: always empty"),
    empty(
        "/api/baselineProfiles",
        "BaselineProfiles",
        "BaselineProfile",
        SB,
    )
    .note("nothing of this is collected: always empty"),
    empty(
        "/api/baselineConfigurations",
        "BaselineConfigurations",
        "BaselineConfiguration",
        SB,
    )
    .note("nothing of this is collected: always empty"),
    empty(
        "/api/baselineExceptions",
        "BaselineExceptions",
        "BaselineException",
        SB,
    )
    .note("nothing of this is collected: always empty"),
    list("/api/machines", "Machines", "Machine", MR)
    .note("machines stay listed until they are removed; an empty list is no 404"),
    one("/api/machines/{machine}", "Machines/$entity", "Machine", MR),
    one(
        "/api/machines/{machineName}",
        "Machines/$entity",
        "Machine",
        MR,
    ),
    empty(
        "/api/machines/findbyip(ip='10.0.0.1',timestamp={now})",
        "Machines",
        "Machine",
        MR,
    )
    .note("reports tell no addresses: always empty, parameters are checked"),
    list(
        "/api/machines/findbytag?tag=crown%20jewel",
        "Machines",
        "Machine",
        MR,
    ),
    list(
        "/api/machines/findbytag?tag=crown&useStartsWithFilter=true",
        "Machines",
        "Machine",
        MR,
    ),
    list("/api/machines/unTaggedMachines", "Machines", "Machine", MR),
];

async fn filled(server: &Server, token: &str) -> BTreeMap<&'static str, String> {
    let reports = reports(7, MACHINES);
    let (status, summary) = server.post_reports(token, json!(reports).to_string()).await;
    assert_eq!(
        (status, &summary["new"]),
        (StatusCode::OK, &MACHINES.into()),
        "{summary}"
    );

    let read = async |path: &str| -> Value {
        let answer = server.get(path, Some(token)).await;
        let status = answer.status();
        let body = answer.text().await.unwrap();
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    };
    let largest = read("/api/Software?$orderby=exposedMachines%20desc&$top=1").await;
    let software = largest["value"][0]["id"].as_str().unwrap().to_owned();
    let open = read("/api/vulnerabilities?$orderby=exposedMachines%20desc&$top=1").await;
    let cve = open["value"][0]["id"].as_str().unwrap().to_owned();
    let exposed = read(&format!("/api/Software/{software}/machineReferences")).await;
    let exposed = exposed["value"].as_array().unwrap();
    let mut machine = None;
    for candidate in exposed {
        let id = candidate["id"].as_str().unwrap();
        let missing = read(&format!("/api/machines/{id}/getmissingkbs")).await;
        if missing["@odata.count"].as_u64().unwrap() > 0 {
            machine = Some(candidate.clone());
            break;
        }
    }
    let machine = machine.unwrap();
    let id = machine["id"].as_str().unwrap().to_owned();
    let tag = json!({ "Value": "crown jewel", "Action": "Add" });
    let client = reqwest::Client::new();
    let tagged = client
        .post(format!("{}/api/machines/{id}/tags", server.url))
        .bearer_auth(token)
        .body(tag.to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(tagged.status(), StatusCode::OK);
    let tagged: Value = tagged.json().await.unwrap();
    assert_eq!(
        tagged["machineTags"],
        json!(["crown jewel"]),
        "the answer has it already"
    );
    let task =
        json!({ "productId": software, "dueOn": "2027-01-01T00:00:00Z", "priority": "High" });
    let task = client
        .post(format!("{}/kbgap/v1/remediationTasks", server.url))
        .bearer_auth(token)
        .body(task.to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(task.status(), StatusCode::OK);
    let task: Value = task.json().await.unwrap();
    BTreeMap::from([
        ("{recommendation}", format!("va-_-{software}")),
        ("{software}", software),
        ("{cve}", cve),
        (
            "{machineName}",
            machine["computerDnsName"].as_str().unwrap().to_owned(),
        ),
        ("{machine}", id),
        ("{task}", task["id"].as_str().unwrap().to_owned()),
        ("{now}", jiff::Timestamp::now().to_string()),
    ])
}

fn path(of: &Endpoint, places: &BTreeMap<&str, String>) -> String {
    places
        .iter()
        .fold(of.path.to_owned(), |path, (place, value)| {
            path.replace(place, value)
        })
}

#[tokio::test]
async fn every_endpoint_answers_as_microsofts_metadata_says() {
    let schema = csdl::read_xml(
        &std::fs::read_to_string(kbgap_corpus::folder().join("mde-metadata.xml")).unwrap(),
    )
    .unwrap();
    let installation = Installation::with_documents();
    let server = installation.serve(&DAY);
    let token = server.token(&server.client()).await;
    let places = filled(&server, &token).await;
    for endpoint in ENDPOINTS {
        let path = path(endpoint, &places);
        let answer = answered(&server, &path, &token, endpoint.filled).await;
        let context = endpoint.context.replace('(', &format!("({NAMESPACE}."));
        let context = match endpoint.context {
            "PublicProductDto" => format!("{NAMESPACE}.PublicProductDto"),
            _ => context,
        };
        let context = format!("{}/api/$metadata#{context}", server.url);
        assert_eq!(answer["@odata.context"], context, "{path}");
        let of = schema.structured(endpoint.of).unwrap();
        if endpoint.list {
            let rows = answer["value"]
                .as_array()
                .unwrap_or_else(|| panic!("{path}: {answer}"));
            assert_eq!(!rows.is_empty(), endpoint.filled, "{path}");
            for row in rows {
                check(&schema, of, row, &path);
            }
        } else {
            check(&schema, of, &answer, &path);
        }
    }
}

/// The table that the documents have of all this.
fn table() -> String {
    let mut text = "# Conformance\n\nEvery endpoint that is answered as Microsoft Defender's vulnerability management API answers it. The tests\n\
        `every_endpoint_answers_as_microsofts_metadata_says` and `each_endpoint_has_its_permission` walk all of them on a\n\
        generated fleet: status, context, names, types and nulls against Microsoft's own metadata, and who may ask.\n\
        This table is written by `cargo xtask conformance` from theirs.\n\n\
        | endpoint | context | permission | differs |\n|---|---|---|---|\n"
        .to_owned();
    for of in ENDPOINTS {
        let (path, _) = of.path.split_once('?').unwrap_or((of.path, ""));
        let permission = of.any_of.join(", ");
        let line = format!(
            "| `GET {path}` | `#{}` | {permission} | {} |\n",
            of.context, of.note
        );
        text.push_str(&line);
    }
    for (export, any_of, twin) in EXPORTS {
        let note = match twin {
            Some(twin) => format!(
                "the rows of {twin}, at most 15 minutes old; test `exports_are_had_as_files`"
            ),
            None if export.contains("NonCpe") => {
                "software of which not even the vendor is known".to_owned()
            }
            None => "nothing of this is collected: no files".to_owned(),
        };
        let permission = any_of.join(", ");
        let endpoint = format!("`GET /api/machines/{export}` | `#ExportFilesResponse`");
        text.push_str(&["| ", &*endpoint, " | ", &*permission, " | ", &*note, " |\n"].concat());
    }
    text
}

#[test]
fn the_published_table_is_what_is_walked() {
    let file =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/api-conformance.md");
    if std::env::var_os("KBGAP_WRITE_CONFORMANCE").is_some() {
        std::fs::write(&file, table()).unwrap();
    }
    let published = std::fs::read_to_string(&file).unwrap();
    assert!(
        published == table(),
        "docs/api-conformance.md is out of date: cargo xtask conformance"
    );
}

/// An answer; where it is to have rows and has none yet, a little later: the history is written once a second.
async fn answered(server: &Server, path: &str, token: &str, filled: bool) -> Value {
    let begin = std::time::Instant::now();
    loop {
        let answer = server.get(path, Some(token)).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        let answer: Value = answer.json().await.unwrap();
        let none = answer["value"].as_array().is_some_and(Vec::is_empty);
        if !(filled && none) || begin.elapsed().as_secs() > 20 {
            return answer;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}

/// Ten readers of pages by `$skip` at once, and one that follows `nextLink`: each finds every machine once, in one order.
/// `KBGAP_PAGED` is how many machines; the short form has just more than a page.
#[tokio::test]
async fn machines_are_paged_without_gaps_or_repeats() {
    let machines: usize = std::env::var("KBGAP_PAGED").map_or(10_500, |text| text.parse().unwrap());
    let installation = Installation::new();
    let server = installation.serve(&[]);
    let token = server.token(&server.client()).await;
    let lines = (0..machines)
        .map(|number| json!({ "name": format!("pc-{number}.example.org") }).to_string());
    let lines: Vec<String> = lines.collect();
    let sent = reqwest::Client::new()
        .post(format!("{}/kbgap/v1/reports", server.url))
        .header("content-type", "application/x-ndjson")
        .bearer_auth(&token)
        .body(lines.join("\n"))
        .send()
        .await
        .unwrap();
    assert_eq!(sent.status(), StatusCode::OK);

    let ids = |page: &Value| -> Vec<String> {
        let rows = page["value"].as_array().unwrap().iter();
        rows.map(|row| row["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let mut followed = Vec::new();
    let mut next = Some(format!("{}/api/machines?$select=id", server.url));
    while let Some(url) = next {
        let page = reqwest::Client::new()
            .get(url)
            .bearer_auth(&token)
            .send()
            .await
            .unwrap();
        let page: Value = page.json().await.unwrap();
        followed.extend(ids(&page));
        next = page["@odata.nextLink"].as_str().map(str::to_owned);
    }
    assert_eq!(followed.len(), machines);
    let distinct: std::collections::BTreeSet<&String> = followed.iter().collect();
    assert_eq!(distinct.len(), machines, "none comes twice");

    let size = machines.div_ceil(10).min(10_000);
    let pages = (0..machines.div_ceil(size)).map(|page| {
        let url = format!(
            "{}/api/machines?$select=id&$top={size}&$skip={}",
            server.url,
            page * size
        );
        let request = reqwest::Client::new().get(url).bearer_auth(&token);
        tokio::spawn(async move {
            let page: Value = request.send().await.unwrap().json().await.unwrap();
            page
        })
    });
    let pages: Vec<_> = pages.collect();
    let mut skipped = Vec::new();
    for page in pages {
        skipped.extend(ids(&page.await.unwrap()));
    }
    assert!(skipped == followed, "both read in one order");
    let beyond = server
        .get(&format!("/api/machines?$skip={machines}"), Some(&token))
        .await;
    assert_eq!(ids(&beyond.json().await.unwrap()), Vec::<String>::new());
}

/// What navigation properties lead to is what their own routes answer; each needs the permission of its route.
#[tokio::test]
async fn what_rows_lead_to_is_expanded() {
    let installation = Installation::with_documents();
    let server = installation.serve(&DAY);
    let token = server.token(&server.client()).await;
    filled(&server, &token).await;
    let ask = async |path: &str| -> Value {
        let answer = server.get(path, Some(&token)).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        answer.json().await.unwrap()
    };
    let ids = |rows: &Value| -> BTreeSet<String> {
        let rows = rows.as_array().unwrap().iter();
        rows.map(|row| row["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let expand = "vulnerabilities($select=id,severity),software,recommendations($expand=software($select=id))";
    let page = ask(&format!(
        "/api/machines?$top=150&$select=id&$expand={expand}"
    ))
    .await;
    let machines = page["value"].as_array().unwrap();
    assert!(
        page["@odata.context"].as_str().unwrap().ends_with(
            "#Machines(id,vulnerabilities(id,severity),software(),recommendations(software(id)))"
        ),
        "{}",
        page["@odata.context"]
    );
    let mut expanded = 0;
    for machine in machines.iter().take(20) {
        let id = machine["id"].as_str().unwrap();
        for name in ["vulnerabilities", "software", "recommendations"] {
            let route = ask(&format!("/api/machines/{id}/{name}")).await;
            assert_eq!(ids(&machine[name]), ids(&route["value"]), "{id} {name}");
            expanded += machine[name].as_array().unwrap().len();
        }
        let names: Vec<&String> = machine.as_object().unwrap().keys().collect();
        assert_eq!(
            names,
            ["id", "recommendations", "software", "vulnerabilities"]
        );
        for recommendation in machine["recommendations"].as_array().unwrap() {
            let about = recommendation["software"]["id"].as_str().unwrap();
            assert_eq!(recommendation["id"], format!("va-_-{about}"));
        }
    }
    assert!(expanded > 100, "{expanded}");
    let one = ask(
        "/api/Software/microsoft-_-windows_10?$expand=vulnerabilities($orderby=cvssV3 desc;$top=3)",
    )
    .await;
    assert_eq!(one["vulnerabilities"].as_array().unwrap().len(), 3);
    let narrow = installation.create_app("narrow", &["Machine.Read.All"]);
    let narrow = server.token(&narrow).await;
    for (expand, status) in [
        ("", StatusCode::OK),
        ("&$expand=vulnerabilities", StatusCode::FORBIDDEN),
        (
            "&$expand=software($expand=vulnerabilities)",
            StatusCode::FORBIDDEN,
        ),
        ("&$expand=machineReferences", StatusCode::BAD_REQUEST),
    ] {
        let path = format!("/api/machines?$top=1{expand}");
        let answer = server.get(&path, Some(&narrow)).await;
        assert_eq!(answer.status(), status, "{path}");
    }
}

/// What is too long, too deep or wrong is refused, with the option and the place.
#[tokio::test]
async fn hostile_queries_are_refused() {
    let installation = Installation::new();
    let server = installation.serve(&[]);
    let token = server.token(&server.client()).await;
    let deep = "(".repeat(10_000);
    let long = "a".repeat(20_000);
    let many = vec!["'x'"; 2_000].join(",");
    for (query, told) in [
        (format!("$filter={deep}"), ""),
        (format!("$filter=id eq '{long}'"), ""),
        (format!("$filter=id in ({many})"), ""),
        ("$filter=contains(id,'(a+)+$') and".to_owned(), "$filter: "),
        (
            "$filter=nothing eq 1".to_owned(),
            "'nothing' is not a property of Machine",
        ),
        ("$filter=rbacGroupName eq 'x'".to_owned(), "$filter: "),
        ("$top=10001".to_owned(), "$top: "),
        ("$skip=-1".to_owned(), "$skip: "),
        ("$unknown=1".to_owned(), "$unknown"),
        ("$skip=1&$skip=2".to_owned(), "Filter parameter is invalid"),
    ] {
        let answer = reqwest::Client::new()
            .get(format!("{}/api/machines", server.url))
            .bearer_auth(&token);
        let mut request = answer.build().unwrap();
        let written = query.replace(' ', "%20");
        request.url_mut().set_query(Some(&written));
        let answer = reqwest::Client::new().execute(request).await.unwrap();
        let status = answer.status();
        let shown: String = query.chars().take(60).collect();
        // Beyond what a server reads of a URL at all.
        if status == StatusCode::URI_TOO_LONG {
            continue;
        }
        assert_eq!(status, StatusCode::BAD_REQUEST, "{shown}");
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["error"]["code"], "ODataError", "{shown}");
        let message = body["error"]["message"].as_str().unwrap();
        assert!(message.contains(told), "{shown}: {message}");
    }
}

/// The exports as files, with the permission each needs; what is not collected has no files.
const EXPORTS: &[(&str, &[&str], Option<&str>)] = &[
    (
        "SoftwareInventoryExport",
        SW,
        Some("SoftwareInventoryByMachine"),
    ),
    (
        "SoftwareVulnerabilitiesExport",
        VU,
        Some("SoftwareVulnerabilitiesByMachine"),
    ),
    ("SoftwareInventoryNonCpeExport", SW, None),
    ("SecureConfigurationsAssessmentExport", VU, None),
    ("InfoGatheringExport", VU, None),
    ("BaselineComplianceAssessmentExport", SB, None),
    ("certificateAssessmentExport", VU, None),
    ("browserextensionsinventoryExport", SW, None),
    ("HardwareFirmwareInventoryExport", SW, None),
];

/// Files are complete when their links are given, have the rows of the pages, and are for holders of a link only.
#[tokio::test]
async fn exports_are_had_as_files() {
    let installation = Installation::with_documents();
    let server = installation.serve(&DAY);
    let token = server.token(&server.client()).await;
    filled(&server, &token).await;
    for (export, any_of, twin) in EXPORTS {
        let path = format!("/api/machines/{export}?sasValidHours=2");
        let client = installation.create_app(export, any_of);
        let own = server.token(&client).await;
        let answer = server.get(&path, Some(&own)).await;
        assert_eq!(answer.status(), StatusCode::OK, "{export}");
        let answer: Value = answer.json().await.unwrap();
        let context = format!(
            "{}/api/$metadata#{NAMESPACE}.ExportFilesResponse",
            server.url
        );
        assert_eq!(answer["@odata.context"], context);
        let files = answer["exportFiles"].as_array().unwrap();
        let Some(twin) = twin else {
            assert!(files.is_empty(), "{export}");
            continue;
        };
        let mut lines: Vec<Value> = Vec::new();
        for file in files {
            let url = file.as_str().unwrap();
            let packed = reqwest::get(url).await.unwrap();
            assert_eq!(packed.status(), StatusCode::OK, "{url}");
            let packed = packed.bytes().await.unwrap();
            let mut text = String::new();
            let mut unpacked = flate2::read::MultiGzDecoder::new(&*packed);
            std::io::Read::read_to_string(&mut unpacked, &mut text).unwrap();
            lines.extend(
                text.lines()
                    .map(|line| serde_json::from_str::<Value>(line).unwrap()),
            );
            let forged = url.replace("/part-00000", "/part-00001");
            let refused = reqwest::get(&forged).await.unwrap();
            assert_eq!(refused.status(), StatusCode::FORBIDDEN);
            assert!(
                refused
                    .text()
                    .await
                    .unwrap()
                    .contains("AuthenticationFailed")
            );
        }
        let rows = server
            .get(
                &format!("/api/machines/{twin}?pageSize=200000"),
                Some(&token),
            )
            .await;
        let rows: Value = rows.json().await.unwrap();
        let rows = rows["value"].as_array().unwrap();
        // Files have the machines in no order, and no nulls.
        let told = |row: &Value, names: [&str; 4]| {
            let told = |name| row.get(name).filter(|value| !value.is_null());
            names.map(|name| told(name).map(Value::to_string))
        };
        let of_file = ["DeviceId", "SoftwareName", "SoftwareVersion", "CveId"];
        let of_row = ["deviceId", "softwareName", "softwareVersion", "cveId"];
        let mut lines: Vec<_> = lines.iter().map(|line| told(line, of_file)).collect();
        let mut rows: Vec<_> = rows.iter().map(|row| told(row, of_row)).collect();
        lines.sort();
        rows.sort();
        assert_eq!(lines, rows, "{export}");
        let long = server
            .get(
                &format!("/api/machines/{export}?sasValidHours=7"),
                Some(&token),
            )
            .await;
        assert_eq!(long.status(), StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn each_endpoint_has_its_permission() {
    let installation = Installation::with_documents();
    let server = installation.serve(&DAY);
    let token = server.token(&server.client()).await;
    let places = filled(&server, &token).await;
    let all: Vec<&str> = ENDPOINTS.iter().flat_map(|of| of.any_of).copied().collect();
    let all: BTreeSet<&str> = all.into_iter().collect();
    let mut tokens: BTreeMap<&str, String> = BTreeMap::new();
    for permission in &all {
        let client: Client = installation.create_app(permission, &[permission]);
        tokens.insert(permission, server.token(&client).await);
    }
    for endpoint in ENDPOINTS {
        let path = path(endpoint, &places);
        for (permission, token) in &tokens {
            let answer = server.get(&path, Some(token)).await;
            // As printed, the software of a recommendation is for readers of recommendations too, where they are people.
            let allowed = endpoint.any_of.contains(permission);
            let wanted = if allowed {
                StatusCode::OK
            } else {
                StatusCode::FORBIDDEN
            };
            assert_eq!(answer.status(), wanted, "{path} with {permission}");
            if !allowed {
                let body: Value = answer.json().await.unwrap();
                assert_eq!(body["error"]["code"], "Forbidden");
                let message = body["error"]["message"].as_str().unwrap();
                assert!(
                    message.starts_with("Missing application roles. API required roles: "),
                    "{message}"
                );
            }
        }
        let answer = server.get(&path, None).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
}

/// The same for people: each endpoint with the scope of each permission, with the right words, and no further than the role.
#[tokio::test]
async fn each_endpoint_has_its_permission_for_people() {
    let installation = Installation::with_documents();
    let server = installation.serve(&DAY);
    let token = server.token(&server.client()).await;
    let places = filled(&server, &token).await;
    let people = People::new(&installation, &server);
    people.group("managers", "manage", &[]);
    people.user("mia@contoso", "managers");
    let all: BTreeSet<&str> = ENDPOINTS.iter().flat_map(|of| of.any_of).copied().collect();
    let mut tokens: BTreeMap<&str, String> = BTreeMap::new();
    for permission in &all {
        let scope = permission.strip_suffix(".All").unwrap();
        let scope = format!("https://api.securitycenter.microsoft.com/{scope}");
        tokens.insert(permission, people.token_for("mia@contoso", &scope).await);
    }
    for endpoint in ENDPOINTS {
        let path = path(endpoint, &places);
        // As printed: people need the permission for recommendations there, applications that for software.
        let any_of = if endpoint.path == "/api/recommendations/{recommendation}/software" {
            SR
        } else {
            endpoint.any_of
        };
        for (permission, token) in &tokens {
            let answer = server.get(&path, Some(token)).await;
            let allowed = any_of.contains(permission);
            let wanted = if allowed {
                StatusCode::OK
            } else {
                StatusCode::FORBIDDEN
            };
            assert_eq!(answer.status(), wanted, "{path} with {permission}");
            if !allowed {
                let body: Value = answer.json().await.unwrap();
                assert_eq!(body["error"]["code"], "Forbidden");
                let message = body["error"]["message"].as_str().unwrap();
                assert!(
                    message.contains("required delegated permissions"),
                    "{message}"
                );
            }
        }
    }
    people.run(&["group", "member", "remove", "managers", "mia@contoso"]);
    for endpoint in ENDPOINTS {
        let path = path(endpoint, &places);
        for token in tokens.values() {
            let answer = server.get(&path, Some(token)).await;
            assert_eq!(
                answer.status(),
                StatusCode::FORBIDDEN,
                "{path} without a role"
            );
        }
    }
}

/// The properties of a type and of those it extends.
fn declared<'a>(schema: &'a Schema, of: &'a StructuredType) -> Vec<&'a Property> {
    let base = of.base.as_ref().and_then(|base| schema.structured(base));
    let mut all = base.map(|base| declared(schema, base)).unwrap_or_default();
    for own in &of.properties {
        if !all.iter().any(|known| known.name == own.name) {
            all.push(own);
        }
    }
    all
}

/// Whether an object is one of a type.
fn check(schema: &Schema, of: &StructuredType, row: &Value, path: &str) {
    let object = row.as_object().unwrap_or_else(|| panic!("{path}: {row}"));
    for (name, value) in object {
        if name.starts_with("@odata.") || BEYOND.contains(&(&of.name, name)) {
            continue;
        }
        let property = declared(schema, of)
            .into_iter()
            .find(|property| *property.name == **name);
        let property = property.unwrap_or_else(|| panic!("{path}: {} has no {name}", of.name));
        let wrong = || {
            format!(
                "{path}: {}.{name} is {value}, not {:?}",
                of.name, property.of
            )
        };
        if value.is_null() {
            let may = property.nullable || NULL.contains(&(&of.name, name));
            assert!(may, "{}", wrong());
        } else {
            assert!(is(schema, &property.of, value, path), "{}", wrong());
        }
    }
    for property in declared(schema, of) {
        let left_out = of.name == "PublicProductFixDto" && property.name == "osBuild";
        assert!(
            object.contains_key(&*property.name) || left_out,
            "{path}: {} lacks {}",
            of.name,
            property.name
        );
    }
}

fn is(schema: &Schema, of: &Type, value: &Value, path: &str) -> bool {
    match of {
        Type::Primitive(primitive) => match primitive {
            Primitive::Boolean => value.is_boolean(),
            Primitive::Byte | Primitive::Int16 | Primitive::Int32 | Primitive::Int64 => {
                value.is_i64()
            }
            Primitive::Single | Primitive::Double | Primitive::Decimal => value.is_number(),
            Primitive::DateTimeOffset => value
                .as_str()
                .is_some_and(|text| text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok()),
            _ => value.is_string(),
        },
        Type::Collection(of) => {
            let items = value.as_array();
            items.is_some_and(|items| items.iter().all(|item| is(schema, of, item, path)))
        }
        Type::Enum(members) => {
            let name = value.as_str();
            name.is_some_and(|name| members.number(name).is_some())
        }
        Type::Complex(of) => {
            check(schema, of, value, path);
            true
        }
        Type::Named(name) => {
            if let Some(members) = schema.enumeration(name) {
                return value
                    .as_str()
                    .is_some_and(|text| members.number(text).is_some());
            }
            check(schema, schema.structured(name).unwrap(), value, path);
            true
        }
    }
}
