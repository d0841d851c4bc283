//! Clients of others, their code unmodified, against a running service: see `clients/requirements.txt`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

mod support;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PKCS_RSA_SHA256, RsaKeySize,
};
use serde_json::{Value, json};
use support::browser::{Browser, Page};
use support::{Client, Installation, Server, reports, stderr};

const MACHINES: u32 = 120;
/// The day the generated fleet is of.
const DAY: [&str; 2] = ["--as-of", "2026-02-11"];

fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

/// A Python of its own with the clients.
fn python() -> PathBuf {
    static INSTALLING: Mutex<()> = Mutex::new(());
    let _one = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients");
    let python = folder.join("bin/python");
    let wanted = std::fs::read(clients().join("requirements.txt")).unwrap();
    let installed = folder.join("installed.txt");
    if std::fs::read(&installed).is_ok_and(|installed| installed == wanted) {
        return python;
    }
    run(Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(&folder));
    let requirements = clients().join("requirements.txt");
    run(Command::new(&python)
        .args(["-m", "pip", "install", "--quiet", "-r"])
        .arg(requirements));
    std::fs::write(installed, wanted).unwrap();
    python
}

fn run(command: &mut Command) -> Vec<u8> {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    output.stdout
}

/// A service with a generated fleet, and a token.
async fn served() -> (Installation, Server, String) {
    let installation = Installation::with_documents();
    let server = installation.serve(&DAY);
    let token = server.token(&server.client()).await;
    let reports = reports(11, MACHINES);
    let (_, summary) = server
        .post_reports(&token, json!(reports).to_string())
        .await;
    assert_eq!(summary["new"], MACHINES, "{summary}");
    (installation, server, token)
}

/// Schemathesis finds no failure of the service and no answer outside the schema. `KBGAP_EXAMPLES` is how many cases each
/// operation is tried with.
#[tokio::test]
async fn the_published_description_holds() {
    let (_installation, server, token) = served().await;
    let examples = std::env::var("KBGAP_EXAMPLES").unwrap_or_else(|_| "5".to_owned());
    let tool = python().with_file_name("schemathesis");
    let checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
    let output = Command::new(tool)
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .arg("run")
        .arg(format!("{}/openapi.json", server.url))
        .args(["-H", &format!("Authorization: Bearer {token}")])
        .args([
            "--checks",
            checks,
            "--phases",
            "examples,coverage,fuzzing",
            "--no-color",
        ])
        .args(["--workers", "2", "--seed", "1", "--max-examples", &examples])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let cases = said
        .lines()
        .skip_while(|line| !line.starts_with("Test cases:"))
        .nth(1);
    println!("{}", cases.unwrap_or_default().trim());
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[tokio::test]
async fn clients_of_others_find_what_the_service_has() {
    let (_installation, server, token) = served().await;
    let python = python();

    let script = clients().join("general_client.py");
    let said = run(Command::new(&python)
        .arg(script)
        .args([&*server.url, &*token]));
    let found: Value = serde_json::from_slice(&said).unwrap();
    let windows = server
        .read(
            "/api/machines?$filter=osPlatform%20eq%20'Windows11'&$orderby=id&$top=5",
            &token,
        )
        .await;
    let windows = windows["value"].as_array().unwrap().iter();
    let windows: Vec<&Value> = windows.map(|machine| &machine["id"]).collect();
    assert!(!windows.is_empty());
    assert_eq!(found["windows11"], json!(windows));
    assert_eq!(found["machines"], MACHINES);
    let software = server
        .read(
            &format!("/api/Software/{}", found["mostExposed"].as_str().unwrap()),
            &token,
        )
        .await;
    assert_eq!(found["weaknesses"], software["weaknesses"]);
    let sets = found["sets"].as_array().unwrap();
    for set in [
        "Machines",
        "Recommendations",
        "RemediationTasks",
        "Software",
        "Vulnerabilities",
    ] {
        assert!(sets.contains(&set.into()), "{sets:?}");
    }

    let machines = server.read("/api/machines", &token).await;
    let machines = machines["value"].as_array().unwrap();
    let name = machines[0]["computerDnsName"].as_str().unwrap();
    let script = clients().join("plugin_client.py");
    let said = run(Command::new(&python)
        .arg(script)
        .args([&*server.url, &*token, name]));
    let found: Value = serde_json::from_slice(&said).unwrap();
    assert_eq!(found["machine"], machines[0]["id"]);
    assert_eq!(found["byId"], name);
    assert_eq!(found["machines"], MACHINES);
    let id = machines[0]["id"].as_str().unwrap();
    let open = server
        .read(&format!("/api/machines/{id}/vulnerabilities"), &token)
        .await;
    assert_eq!(
        found["vulnerabilities"],
        open["value"].as_array().unwrap().len()
    );
    assert!(found["products"].as_u64().unwrap() > 0);
}

/// Microsoft's own libraries get tokens for a person, over TLS: by a device's code, by a code with a secret, by a code with
/// PKCE. The test is the person.
#[tokio::test(flavor = "multi_thread")]
async fn libraries_of_microsoft_sign_people_in() {
    const PASSWORD: &str = "correct horse battery";
    const REDIRECT: &str = "http://localhost:8400/";
    let installation = Installation::new();
    let public = installation.create_app("command line", &["Software.Read.All"]);
    let confidential = installation.create_app("portal", &["Software.Read.All"]);
    for command in [
        &["app", "public", &*public.id][..],
        &["app", "redirect", "add", &public.id, "http://localhost/"],
        &["app", "redirect", "add", &confidential.id, REDIRECT],
        &["group", "create", "readers", "--role", "view"],
    ] {
        let output = installation.run(command.iter().copied());
        assert!(output.status.success(), "{}", stderr(&output));
    }
    let create = ["user", "create", "alice@contoso", "--display-name", "Alice"];
    let create = create
        .into_iter()
        .chain(["--group", "readers", "--final", "--password-stdin"]);
    let output = installation.run_with_input(create, PASSWORD.as_bytes());
    assert!(output.status.success(), "{}", stderr(&output));
    let server = installation.serve_tls(&[]);

    let mut child = Command::new(python())
        .arg(clients().join("people_client.py"))
        .args([&server.url, &public.tenant, &public.id])
        .args([&confidential.id, &confidential.secret, REDIRECT])
        .env("REQUESTS_CA_BUNDLE", server.authority.as_ref().unwrap())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut answers = child.stdin.take().unwrap();
    let mut browser = Browser::new(&server);
    let mut said = Value::Null;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        said = serde_json::from_str(&line.unwrap()).unwrap();
        let mut page: Page = if let Some(code) = said["user_code"].as_str() {
            let page = browser.get(said["page"].as_str().unwrap()).await;
            browser.submit(&page, &[("user_code", code)]).await
        } else if let Some(url) = said["open"].as_str() {
            browser.get(url).await
        } else {
            continue;
        };
        if page.title() == "Sign in" {
            let person = [("name", "alice@contoso"), ("password", PASSWORD)];
            page = browser.submit(&page, &person).await;
        }
        if page.title() == "Sign in on a device" {
            page = browser.submit(&page, &[]).await;
        }
        if page.title().starts_with("Let ") {
            page = browser.submit(&page, &[("decision", "accept")]).await;
        }
        if let Some(away) = page.away {
            writeln!(answers, "{away}").unwrap();
        } else {
            assert_eq!(page.title(), "The device is signed in", "{}", page.html);
        }
    }
    assert!(child.wait().unwrap().success(), "{said}");
    assert_eq!(
        said,
        json!({
            "device": { "username": "alice@contoso", "name": "Alice", "status": 200 },
            "code": { "state": "s", "status": 200 },
            "pkce": { "status": 200 },
            "azure": { "status": 200 },
        })
    );
}

/// Microsoft's libraries get tokens by secret and by certificate, from an authority of which they are told no more than
/// where it is, and the API takes them.
#[tokio::test]
async fn the_libraries_of_microsoft_get_tokens() {
    let installation = Installation::new();
    let client = installation.create_app("libraries", &["Machine.Read.All"]);
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let params = CertificateParams::new(Vec::new()).unwrap();
    let certificate = params.self_signed(&key).unwrap().pem();
    let public = installation.file("client.pem", &certificate);
    let both = installation.file("both.pem", key.serialize_pem() + &certificate);
    let added = installation.run(["app", "certificate", "add", "libraries", &public, "--json"]);
    let thumbprint = support::json(&added)["sha1Thumbprint"].clone();
    let server = installation.serve_tls(&[]);

    let said = run(Command::new(python())
        .arg(clients().join("azure_clients.py"))
        .args([&*server.url, &*client.tenant, &*client.id, &*client.secret])
        .args([&*both, thumbprint.as_str().unwrap()])
        .env("REQUESTS_CA_BUNDLE", server.authority.as_ref().unwrap()));
    let found: Value = serde_json::from_slice(&said).unwrap();
    for way in [
        "azureSecret",
        "azureCertificate",
        "azureChain",
        "secret",
        "discovered",
        "openId",
        "certificate",
    ] {
        assert_eq!(found[way], 200, "{way}: {found}");
    }
    assert_eq!(found["wrong"]["error"], "invalid_client", "{found}");
    assert_eq!(found["wrong"]["error_codes"], json!([7_000_215]));
    let refusal = found["refusal"].as_str().unwrap();
    assert!(refusal.contains("AADSTS7000215"), "{refusal}");
}

/// Microsoft's names, as the clients have them built in.
const MICROSOFT: [&str; 5] = [
    "login.microsoftonline.com",
    "api.security.microsoft.com",
    "eu.api.security.microsoft.com",
    "us.api.security.microsoft.com",
    "api.securitycenter.microsoft.com",
];

/// Starts what follows in a network of its own, where Microsoft's names lead to this machine.
///
/// It takes Linux with `unshare` and `nsenter` (util-linux) and `ip` (iproute2); without root, user namespaces that are
/// allowed.
fn apart(hosts: &str) -> Command {
    let mut command = Command::new("unshare");
    if !nix::unistd::Uid::effective().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command
        .args(["--mount", "--net", "sh", "-ec"])
        .arg("ip link set lo up; mount --bind \"$0\" /etc/hosts; exec \"$@\"")
        .arg(hosts);
    command
}

/// A program beside a service that was started apart.
fn beside(server: &Server, program: &Path) -> Command {
    let mut command = Command::new("nsenter");
    if !nix::unistd::Uid::effective().is_root() {
        command.args(["--user", "--preserve-credentials"]);
    }
    command
        .args(["--mount", "--net", "--target", &server.id().to_string()])
        .arg(program);
    command
}

/// An authority, and a certificate by it for Microsoft's names: paths of authority, certificate and key.
fn certified(installation: &Installation) -> [String; 3] {
    let authority_key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // A name of its own: a certificate by its own name would be taken for one signed by itself.
    let name = &mut params.distinguished_name;
    name.push(DnType::CommonName, "an authority of the test");
    let authority = params.self_signed(&authority_key).unwrap().pem();
    let issuer = Issuer::new(params, authority_key);
    let key = KeyPair::generate().unwrap();
    let names = CertificateParams::new(MICROSOFT.map(str::to_owned)).unwrap();
    let certificate = names.signed_by(&key, &issuer).unwrap().pem();
    [
        installation.file("authority.pem", authority),
        installation.file("certificate.pem", certificate),
        installation.file("key.pem", key.serialize_pem()),
    ]
}

/// What the plug-in needs to know: who it is. Where Microsoft is, it knows.
fn plugin_settings(installation: &Installation, client: &Client) -> String {
    let Client { tenant, id, secret } = client;
    let text =
        format!("[auth]\ntenant_id = {tenant}\nclient_id = {id}\nclient_secret = {secret}\n");
    installation.file("check_msdefender.ini", text)
}

#[tokio::test]
async fn a_client_that_knows_only_microsofts_hosts_works() {
    let (installation, server, token) = served().await;
    let machines = server.read("/api/machines", &token).await;
    let machine = machines["value"][0].clone();
    let (id, name) = (&machine["id"], machine["computerDnsName"].as_str().unwrap());
    let path = format!("/api/machines/{}/vulnerabilities", id.as_str().unwrap());
    let open = server.read(&path, &token).await;
    let open = open["value"].as_array().unwrap().len();
    assert!(open > 0);
    let client = server.client();
    drop(server);

    let lines = MICROSOFT.map(|name| format!("127.0.0.1 {name}\n")).concat();
    let hosts = installation.file("hosts", lines);
    let [authority, certificate, key] = certified(&installation);
    let public = MICROSOFT.map(|name| format!("https://{name}")).join(",");
    let args = [
        &DAY[..],
        &["--listen", "127.0.0.1:443", "--public-url", &public],
        &["--tls-cert", &certificate, "--tls-key", &key],
    ];
    let server = installation.serve_by(apart(&hosts), Path::new(&authority), &args.concat());
    assert_eq!(server.url, "https://127.0.0.1:443");

    let settings = plugin_settings(&installation, &client);
    let plugin = python().with_file_name("check_msdefender");
    let ask = |trusted: &str, args: &[&str]| {
        let output = beside(&server, &plugin)
            .args(args)
            .args(["-c", &settings, "-W", "1000000", "-C", "2000000"])
            .env("HOME", installation.path())
            .env("REQUESTS_CA_BUNDLE", trusted)
            .env("NO_PROXY", "*")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), said + &complaints)
    };
    let (code, said) = ask(&authority, &["machines"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains(&format!("Total machines: {MACHINES}")),
        "{said}"
    );
    let (code, said) = ask(&authority, &["vulnerabilities", "-d", name]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains(&format!("Vulnerabilities: {open},")),
        "{said}"
    );
    // It was us: whom the client does not trust, it does not ask.
    let (code, said) = ask("/etc/ssl/certs/ca-certificates.crt", &["machines"]);
    assert_eq!(code, Some(3), "{said}");
}
