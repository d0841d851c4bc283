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

use std::collections::BTreeMap;

use kbgap_odata::csdl;
use kbgap_odata::edm::{Primitive, Property, Schema, StructuredType, Type};
use kbgap_synthetic::{Era, SyntheticFleet};
use reqwest::StatusCode;
use serde_json::{Value, json};
use support::{Client, Installation, Server};

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
    }
}

/// Tables 1a to 1j of the API specification.
const ENDPOINTS: &[Endpoint] = &[
    list(
        "/api/machines/SoftwareVulnerabilityChangesByMachine?sinceTime=2020-01-01T00:00:00Z&pageSize=50",
        "Collection(DeltaAssetVulnerability)",
        "DeltaAssetVulnerability",
        VU,
    ),
    list(
        "/api/missingkbs",
        "Collection(PublicProductFixDto)",
        "PublicProductFixDto",
        SW,
    ),
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
    ),
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
    ),
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
    ),
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
    ),
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
    ),
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
    ),
    empty(
        "/api/Machines/BrowserExtensionsInventoryByMachine",
        "Collection(AssetBrowserExtension)",
        "AssetBrowserExtension",
        SW,
    ),
    empty(
        "/api/machines/HardwareFirmwareInventoryByMachine",
        "Collection(AssetHardwareFirmware)",
        "AssetHardwareFirmware",
        SW,
    ),
    empty(
        "/api/machines/certificateAssessmentByMachine",
        "Collection(AssetCertificateAssessment)",
        "AssetCertificateAssessment",
        VU,
    ),
    empty(
        "/api/machines/baselineComplianceAssessmentByMachine",
        "Collection(AssetBaselineAssessment)",
        "AssetBaselineAssessment",
        SB,
    ),
    empty(
        "/api/browserextensions/permissionsinfo",
        "BrowserExtensions",
        "BrowserExtensions",
        SW,
    ),
    empty(
        "/api/baselineProfiles",
        "BaselineProfiles",
        "BaselineProfile",
        SB,
    ),
    empty(
        "/api/baselineConfigurations",
        "BaselineConfigurations",
        "BaselineConfiguration",
        SB,
    ),
    empty(
        "/api/baselineExceptions",
        "BaselineExceptions",
        "BaselineException",
        SB,
    ),
    list("/api/machines", "Machines", "Machine", MR),
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
    ),
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
    let fleet = SyntheticFleet::new(Era::Winter2026, 7, MACHINES).unwrap();
    let later = jiff::Timestamp::now().duration_since(fleet.today());
    let reports = fleet.reports().map(|mut report| {
        report.reported_at = report.reported_at.map(|at| at + later);
        serde_json::to_value(report).unwrap()
    });
    let reports: Vec<Value> = reports.collect();
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

#[tokio::test]
async fn each_endpoint_has_its_permission() {
    let installation = Installation::with_documents();
    let server = installation.serve(&DAY);
    let token = server.token(&server.client()).await;
    let places = filled(&server, &token).await;
    let all: Vec<&str> = ENDPOINTS.iter().flat_map(|of| of.any_of).copied().collect();
    let all: std::collections::BTreeSet<&str> = all.into_iter().collect();
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
