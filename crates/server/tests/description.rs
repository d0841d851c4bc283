//! The description of the API, for programs and for people: both tell the same, and what the API does.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod serving;

use kbgap_identity::Permission;
use reqwest::StatusCode;
use serde_json::{Map, Value};
use serving::{Place, Running, nothing};

async fn running() -> (Place, Running, Map<String, Value>) {
    let place = Place::sqlite();
    let running = Running::start(&place.store().await, nothing()).await;
    let answer = running.get("/openapi.json", None).await;
    let Value::Object(document) = answer.json().await.unwrap() else {
        panic!("no object");
    };
    (place, running, document)
}

#[tokio::test]
async fn everything_described_is_on_the_page() {
    let (_place, running, document) = running().await;
    let answer = running.get("/openapi", None).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "text/html; charset=utf-8");
    assert_eq!(header("x-content-type-options"), "nosniff");
    let policy = header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'self';"));
    assert!(!policy.contains("unsafe"));
    let page = answer.text().await.unwrap();
    for part in ["<script", " style=", "<style", " on"] {
        let elements = page.split('<').skip(1);
        let mut tags = elements.map(|element| format!("<{}", element.split('>').next().unwrap()));
        let found = tags.find(|tag| tag.contains(part) && !tag.starts_with("<a "));
        assert_eq!(found, None, "{part}");
    }

    let mut operations = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            operations += 1;
            let method = method.to_uppercase();
            let heading = format!("<span class=\"method\">{method}</span> <code>{path}</code>");
            let (_, rest) = page
                .split_once(&heading)
                .unwrap_or_else(|| panic!("{path}"));
            let (own, _) = rest.split_once("</article>").unwrap();
            for parameter in operation["parameters"].as_array().unwrap() {
                let name = parameter["name"].as_str().unwrap();
                assert!(
                    own.contains(&format!("<code>{name}</code>")),
                    "{path} {name}"
                );
            }
            for one in operation["security"].as_array().unwrap() {
                let role = one["token"][0].as_str().unwrap();
                assert!(
                    own.contains(&format!("<code>{role}</code>")),
                    "{path} {role}"
                );
            }
            assert!(own.contains("curl -H"), "{path}");
        }
    }
    assert!(operations > 30);
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let (_, rest) = page
            .split_once(&format!("<details id=\"type-{name}\">"))
            .unwrap_or_else(|| panic!("{name}"));
        let (own, _) = rest.split_once("</details>").unwrap();
        let properties = schema["properties"].as_object().into_iter().flatten();
        let members = schema["enum"].as_array().into_iter().flatten();
        let names = properties.map(|(name, _)| name.as_str());
        for part in names.chain(members.map(|member| member.as_str().unwrap())) {
            assert!(
                own.contains(&format!("<code>{part}</code>")),
                "{name} {part}"
            );
        }
    }
    // No link within the page leads nowhere.
    for link in page.split("href=\"#").skip(1) {
        let (id, _) = link.split_once('"').unwrap();
        assert_eq!(page.matches(&format!(" id=\"{id}\"")).count(), 1, "{id}");
    }

    let style = running.get("/openapi.css", None).await;
    assert_eq!(style.headers()["content-type"], "text/css; charset=utf-8");
    assert!(
        style
            .text()
            .await
            .unwrap()
            .contains("prefers-color-scheme: dark")
    );
}

#[tokio::test]
async fn a_filter_shows_what_has_its_words_and_is_inert() {
    let (_place, running, _) = running().await;
    let page = running.get("/openapi?q=exposurescore", None).await;
    let page = page.text().await.unwrap();
    assert!(page.contains("<code>/api/exposureScore/ByMachineGroups</code>"));
    assert!(page.contains("<details id=\"type-ConfigurationScore\">"));
    assert!(!page.contains("<code>/api/Software</code>"));
    let by_permission = running.get("/openapi?q=Machine.ReadWrite", None).await;
    let by_permission = by_permission.text().await.unwrap();
    assert!(by_permission.contains("<code>/api/machines</code>"));
    assert!(!by_permission.contains("<code>/api/vulnerabilities</code>"));

    let hostile = "%22%3E%3Cscript%3Ealert(1)%3C/script%3E%3Cimg%20src=x%20onerror='a'%3E";
    let page = running.get(&format!("/openapi?q={hostile}"), None).await;
    assert_eq!(page.status(), StatusCode::OK);
    let page = page.text().await.unwrap();
    assert!(!page.contains("<script") && !page.contains("<img") && !page.contains("\"><"));
    assert!(page.contains("Nothing here has"));
    for strange in ["q=%ff%00", "q", "q=&q=%3C", "%", "q=a&q=b&=&&"] {
        let page = running.get(&format!("/openapi?{strange}"), None).await;
        assert_eq!(page.status(), StatusCode::OK, "{strange}");
    }
    let long = format!("/openapi?q={}", "%3C".repeat(5_000));
    let page = running.get(&long, None).await.text().await.unwrap();
    assert!(page.len() < 10_000, "{}", page.len());
}

/// The permissions that are described are those that are asked for.
#[tokio::test]
async fn described_permissions_are_those_needed() {
    let (_place, running, document) = running().await;
    for (path, methods) in document["paths"].as_object().unwrap() {
        let operation = &methods["get"];
        let roles = operation["security"].as_array().unwrap().iter();
        let roles: Vec<&str> = roles.map(|one| one["token"][0].as_str().unwrap()).collect();
        let other = Permission::ALL.into_iter();
        let other: Vec<Permission> = other
            .filter(|permission| !roles.contains(&permission.role()))
            .collect();
        let token = running.token(&other).await;
        let path = path.replace("{id}", "12345678");
        let answer = running.get(&path, Some(&token)).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{path}");
        let answer: Value = answer.json().await.unwrap();
        let message = answer["error"]["message"].as_str().unwrap();
        let needed = format!("API required roles: {},", roles.join(","));
        let message = message.replace(", ", ",");
        assert!(message.contains(&needed), "{path}: {message}, not {needed}");
        for role in roles {
            let token = running.token(&[role.parse().unwrap()]).await;
            let answer = running.get(&path, Some(&token)).await;
            assert_ne!(answer.status(), StatusCode::FORBIDDEN, "{path} {role}");
        }
    }
}
