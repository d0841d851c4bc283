//! The main job through the real binary and HTTP: documents and reports in, Defender's own answers out.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod support;

use reqwest::StatusCode;
use serde_json::{Value, json};
use support::{Database, Installation, Server};

/// The day Microsoft's documented example is of: before KB4551762 replaced KB4540673.
const DAY: [&str; 2] = ["--as-of", "2020-03-11"];

const SOFTWARE: &str = "/api/Software/microsoft-_-edge/getmissingkbs";

/// Each test with either database.
macro_rules! on_both {
    ($($test:ident),* $(,)?) => {$(
        mod $test {
            use super::support::Database;

            #[tokio::test]
            async fn on_sqlite() {
                super::$test(Database::Sqlite).await;
            }

            #[tokio::test]
            async fn on_postgres() {
                super::$test(Database::Postgres).await;
            }
        }
    )*};
}

on_both! {
    the_documented_answers,
    every_spelling_of_a_path_is_answered,
    refusals_are_worded_as_defenders,
    a_batch_keeps_what_is_right_and_names_what_is_not,
    tokens_are_given_in_both_versions_and_refused_as_entra_does,
    what_other_commands_change_is_taken_over_while_serving,
    evidence_is_served_beside_the_api,
    applications_count_for_machine_and_software,
    a_host_of_osquery_enrolls_reports_and_is_refused_when_its_secret_is_gone,
    scores_are_kept_and_tasks_completed_while_serving,
}

/// A Windows 10 1909 machine with February's cumulative update.
fn machine(number: usize) -> Value {
    json!({
        "id": format!("{number:040x}"),
        "name": format!("desk-{number:04}.example.org"),
        "os": {
            "name": "Microsoft Windows 10 Enterprise",
            "version": "10.0.18363.657",
            "architecture": "x64",
            "installationType": "Client",
        },
        "updates": [{ "kb": "KB4532693", "installedOn": "2020-02-12" }],
    })
}

async fn fleet(server: &Server, token: &str) {
    let machines: Vec<Value> = (1..=240).map(machine).collect();
    let (status, summary) = server
        .post_reports(token, Value::from(machines).to_string())
        .await;
    assert_eq!(
        (status, &summary["new"]),
        (StatusCode::OK, &json!(240)),
        "{summary}"
    );
}

async fn the_documented_answers(database: Database) {
    let installation = Installation::with_documents_on(database);
    let server = installation.serve(&DAY);
    let client = server.client();
    let token = server.token(&client).await;
    fleet(&server, &token).await;

    let answer = server
        .get(SOFTWARE, Some(&token))
        .await
        .text()
        .await
        .unwrap();
    let host = &server.url;
    let row = r#"{"id":"4540673","name":"March 2020 Security Updates","productsNames":["edge"],"url":"https://catalog.update.microsoft.com/v7/site/Search.aspx?q=KB4540673","machineMissedOn":240,"cveAddressed":14}"#;
    let context = "/api/$metadata#Collection(microsoft.windowsDefenderATP.api.PublicProductFixDto)";
    assert_eq!(
        answer,
        format!(r#"{{"@odata.context":"{host}{context}","value":[{row}]}}"#)
    );

    let path = format!("/api/machines/{:040x}/getmissingkbs", 7);
    let answer: Value = server.get(&path, Some(&token)).await.json().await.unwrap();
    let row = answer["value"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["id"] == "4540673");
    assert_eq!(
        row.unwrap(),
        &json!({
            "id": "4540673",
            "name": "March 2020 Security Updates",
            "osBuild": 18363,
            "productsNames": ["windows_10", "edge", "internet_explorer"],
            "url": "https://catalog.update.microsoft.com/v7/site/Search.aspx?q=KB4540673",
            "machineMissedOn": 1,
            "cveAddressed": 97,
        })
    );

    // What was acknowledged is on disk: a killed server answers the same when started again.
    server.kill();
    let again = installation.serve(&DAY);
    assert!(
        again.shown("client secret").is_none(),
        "a secret is shown once only"
    );
    let token = again.token(&client).await;
    let after: Value = again.get(&path, Some(&token)).await.json().await.unwrap();
    assert_eq!(after["value"], answer["value"]);

    // A patched machine counts no more.
    let mut patched = machine(7);
    patched["os"]["version"] = json!("10.0.18363.719");
    patched["updates"] = json!([{ "kb": 4_540_673 }]);
    let (_, summary) = again.post_reports(&token, patched.to_string()).await;
    assert_eq!(summary["changed"], 1);
    let answer: Value = again
        .get(SOFTWARE, Some(&token))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(answer["value"][0]["machineMissedOn"], 239);
}

async fn every_spelling_of_a_path_is_answered(database: Database) {
    let installation = Installation::with_documents_on(database);
    let server = installation.serve(&DAY);
    let token = server.token(&server.client()).await;
    fleet(&server, &token).await;
    for path in [
        "/API/SOFTWARE/Microsoft-_-Edge/GetMissingKbs",
        "/api/v1.0/software/microsoft-_-edge/getmissingkbs/",
        "/api/Software/microsoft-_-edge/getmissingkbs?$top=10",
    ] {
        let answer: Value = server.get(path, Some(&token)).await.json().await.unwrap();
        assert_eq!(answer["value"][0]["machineMissedOn"], 240, "{path}");
    }
    for path in [
        format!("/api/machines/{:040X}/getmissingkbs", 7),
        "/api/machines/DESK-0007.example.org/getmissingkbs".to_owned(),
    ] {
        let answer: Value = server.get(&path, Some(&token)).await.json().await.unwrap();
        assert_eq!(
            answer["@odata.count"],
            json!(answer["value"].as_array().unwrap().len())
        );
        assert!(
            answer["@odata.context"]
                .as_str()
                .unwrap()
                .starts_with(&server.url)
        );
    }
    // Software without anything missing, and software that nobody knows.
    let none = server
        .get(
            "/api/Software/microsoft-_-office/getmissingkbs",
            Some(&token),
        )
        .await;
    let none: Value = none.json().await.unwrap();
    assert_eq!(none["value"], json!([]));
    let unknown = server
        .get("/api/Software/nobody-_-nothing/getmissingkbs", Some(&token))
        .await;
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
}

async fn error(response: reqwest::Response) -> (u16, String, String) {
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    let error = &body["error"];
    assert_eq!(error["target"].as_str().unwrap().len(), 36, "{body}");
    let text = |name: &str| error[name].as_str().unwrap().to_owned();
    (status, text("code"), text("message"))
}

async fn refusals_are_worded_as_defenders(database: Database) {
    let installation = Installation::on(database);
    let poor = installation.create_app("no rights", &["Score.Read.All"]);
    // There is an application already: none is created on the first start.
    let server = installation.serve(&[]);
    assert!(server.shown("client secret").is_none());
    let token = server.token(&poor).await;

    let missing = server.get(SOFTWARE, None).await;
    assert_eq!(missing.headers()["www-authenticate"], "Bearer");
    let (status, code, _) = error(missing).await;
    assert_eq!((status, code.as_str()), (401, "Unauthorized"));
    let wrong = server.get(SOFTWARE, Some("a.b.c")).await;
    let challenge = wrong.headers()["www-authenticate"].to_str().unwrap();
    assert!(
        challenge.starts_with("Bearer error=\"invalid_token\""),
        "{challenge}"
    );
    assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED);

    assert_eq!(
        error(server.get(SOFTWARE, Some(&token)).await).await,
        (
            403,
            "Forbidden".to_owned(),
            "Missing application roles. API required roles: Software.Read.All, application roles: Score.Read.All.".to_owned()
        )
    );
    let (status, refused) = server.post_reports(&token, "{}".to_owned()).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(refused["error"]["code"], "Forbidden");

    let reader = installation.create_app("reader", &["Software.Read.All"]);
    let token = server.token(&reader).await;
    assert_eq!(
        error(
            server
                .get("/api/machines/123123123/getmissingkbs", Some(&token))
                .await
        )
        .await,
        (
            404,
            "ResourceNotFound".to_owned(),
            "Machine 123123123 was not found".to_owned()
        )
    );
    let (status, code, _) = error(server.get("/api/nothing", Some(&token)).await).await;
    assert_eq!((status, code.as_str()), (404, "NotFound"));
    let posted = reqwest::Client::new().post(format!("{}{SOFTWARE}", server.url));
    let (status, _, _) = error(posted.send().await.unwrap()).await;
    assert_eq!(status, 405);
}

async fn a_batch_keeps_what_is_right_and_names_what_is_not(database: Database) {
    let installation = Installation::on(database);
    let server = installation.serve(&[]);
    let token = server.token(&server.client()).await;
    let batch = json!([machine(1), { "name": 7 }, {}, { "name": "x", "os": { "name": "Debian" } }]);
    let (status, summary) = server.post_reports(&token, batch.to_string()).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        (&summary["received"], &summary["new"]),
        (&json!(4), &json!(2))
    );
    let places = |field: &str| {
        let items = summary[field].as_array().unwrap().iter();
        items
            .map(|item| item["index"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (places("rejected"), places("unidentified")),
        (vec![1, 2], vec![3])
    );
    // A machine whose product cannot be told is known, but nothing is guessed of it.
    let answer = server
        .get("/api/machines/x/getmissingkbs", Some(&token))
        .await;
    assert_eq!(answer.json::<Value>().await.unwrap()["value"], json!([]));

    let (status, answer) = server.post_reports(&token, "{\"name\": ".to_owned()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(answer["error"]["code"], "InvalidRequestBody");
    let (status, answer) = server
        .post_reports(&token, "{\"name\": 7}".to_owned())
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
    let lines = format!("{}\n{}\n", machine(2), machine(3));
    let (_, summary) = server.post_reports(&token, lines).await;
    assert_eq!(summary["new"], 2, "one report a line");
    // What systeminfo prints is taken as it is.
    let info = kbgap_corpus::machines().join("11_24H2_x64_enterprise_systeminfo.txt");
    let (_, summary) = server
        .post_reports(&token, std::fs::read_to_string(info).unwrap())
        .await;
    assert_eq!(summary["new"], 1, "{summary}");
}

async fn tokens_are_given_in_both_versions_and_refused_as_entra_does(database: Database) {
    let installation = Installation::on(database);
    let server = installation.serve(&[]);
    let client = server.client();
    let http = reqwest::Client::new();
    let v1 = http
        .post(format!("{}/{}/oauth2/token", server.url, client.tenant))
        .form(&[
            ("grant_type", "client_credentials"),
            ("client_id", &client.id),
            ("client_secret", &client.secret),
            (
                "resource",
                "https://securitycenter.onmicrosoft.com/windowsatpservice",
            ),
        ])
        .send()
        .await
        .unwrap();
    let v1: Value = v1.json().await.unwrap();
    assert_eq!(v1["expires_in"], "3599");
    assert_eq!(
        v1["resource"],
        "https://securitycenter.onmicrosoft.com/windowsatpservice"
    );
    let token = v1["access_token"].as_str().unwrap();
    let health = server
        .get("/api/Software/x/getmissingkbs", Some(token))
        .await;
    assert_eq!(
        health.status(),
        StatusCode::NOT_FOUND,
        "accepted, but unknown software"
    );

    for (tenant, secret, status, error, code) in [
        (
            client.tenant.as_str(),
            "wrong",
            401,
            "invalid_client",
            7_000_215,
        ),
        ("nobody", &client.secret, 400, "invalid_request", 90_002),
    ] {
        let refused = http
            .post(format!("{}/{tenant}/oauth2/v2.0/token", server.url))
            .form(&[
                ("grant_type", "client_credentials"),
                ("client_id", &client.id),
                ("client_secret", secret),
                ("scope", "https://api.securitycenter.microsoft.com/.default"),
            ])
            .send()
            .await
            .unwrap();
        assert_eq!(refused.status().as_u16(), status);
        let refused: Value = refused.json().await.unwrap();
        assert_eq!(
            (&refused["error"], &refused["error_codes"][0]),
            (&json!(error), &json!(code))
        );
    }

    let discovery = format!("/{}/v2.0/.well-known/openid-configuration", client.tenant);
    let metadata: Value = server.get(&discovery, None).await.json().await.unwrap();
    let keys: Value = reqwest::get(metadata["jwks_uri"].as_str().unwrap())
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(keys["keys"][0]["kty"], "RSA");
    assert!(
        keys["keys"][0].get("d").is_none(),
        "the private part stays private"
    );

    let token = installation
        .command(["token", "--url", &server.url, "--client-id", &client.id])
        .env("KBGAP_CLIENT_SECRET", &client.secret)
        .output()
        .unwrap();
    assert_eq!(support::stdout(&token).trim().split('.').count(), 3);
}

async fn what_other_commands_change_is_taken_over_while_serving(database: Database) {
    let installation = Installation::on(database);
    let server = installation.serve(&DAY);
    let token = server.token(&server.client()).await;
    let report = installation.file("desk.json", machine(1).to_string());
    let imported = installation.run(["inventory", "import", &report]);
    assert!(imported.status.success(), "{}", support::stderr(&imported));
    let corpus = kbgap_corpus::cvrf();
    let imported = installation.run(["catalog", "import", corpus.to_str().unwrap()]);
    assert!(imported.status.success(), "{}", support::stderr(&imported));
    let mut answer = Value::Null;
    for _ in 0..100 {
        let response = server.get(SOFTWARE, Some(&token)).await;
        answer = response.json().await.unwrap();
        if answer["value"][0]["machineMissedOn"] == 1 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("not taken over: {answer}");
}

#[test]
fn the_demonstration_answers_the_documented_example() {
    let output = Installation::new().run(["demo", "--at", "127.0.0.1:0", "--once"]);
    let answer = support::json(&output);
    let rows = answer["value"].as_array().unwrap();
    let row = rows.iter().find(|row| row["id"] == "4540673").unwrap();
    assert_eq!(
        (&row["machineMissedOn"], &row["cveAddressed"]),
        (&json!(240), &json!(14))
    );
}

async fn evidence_is_served_beside_the_api(database: Database) {
    let installation = Installation::with_documents_on(database);
    let server = installation.serve(&DAY);
    let token = server.token(&server.client()).await;
    fleet(&server, &token).await;
    let path = format!("/kbgap/v1/machines/{:040x}/evidence", 7);
    let answer: Value = server.get(&path, Some(&token)).await.json().await.unwrap();
    let march = answer["value"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["kb"] == "4540673")
        .unwrap();
    assert_eq!(march["verdict"], "missing");
    assert_eq!(march["windows"], "Windows 10 1909 x64");
    assert_eq!(march["products"][0]["shownBy"], "the operating system");
    assert_eq!(march["because"][0]["sources"][0]["id"], "2020-Mar");

    // Any update can be asked for, by number, with a chain where there is one.
    let january = server.get(&format!("{path}/KB4528760"), Some(&token)).await;
    let january: Value = january.json().await.unwrap();
    assert_eq!(january["verdict"], "present", "{january}");
    assert!(
        january["because"].as_array().unwrap().len() > 1,
        "{january}"
    );
    let none = server.get(&format!("{path}/KB4474419"), Some(&token)).await;
    assert_eq!(none.status(), StatusCode::NOT_FOUND);
    let wrong = server.get(&format!("{path}/march"), Some(&token)).await;
    assert_eq!(wrong.status(), StatusCode::BAD_REQUEST);
    assert_eq!(
        server.get(&path, None).await.status(),
        StatusCode::UNAUTHORIZED
    );
}

async fn applications_count_for_machine_and_software(database: Database) {
    let installation = Installation::with_documents_on(database);
    let server = installation.serve(&[]);
    let token = server.token(&server.client()).await;
    let mut behind = machine(1);
    behind["software"] = json!([
        { "vendor": "Microsoft Corporation", "name": "Microsoft SQL Server 2019 (64-bit)" },
        { "vendor": "Microsoft Corporation", "name": "SQL Server 2019 Database Engine Services", "version": "15.0.2000.5" },
    ]);
    let (status, summary) = server.post_reports(&token, behind.to_string()).await;
    assert_eq!(status, StatusCode::OK, "{summary}");
    let software = server
        .get(
            "/api/Software/microsoft-_-sql_server_2019/getmissingkbs",
            Some(&token),
        )
        .await;
    let software: Value = software.json().await.unwrap();
    let rows = software["value"].as_array().unwrap();
    assert_eq!(rows.len(), 1, "{software}");
    assert_eq!(rows[0]["id"], "5068405");
    assert_eq!(rows[0]["productsNames"], json!(["sql_server_2019"]));
    assert_eq!(rows[0]["machineMissedOn"], 1);
    let path = format!("/api/machines/{:040x}/getmissingkbs", 1);
    let machine: Value = server.get(&path, Some(&token)).await.json().await.unwrap();
    let rows = machine["value"].as_array().unwrap();
    assert!(rows.iter().any(|row| row["id"] == "5068405"), "{machine}");
}

/// What a server answers for Edge, asked until it is as wanted, for a second at most after the report.
async fn until(server: &Server, token: &str, wanted: u64) {
    let begin = std::time::Instant::now();
    loop {
        let answer: Value = server
            .get(SOFTWARE, Some(token))
            .await
            .json()
            .await
            .unwrap();
        if answer["value"][0]["machineMissedOn"] == wanted {
            return;
        }
        assert!(begin.elapsed().as_secs() < 60, "{answer}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn two_servers_on_one_database_show_what_either_took_in_and_either_may_die() {
    let installation = Installation::with_documents_on(Database::Postgres);
    let other = installation.beside();
    let one = installation.serve(&DAY);
    let client = one.client();
    let two = other.serve(&DAY);
    let at_one = one.token(&client).await;
    let at_two = two.token(&client).await;
    fleet(&one, &at_one).await;
    until(&two, &at_two, 240).await;
    let mut patched = machine(7);
    patched["os"]["version"] = json!("10.0.18363.719");
    patched["updates"] = json!([{ "kb": 4_540_673 }]);
    let (_, summary) = two.post_reports(&at_two, patched.to_string()).await;
    assert_eq!(summary["changed"], 1, "{summary}");
    until(&one, &at_one, 239).await;
    // Either may die: the other goes on, and what was taken in stays.
    one.kill();
    let (_, summary) = two.post_reports(&at_two, machine(7).to_string()).await;
    assert_eq!(summary["changed"], 1, "{summary}");
    until(&two, &at_two, 240).await;
    let again = installation.serve(&DAY);
    let token = again.token(&client).await;
    until(&again, &token, 240).await;
}

#[tokio::test]
async fn documents_imported_elsewhere_are_taken_over() {
    let installation = Installation::on(Database::Postgres);
    let other = installation.beside();
    let server = other.serve(&DAY);
    let token = server.token(&server.client()).await;
    fleet(&server, &token).await;
    let output = installation.run(["catalog", "import", kbgap_corpus::cvrf().to_str().unwrap()]);
    assert!(output.status.success(), "{}", support::stderr(&output));
    until(&server, &token, 240).await;
}

async fn osquery(server: &Server, route: &str, body: Value) -> Value {
    let answer = reqwest::Client::new()
        .post(format!("{}/kbgap/v1/osquery/{route}", server.url))
        .body(body.to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    answer.json().await.unwrap()
}

async fn a_host_of_osquery_enrolls_reports_and_is_refused_when_its_secret_is_gone(
    database: Database,
) {
    let installation = Installation::with_documents_on(database);
    let created = installation.run(["enroll-secret", "create", "laptops"]);
    let secret = support::stdout(&created).trim().to_owned();
    let server = installation.serve(&DAY);
    let client = server.client();
    let token = server.token(&client).await;
    let enroll = |secret: &str| json!({ "enroll_secret": secret, "host_identifier": "desk-7", "platform_type": "2" });
    let wrong = osquery(&server, "enroll", enroll("wrong")).await;
    assert_eq!(wrong["node_invalid"], true);
    let key = osquery(&server, "enroll", enroll(&secret)).await["node_key"].clone();
    let now = jiff::Timestamp::now().as_second().to_string();
    let answer = |query: &str, rows: Value| {
        json!({ "name": format!("pack_kbgap_{query}"), "hostIdentifier": "desk-7", "unixTime": now,
            "action": "snapshot", "snapshot": rows })
    };
    let os = json!([{ "name": "Microsoft Windows 10 Enterprise", "version": "10.0.18363", "platform": "windows",
        "ubr": "657", "display_version": "1909", "processor_architecture": "AMD64", "installation_type": "Client" }]);
    let updates = json!([{ "hotfix_id": "KB4532693", "installed_on": "2/12/2020" }]);
    let log = json!({ "node_key": key, "log_type": "result",
        "data": [answer("os", os), answer("updates", updates)] });
    assert_eq!(
        osquery(&server, "log", log.clone()).await["node_invalid"],
        false
    );
    let lacking: Value = server
        .get(SOFTWARE, Some(&token))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(lacking["value"][0]["machineMissedOn"], 1, "{lacking}");

    // Another process knows the key as well; without its secret it is worth nothing.
    server.kill();
    let again = installation.serve(&DAY);
    let config = osquery(&again, "config", json!({ "node_key": key })).await;
    assert!(config["packs"]["kbgap"]["queries"].is_object(), "{config}");
    let listed = support::stdout(&installation.run(["enroll-secret", "list"]));
    let id = listed.split_whitespace().next().unwrap();
    assert!(
        installation
            .run(["enroll-secret", "remove", id])
            .status
            .success()
    );
    assert_eq!(osquery(&again, "log", log).await["node_invalid"], true);
}

/// The upkeep of the program itself: at once when it starts, and each minute.
async fn scores_are_kept_and_tasks_completed_while_serving(database: Database) {
    let installation = Installation::with_documents_on(database);
    let roles = [
        "Inventory.Write.All",
        "Machine.ReadWrite.All",
        "RemediationTasks.Read.All",
        "Score.Read.All",
    ];
    let client = installation.create_app("upkeep", &roles);
    let server = installation.serve(&DAY);
    let token = server.token(&client).await;
    server
        .post_reports(&token, Value::from(vec![machine(1)]).to_string())
        .await;
    let wanted = json!({ "productId": "microsoft-_-windows_10", "kb": "KB4540673" });
    let created = server
        .http()
        .post(format!("{}/kbgap/v1/remediationTasks", server.url))
        .bearer_auth(&token)
        .body(wanted.to_string());
    let task: Value = created.send().await.unwrap().json().await.unwrap();
    assert_eq!(
        (&task["targetDevices"], &task["fixedDevices"]),
        (&json!(1), &json!(0))
    );
    let path = format!("/api/remediationTasks/{}", task["id"].as_str().unwrap());
    server.kill();

    // One machine is left: the score is kept, the task is not completed.
    let server = installation.serve(&DAY);
    let token = server.token(&client).await;
    let history = "/kbgap/v1/exposureScore/history";
    let kept = wait_for(&server, &token, history, |answer| {
        let last = answer["value"].as_array().unwrap().last().cloned();
        last.is_some_and(|row| row["score"].as_f64() > Some(0.0))
    });
    kept.await;
    let answer: Value = server.get(&path, Some(&token)).await.json().await.unwrap();
    assert_eq!(answer["status"], "Active");
    let mut patched = machine(1);
    patched["os"]["version"] = json!("10.0.18363.719");
    patched["updates"] = json!([{ "kb": 4_540_673 }]);
    server.post_reports(&token, patched.to_string()).await;
    server.kill();

    let server = installation.serve(&DAY);
    let token = server.token(&client).await;
    let done = wait_for(&server, &token, &path, |task| task["status"] == "Completed").await;
    assert_eq!(done["completionMethod"], "Automatic");
    assert_eq!(done["fixedDevices"], 1);
}

/// Asks until the answer is as it should be.
async fn wait_for(server: &Server, token: &str, path: &str, is: impl Fn(&Value) -> bool) -> Value {
    let mut answer = Value::Null;
    for _ in 0..100 {
        answer = server.get(path, Some(token)).await.json().await.unwrap();
        if is(&answer) {
            return answer;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("{path}: {answer}");
}
