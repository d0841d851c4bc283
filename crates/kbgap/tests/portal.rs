//! Every page of the portal, walked over a generated fleet by the links of the pages themselves.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use reqwest::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use support::browser::Browser;
use support::people::People;
use support::{Installation, Server, reports};

const MACHINES: u32 = 300;
/// The day the generated fleet is of.
const DAY: [&str; 2] = ["--as-of", "2026-02-11"];
/// The most a page may weigh, in bytes.
const WEIGHT: usize = 200 * 1024;
/// How many pages of a kind are walked.
const OF_A_KIND: usize = 6;

/// What is tried in names, tags and groups: each would run, or break out of where it stands, were it written as it is.
const HOSTILE: [&str; 10] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(2)>",
    "' onmouseover='alert(3)",
    "\" autofocus onfocus=\"alert(4)",
    "</title><svg onload=alert(5)>",
    "</svg></desc><script>alert(6)</script>",
    "javascript:alert(7)//<",
    "{{7*7}}<b>",
    "<!--<x>-->",
    "</textarea><iframe srcdoc=\"alert(8)\">",
];

/// The generated machines, as of now.
async fn filled(server: &Server, token: &str) {
    let reports = json!(reports(7, MACHINES)).to_string();
    let (status, summary) = server.post_reports(token, reports).await;
    assert_eq!(status, StatusCode::OK, "{summary}");
}

/// Where pages lead to on this host.
fn links(html: &str) -> Vec<String> {
    let links = html.split("href=\"").skip(1);
    let links = links.filter_map(|rest| rest.split('"').next());
    let links = links.filter(|link| link.starts_with('/') && !link.starts_with("/assets/"));
    links
        .map(|link| link.replace("&#38;", "&").replace("&amp;", "&"))
        .collect()
}

/// The kind of a page: its path without ids, and what is asked of it without values.
fn kind(link: &str) -> String {
    let (path, query) = link.split_once('?').unwrap_or((link, ""));
    let segments: Vec<&str> = path.split('/').collect();
    let path = match segments.as_slice() {
        ["", section, _] => format!("/{section}/*"),
        ["", section, _, rest] => format!("/{section}/*/{rest}"),
        _ => path.to_owned(),
    };
    let asked = query.split('&').map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let plain = ["tab", "format", "lang", "theme"].contains(&name);
        format!("{name}={}", if plain { value } else { "*" })
    });
    format!("{path}?{}", asked.collect::<Vec<_>>().join("&"))
}

/// Walks all kinds of pages by their links, from the overview on, and tells of each its HTML and how long it took.
async fn walk(server: &Server, token: &str) -> BTreeMap<String, (String, Duration)> {
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let mut waiting = VecDeque::from(["/".to_owned()]);
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut of_kind: BTreeMap<String, usize> = BTreeMap::new();
    let mut pages = BTreeMap::new();
    while let Some(link) = waiting.pop_front() {
        let of_kind = of_kind.entry(kind(&link)).or_default();
        if *of_kind >= OF_A_KIND || !seen.insert(link.clone()) {
            continue;
        }
        *of_kind += 1;
        let begun = Instant::now();
        let url = format!("{}{link}", server.url);
        let answer = client.get(url).bearer_auth(token).send().await.unwrap();
        if link.starts_with("/preferences") {
            assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{link}");
            continue;
        }
        assert_eq!(answer.status(), StatusCode::OK, "{link}");
        secured(&answer, &link);
        let is_page = answer.headers()[CONTENT_TYPE] == "text/html; charset=utf-8";
        let body = answer.text().await.unwrap();
        if !is_page {
            continue;
        }
        let took = begun.elapsed();
        waiting.extend(links(&body));
        pages.insert(link, (body, took));
    }
    pages
}

fn secured(answer: &Response, link: &str) {
    let headers = answer.headers();
    let policy = headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none';"), "{link}");
    assert!(!policy.contains("unsafe"), "{link}");
    assert_eq!(headers["x-content-type-options"], "nosniff", "{link}");
    assert_eq!(headers["referrer-policy"], "no-referrer", "{link}");
    assert_eq!(headers[CACHE_CONTROL], "no-store", "{link}");
}

/// What every page is to be: light, without anything inline, one heading above all, tables with captions and scopes.
fn well_made(link: &str, html: &str) {
    assert!(html.len() <= WEIGHT, "{link} weighs {}", html.len());
    assert!(html.starts_with("<!doctype html>"), "{link}");
    for inline in [
        " style=",
        "<style",
        " onclick",
        "javascript:\"",
        "href=\"javascript",
    ] {
        assert!(!html.contains(inline), "{link} has {inline}");
    }
    for script in html.split("<script").skip(1) {
        assert!(script.starts_with(" src=\"/assets/portal."), "{link}");
    }
    assert_eq!(html.matches("<h1>").count(), 1, "{link}");
    assert_eq!(html.matches("<main id=\"main\"").count(), 1, "{link}");
    assert_eq!(
        html.matches("<table>").count(),
        html.matches("<caption>").count(),
        "{link}"
    );
    let headings = html.matches("<th ").count() + html.matches("<th>").count();
    assert_eq!(headings, html.matches("<th scope=").count(), "{link}");
    assert_eq!(
        html.matches("<svg").count(),
        html.matches("<desc>").count(),
        "{link}"
    );
    for word in [
        "nav-", "col-", "tab-", "tile-", "state-", "chart-", "filter-", "alarm-",
    ] {
        let told = html.split('>').filter_map(|rest| rest.split('<').next());
        let id = told.map(str::trim).find(|text| text.starts_with(word));
        assert_eq!(id, None, "{link} shows the id of a message");
    }
}

#[tokio::test]
async fn every_page_is_light_secured_and_well_made() {
    let installation = Installation::with_documents();
    let server = installation.serve(&DAY);
    let token = server.token(&server.client()).await;
    filled(&server, &token).await;
    let pages = walk(&server, &token).await;
    let mut by_kind: BTreeMap<String, (usize, Duration)> = BTreeMap::new();
    for (link, (html, took)) in &pages {
        well_made(link, html);
        let (weight, slowest) = by_kind.entry(kind(link)).or_default();
        *weight = (*weight).max(html.len());
        *slowest = (*slowest).max(*took);
    }
    for (kind, (weight, slowest)) in &by_kind {
        println!("{kind}: at most {weight} bytes, {slowest:?}");
    }
    for wanted in [
        "/?",
        "/software?",
        "/software/*?",
        "/software/*?tab=versions",
        "/software/*?tab=machines",
        "/software/*?tab=weaknesses",
        "/updates?",
        "/updates/*?",
        "/updates/*?tab=weaknesses",
        "/machines?",
        "/machines/*?",
        "/machines/*?tab=history",
        "/machines/*?tab=software",
        "/machines/*?tab=weaknesses",
        "/weaknesses?",
        "/weaknesses/*?",
        "/weaknesses/*?tab=fixes",
    ] {
        let found = by_kind.keys().any(|kind| {
            kind.trim_end_matches('=')
                .trim_end_matches('*')
                .starts_with(wanted)
        });
        assert!(found, "{wanted} is not among {:#?}", by_kind.keys());
    }

    // Nothing of it is shown to who is not known: a browser is sent to sign in, another client told so.
    let unknown = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let unknown = unknown.build().unwrap();
    for link in pages.keys() {
        let url = format!("{}{link}", server.url);
        let refused = unknown.get(&url).bearer_auth("no token").send().await;
        assert_eq!(
            refused.unwrap().status(),
            StatusCode::UNAUTHORIZED,
            "{link}"
        );
        let refused = unknown.get(&url).send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::SEE_OTHER, "{link}");
        let place = refused.headers()["location"].to_str().unwrap();
        assert!(
            place.starts_with("/common/oauth2/sign-in?to=%2F"),
            "{place}"
        );
        secured(&refused, link);
        let body = refused.text().await.unwrap();
        assert!(
            !body.contains("<table>") && !body.contains("<nav"),
            "{link}"
        );
    }
    languages(&server, &token).await;
    assets(&server, &pages["/"].0).await;
    files(&server, &token).await;
    machines(&server, &token).await;
    refused(&server, &installation).await;
}

/// A person signs in with a browser, is shown what the own device groups have, and signs out.
#[tokio::test]
async fn a_person_reads_the_pages_of_their_device_group() {
    let installation = Installation::with_documents();
    let server = installation.serve(&DAY);
    let token = server.token(&server.client()).await;
    filled(&server, &token).await;
    let machines = server
        .read("/api/machines?$select=id,computerDnsName&$top=2", &token)
        .await;
    let [own, other] = [0, 1].map(|at| machines["value"][at].clone());
    let body = json!({ "rbacGroupName": "Finance", "machineIds": [own["id"]] });
    let (status, answer) = server
        .post("/kbgap/v1/machines/setDeviceGroup", &token, &body)
        .await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let people = People::new(&installation, &server);
    people.group("finance", "view", &["Finance"]);
    people.user("fay@contoso", "finance");
    let mut browser = Browser::new(&server);
    let page = browser.get("/machines?sort=id").await;
    assert_eq!(page.title(), "Sign in");
    let page = people.sign_in(&mut browser, &page, "fay@contoso").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.html);
    let [own_name, other_name] = [&own, &other].map(|of| of["computerDnsName"].as_str().unwrap());
    assert!(
        page.html.contains(own_name),
        "she comes to what she asked for"
    );
    assert!(!page.html.contains(other_name));
    let there = async |browser: &mut Browser, machine: &Value| {
        let path = format!("/machines/{}", machine["id"].as_str().unwrap());
        browser.get(&path).await.status
    };
    assert_eq!(there(&mut browser, &own).await, StatusCode::OK);
    assert_eq!(there(&mut browser, &other).await, StatusCode::NOT_FOUND);
    for path in ["/", "/software", "/updates", "/weaknesses"] {
        let page = browser.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert!(!page.html.contains(other_name), "{path}");
    }
    let page = browser.get("/sign-out").await;
    let page = browser.submit(&page, &[]).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.html);
    assert_eq!(browser.get("/machines").await.title(), "Sign in");
}

/// The language of the URL, of the cookie and of the browser, in this order; and the looks.
async fn languages(server: &Server, token: &str) {
    let read = async |path: &str, cookie: &str, accepted: &str| -> String {
        let request = reqwest::Client::new()
            .get(format!("{}{path}", server.url))
            .bearer_auth(token)
            .header("cookie", cookie)
            .header("accept-language", accepted);
        request.send().await.unwrap().text().await.unwrap()
    };
    for (path, cookie, accepted, language) in [
        ("/machines", "", "", "en"),
        ("/machines", "", "zh-TW,en;q=0.5", "zh-TW"),
        ("/machines", "a=b; kbgap_lang=en", "zh-TW", "en"),
        ("/machines?lang=zh-TW", "kbgap_lang=en", "en", "zh-TW"),
    ] {
        let page = read(path, cookie, accepted).await;
        assert!(
            page.contains(&format!("<html lang=\"{language}\"")),
            "{path} {cookie}"
        );
        assert_eq!(
            page.contains("缺少的更新"),
            language == "zh-TW",
            "{path} {cookie}"
        );
    }
    let dark = read("/", "kbgap_theme=dark", "").await;
    assert!(dark.contains("data-theme=\"dark\""));
}

/// Style sheet, script and icon are under the names that pages refer to, for everybody and for ever.
async fn assets(server: &Server, page: &str) {
    let names = page.split('"').filter(|text| text.starts_with("/assets/"));
    let names: BTreeSet<&str> = names.collect();
    assert_eq!(names.len(), 3, "{names:?}");
    for name in names {
        let asset = server.get(name, None).await;
        assert_eq!(asset.status(), StatusCode::OK);
        assert!(
            asset.headers()[CACHE_CONTROL]
                .to_str()
                .unwrap()
                .ends_with("immutable")
        );
    }
    let unknown = server.get("/assets/portal.css", None).await;
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
}

/// The files of a list say what the API says.
async fn files(server: &Server, token: &str) {
    let text = async |path: &str| server.get(path, Some(token)).await.text().await.unwrap();
    let rows = async |path: &str| -> Vec<Value> {
        let answer: Value = serde_json::from_str(&text(path).await).unwrap();
        let rows = answer.get("value").unwrap_or(&answer);
        rows.as_array()
            .unwrap_or_else(|| panic!("{path}: {answer}"))
            .clone()
    };
    let pairs = |rows: &[Value], names: [&str; 2]| -> BTreeSet<String> {
        let rows = rows.iter();
        rows.map(|row| format!("{} {}", row[names[0]], row[names[1]]))
            .collect()
    };
    let names = ["name", "installedMachines"];
    let (own, api) = (
        rows("/software?format=json").await,
        rows("/api/Software").await,
    );
    assert!(!own.is_empty());
    assert_eq!(
        (own.len(), pairs(&own, names)),
        (api.len(), pairs(&api, names))
    );
    let csv = text("/software?format=csv").await;
    assert_eq!(csv.lines().count(), own.len() + 1);
    // The call that is shown gives the rows that are shown.
    let vendor = rows("/software?vendor=microsoft&format=json").await;
    let api = rows("/api/Software?$filter=vendor%20eq%20'microsoft'").await;
    assert_eq!(pairs(&vendor, names), pairs(&api, names));
    assert!(vendor.len() < own.len());

    let missed = rows("/updates?format=json").await;
    let api = rows("/api/missingkbs").await;
    let own: BTreeSet<String> = missed
        .iter()
        .map(|row| format!("{} {}", row["id"], row["machineMissedOn"]))
        .collect();
    let api: BTreeSet<String> = api
        .iter()
        .map(|row| {
            format!(
                "\"KB{}\" {}",
                row["id"].as_str().unwrap(),
                row["machineMissedOn"]
            )
        })
        .collect();
    assert!(!own.is_empty());
    assert_eq!(own, api);

    let names = ["id", "osPlatform"];
    let (own, api) = (
        rows("/machines?format=json").await,
        rows("/api/machines").await,
    );
    assert_eq!(pairs(&own, names), pairs(&api, names));
    let filter = "osPlatform%20eq%20'Windows10'";
    let own = rows("/machines?os=Windows10&format=json").await;
    let api = rows(&format!("/api/machines?$filter={filter}")).await;
    assert_eq!(pairs(&own, names), pairs(&api, names));
    let csv = text("/machines?format=csv").await;
    assert_eq!(csv.lines().count(), MACHINES as usize + 1);
    let none = rows("/machines?os=Windows3.1&format=json").await;
    assert!(none.is_empty());
    let kb = missed[0]["id"].as_str().unwrap();
    let number = kb.strip_prefix("KB").unwrap();
    let own = rows(&format!("/updates/{number}?format=json")).await;
    let api = rows(&format!("/api/missingkbs/{number}/machineReferences")).await;
    assert_eq!(pairs(&own, names), pairs(&api, names));
    assert_eq!(missed[0]["machineMissedOn"], own.len());
}

/// Machines are ordered, narrowed, searched and cut to pages.
async fn machines(server: &Server, token: &str) {
    let rows = async |query: &str| -> Vec<Value> {
        let path = format!("/machines?format=json&{query}");
        let answer = server.get(&path, Some(token)).await.text().await.unwrap();
        serde_json::from_str(&answer).unwrap()
    };
    let texts = |rows: &[Value], name: &str| -> Vec<String> {
        let rows = rows.iter();
        rows.map(|row| row[name].as_str().unwrap_or_default().to_owned())
            .collect()
    };
    let all = rows("").await;
    let names = texts(&all, "computerDnsName");
    assert!(names.is_sorted_by_key(|name| name.to_lowercase()));
    let mut down = texts(&rows("sort=-computerDnsName").await, "computerDnsName");
    down.reverse();
    assert_eq!(down, names);
    let scores: Vec<f64> = rows("sort=-exposure")
        .await
        .iter()
        .map(|row| row["exposure"].as_f64().unwrap())
        .collect();
    assert!(scores.is_sorted_by(|one, other| one >= other) && scores[0] > 0.0);
    assert!(texts(&rows("sort=lastSeen").await, "lastSeen").is_sorted());
    let mut by_state = 0;
    for state in ["upToDate", "missing", "cannotTell", "inactive"] {
        let so = rows(&format!("state={state}")).await;
        assert!(so.iter().all(|row| row["state"] == state));
        by_state += so.len();
    }
    assert_eq!(by_state, all.len(), "each machine is in one state");
    let begin: String = names[0].chars().take(4).collect();
    let found = texts(
        &rows(&format!("q={}", begin.to_uppercase())).await,
        "computerDnsName",
    );
    let wanted = names
        .iter()
        .filter(|name| name.to_lowercase().starts_with(&begin.to_lowercase()));
    assert_eq!(found, wanted.cloned().collect::<Vec<_>>());
    let id = all[7]["id"].as_str().unwrap();
    assert_eq!(texts(&rows(&format!("q={id}")).await, "id"), [id]);
    let page = server
        .get("/machines?page=2", Some(token))
        .await
        .text()
        .await
        .unwrap();
    assert!(page.contains("Page 2 of 6"), "{page}");
    let name = names[50].replace('&', "&#38;");
    assert!(page.contains(&name), "the second page begins with {name}");
}

/// What is not there is said to be so, and what is not allowed.
async fn refused(server: &Server, installation: &Installation) {
    let narrow = installation.create_app("narrow", &["Machine.Read.All"]);
    let narrow = server.token(&narrow).await;
    for path in ["/", "/software", "/updates", "/weaknesses"] {
        let answer = server.get(path, Some(&narrow)).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{path}");
        let body = answer.text().await.unwrap();
        assert!(body.contains(".Read.All"), "{body}");
    }
    assert_eq!(
        server.get("/machines", Some(&narrow)).await.status(),
        StatusCode::OK
    );
    let token = server.token(&server.client()).await;
    for path in [
        "/software/no",
        "/updates/7",
        "/updates/x",
        "/machines/no",
        "/weaknesses/CVE-1-1",
    ] {
        let answer = server.get(path, Some(&token)).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn what_machines_report_is_inert_on_every_page() {
    let installation = Installation::with_documents();
    let server = installation.serve(&DAY);
    let token = server.token(&server.client()).await;
    let now = jiff::Timestamp::now().to_string();
    let reports = HOSTILE.iter().enumerate().map(|(at, words)| {
        json!({
            "id": format!("{words}{at}"),
            "name": words,
            "reportedAt": now,
            "os": {
                "name": "Microsoft Windows 10 Enterprise",
                "version": "10.0.19045.2000",
                "displayVersion": "22H2",
                "architecture": "x64",
                "installationType": "Client",
            },
            "updates": [],
            "updatesComplete": true,
            "software": [
                { "vendor": words, "name": words, "version": words },
                { "vendor": format!("v {words}"), "name": "thing", "version": "1.0" },
            ],
        })
    });
    let reports: Vec<Value> = reports.collect();
    let (status, summary) = server
        .post_reports(&token, json!(reports).to_string())
        .await;
    assert_eq!(status, StatusCode::OK, "{summary}");
    assert_eq!(summary["new"], HOSTILE.len(), "{summary}");
    let machines = server.get("/api/machines", Some(&token)).await;
    let machines: Value = machines.json().await.unwrap();
    for (machine, words) in machines["value"].as_array().unwrap().iter().zip(HOSTILE) {
        let client = reqwest::Client::new();
        let mut url = reqwest::Url::parse(&server.url).unwrap();
        url.path_segments_mut().unwrap().extend([
            "api",
            "machines",
            machine["id"].as_str().unwrap(),
            "tags",
        ]);
        let tag = json!({ "Value": words, "Action": "Add" });
        let tagged = client
            .post(url)
            .bearer_auth(&token)
            .body(tag.to_string())
            .send()
            .await;
        assert_eq!(tagged.unwrap().status(), StatusCode::OK, "{words}");
    }
    let pages = walk(&server, &token).await;
    let mut met = BTreeSet::new();
    for (link, (html, _)) in &pages {
        well_made(link, html);
        for words in HOSTILE {
            // In lower case too: software names are.
            assert!(!html.contains(words), "{link} has {words}");
            assert!(
                !html.to_lowercase().contains(&words.to_lowercase()),
                "{link} has {words}"
            );
        }
        // They are there, in words.
        for at in 1..=8 {
            if html.contains(&format!("alert({at})")) {
                met.insert((kind(link), at));
            }
        }
    }
    for wanted in ["/machines?", "/machines/*?", "/software?"] {
        assert!(
            met.iter().any(|(kind, _)| kind.starts_with(wanted)),
            "{wanted}: {met:?}"
        );
    }
    let hostile = "q=%22%3E%3Cscript%3Ealert(9)%3C/script%3E&sort=%22%3Ex&vendor=%3Cx%3E&page=2";
    for section in ["/software", "/updates", "/machines", "/weaknesses"] {
        let page = server
            .get(&format!("{section}?{hostile}"), Some(&token))
            .await;
        let page = page.text().await.unwrap();
        assert!(!page.contains("<script>alert"), "{section}");
        well_made(section, &page);
    }
}
