//! People sign in: with a browser, on a device, and by tokens that stand for them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod support;

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};
use support::browser::{Browser, Page};
use support::signer::{ASSERTION, Signer};
use support::{Client, Database, Installation, Server, audit, json as answer, stderr, stdout};

const PASSWORD: &str = "correct horse battery";
const REDIRECT: &str = "http://localhost:41234/callback";
const API: &str = "https://api.securitycenter.microsoft.com";
/// The example of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A service on which alice may read, through a public application that may do more.
struct Site {
    installation: Installation,
    server: Server,
    app: Client,
}

impl Site {
    fn new() -> Self {
        Self::on(Database::Sqlite)
    }

    fn on(database: Database) -> Self {
        let installation = Installation::on(database);
        let app = installation.create_app(
            "Reader <b>",
            &["Software.Read.All", "Machine.ReadWrite.All"],
        );
        let own = Self {
            server: installation.serve(&[]),
            installation,
            app,
        };
        own.run(&["app", "public", &own.app.id]);
        own.run(&[
            "app",
            "redirect",
            "add",
            &own.app.id,
            "http://localhost/callback",
        ]);
        own.run(&["group", "create", "readers", "--role", "view"]);
        own.create_user("alice@contoso", &["--group", "readers", "--final"]);
        own
    }

    fn run(&self, args: &[&str]) -> String {
        let output = self.installation.run(args.iter().copied());
        assert!(output.status.success(), "{args:?}: {}", stderr(&output));
        stdout(&output)
    }

    fn create_user(&self, name: &str, args: &[&str]) {
        let fixed = ["user", "create", name, "--password-stdin"];
        let all = fixed.iter().chain(args).copied();
        let output = self
            .installation
            .run_with_input(all, format!("{PASSWORD}\n").as_bytes());
        assert!(output.status.success(), "{}", stderr(&output));
    }

    fn browser(&self) -> Browser {
        Browser::new(&self.server)
    }

    /// The URL to ask for a code at, with some fields otherwise; those that are empty are left out.
    fn authorize(&self, other: &[(&str, &str)]) -> String {
        let mut fields = vec![
            ("client_id", self.app.id.as_str()),
            ("response_type", "code"),
            ("redirect_uri", REDIRECT),
            (
                "scope",
                "openid profile offline_access Software.Read Machine.ReadWrite",
            ),
            ("state", "the state & more"),
            ("nonce", "the nonce"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        for field in other {
            fields.retain(|(name, _)| *name != field.0);
            fields.push(*field);
        }
        fields.retain(|(_, value)| !value.is_empty());
        let url = format!("{}/default/oauth2/v2.0/authorize", self.server.url);
        reqwest::Url::parse_with_params(&url, fields)
            .unwrap()
            .into()
    }

    /// Signs in and agrees, where that is asked; where the browser is sent then.
    async fn sign_in(&self, browser: &mut Browser, url: &str) -> Page {
        let mut page = browser.get(url).await;
        if page.title() == "Sign in" {
            page = browser.submit(&page, &as_alice()).await;
        }
        if page.title().starts_with("Let ") {
            page = browser.submit(&page, &[("decision", "accept")]).await;
        }
        page
    }

    async fn code(&self, browser: &mut Browser) -> String {
        let page = self.sign_in(browser, &self.authorize(&[])).await;
        let code = page.parameter("code");
        code.unwrap_or_else(|| panic!("{} {:?} {}", page.status, page.away, page.html))
    }

    async fn token(&self, fields: &[(&str, &str)]) -> (StatusCode, Value) {
        let url = format!("{}/{}/oauth2/v2.0/token", self.server.url, self.app.tenant);
        let mut all = vec![("client_id", self.app.id.as_str())];
        for field in fields {
            all.retain(|(name, _)| *name != field.0);
            all.push(*field);
        }
        let request = self.server.http().post(url).form(&all);
        let response = request.send().await.unwrap();
        (response.status(), response.json().await.unwrap())
    }

    async fn redeem(&self, code: &str, other: &[(&str, &str)]) -> (StatusCode, Value) {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
            ("client_info", "1"),
        ];
        self.token(&[&fields, other].concat()).await
    }

    async fn refresh(&self, token: &str, other: &[(&str, &str)]) -> (StatusCode, Value) {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.token(&[&fields, other].concat()).await
    }
}

fn as_alice() -> [(&'static str, &'static str); 2] {
    [("name", "ALICE@contoso"), ("password", PASSWORD)]
}

fn claims(token: &Value) -> Value {
    use base64::Engine;
    let payload = token.as_str().unwrap().split('.').nth(1).unwrap();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload);
    serde_json::from_slice(&bytes.unwrap()).unwrap()
}

fn code_of(answer: &(StatusCode, Value)) -> (u16, u64) {
    (
        answer.0.as_u16(),
        answer.1["error_codes"][0].as_u64().unwrap_or_default(),
    )
}

#[tokio::test]
async fn a_person_signs_in_with_a_browser() {
    let site = Site::new();
    let mut browser = site.browser();
    let page = browser
        .get(&site.authorize(&[("login_hint", "\"alice")]))
        .await;
    assert_eq!(page.title(), "Sign in");
    let header = |name: &str| page.headers[name].to_str().unwrap();
    let policy = header("content-security-policy");
    assert!(policy.starts_with(
        "default-src 'none'; style-src 'self'; form-action 'self' http://localhost:41234;"
    ));
    assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"));
    assert_eq!(header("cache-control"), "no-store");
    assert_eq!(header("x-frame-options"), "DENY");
    assert!(!page.html.contains("<script") && !page.html.contains("style="));
    assert!(
        page.form()
            .1
            .contains(&("name".to_owned(), "\"alice".to_owned()))
    );
    let style = browser.get("/kbgap/sign-in.css").await;
    assert_eq!(style.headers["content-type"], "text/css; charset=utf-8");
    assert!(style.html.contains("prefers-color-scheme"));

    let before = browser.cookies.clone();
    let page = browser.submit(&page, &as_alice()).await;
    assert_ne!(
        browser.cookies, before,
        "a new cookie, known to nobody else"
    );
    assert!(
        page.title().starts_with("Let Reader &#60;b&#62;"),
        "{}",
        page.html
    );
    for asked in ["act for you also while you are away", "Software.Read"] {
        assert!(page.html.contains(asked), "{asked}");
    }
    assert!(
        !page.html.contains("change machines"),
        "her role does not allow it"
    );
    let page = browser.submit(&page, &[("decision", "accept")]).await;
    let away = page.away.as_deref().unwrap();
    assert!(away.starts_with(REDIRECT), "{away}");
    assert_eq!(page.parameter("state").unwrap(), "the state & more");

    let (status, tokens) = site.redeem(&page.parameter("code").unwrap(), &[]).await;
    assert_eq!(status, StatusCode::OK, "{tokens}");
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["expires_in"], 3599);
    assert_eq!(
        tokens["scope"],
        format!("openid profile offline_access {API}/Software.Read")
    );
    let id = claims(&tokens["id_token"]);
    let tenant = &site.app.tenant;
    assert_eq!(id["aud"], site.app.id);
    assert_eq!(id["iss"], format!("{}/{tenant}/v2.0", site.server.url));
    assert_eq!(id["nonce"], "the nonce");
    assert_eq!(id["preferred_username"], "alice@contoso");
    assert_eq!(id["tid"], *tenant);
    let access = claims(&tokens["access_token"]);
    assert_eq!(access["aud"], API);
    assert_eq!(access["scp"], "Software.Read");
    assert_eq!(access["upn"], "alice@contoso");
    assert_eq!(access["oid"], id["oid"]);
    assert_eq!(access["ver"], "1.0");
    assert_eq!(access["appidacr"], "0");
    assert!(access.get("roles").is_none());
    let info = format!(".{}.", tokens["client_info"].as_str().unwrap());
    assert_eq!(
        claims(&json!(info)),
        json!({ "uid": id["oid"], "utid": tenant })
    );

    let token = tokens["access_token"].as_str().unwrap();
    let software = site.server.get("/api/software", Some(token)).await;
    assert_eq!(software.status(), StatusCode::OK);
    let machines = site.server.get("/api/machines", Some(token)).await;
    assert_eq!(machines.status(), StatusCode::FORBIDDEN);
    let id_token = tokens["id_token"].as_str().unwrap();
    let software = site.server.get("/api/software", Some(id_token)).await;
    assert_eq!(software.status(), StatusCode::UNAUTHORIZED);

    // Signed in and agreed: no page is shown again, unless the client wants one.
    let page = browser.get(&site.authorize(&[("prompt", "none")])).await;
    assert!(page.parameter("code").is_some());
    let page = browser.get(&site.authorize(&[("prompt", "login")])).await;
    assert_eq!(page.title(), "Sign in");
    let page = browser.get(&site.authorize(&[("prompt", "consent")])).await;
    assert!(page.title().starts_with("Let "));
    let page = browser.submit(&page, &[("decision", "cancel")]).await;
    assert_eq!(page.parameter("error").unwrap(), "access_denied");

    let page = browser.get("/default/oauth2/v2.0/logout").await;
    assert_eq!(page.title(), "Sign out?");
    let page = browser.submit(&page, &[]).await;
    assert_eq!(page.title(), "You are signed out");
    let page = browser.get(&site.authorize(&[("prompt", "none")])).await;
    assert_eq!(page.parameter("error").unwrap(), "login_required");
}

#[tokio::test]
async fn refresh_tokens_rotate_and_reuse_revokes_them() {
    let site = Site::new();
    let code = site.code(&mut site.browser()).await;
    let (_, first) = site.redeem(&code, &[]).await;
    let first = first["refresh_token"].as_str().unwrap().to_owned();
    let scope = format!("{API}/Software.Read");
    let (status, second) = site.refresh(&first, &[("scope", &scope)]).await;
    assert_eq!(status, StatusCode::OK, "{second}");
    assert_eq!(second["scope"], scope);
    let second = second["refresh_token"].as_str().unwrap().to_owned();
    let wider = site
        .refresh(&second, &[("scope", "email openid Software.Read")])
        .await;
    assert_eq!(code_of(&wider), (400, 70_011));
    let (_, third) = site.refresh(&second, &[]).await;
    let third = third["refresh_token"].as_str().unwrap().to_owned();

    // The role counts at every refresh.
    site.run(&["group", "set", "readers", "--role", "manage"]);
    let (_, managed) = site.refresh(&third, &[]).await;
    let scp = claims(&managed["access_token"])["scp"].clone();
    assert_eq!(scp, "Software.Read Machine.ReadWrite");
    let fourth = managed["refresh_token"].as_str().unwrap().to_owned();

    let other = site
        .installation
        .create_app("other", &["Software.Read.All"]);
    site.run(&["app", "public", &other.id]);
    let stolen = site.refresh(&fourth, &[("client_id", &other.id)]).await;
    assert_eq!(code_of(&stolen), (400, 70_000));

    let again = site.refresh(&first, &[]).await;
    assert_eq!(code_of(&again), (400, 700_082));
    assert_eq!(again.1["error"], "invalid_grant");
    let after = site.refresh(&fourth, &[]).await;
    assert_eq!(
        code_of(&after),
        (400, 70_000),
        "all of the family are revoked"
    );

    // Nothing of it is legible in the database.
    let database = site.installation.path().join("data/kbgap.db");
    for file in [database.clone(), database.with_extension("db-wal")] {
        let bytes = std::fs::read(file).unwrap_or_default();
        for secret in [&*code, &*first, &*fourth, PASSWORD] {
            let secret = secret.as_bytes();
            assert!(!bytes.windows(secret.len()).any(|part| part == secret));
        }
    }
}

#[tokio::test]
async fn a_code_is_redeemed_once_by_whom_it_is_for() {
    let site = Site::new();
    let mut browser = site.browser();
    let code = site.code(&mut browser).await;
    let (status, tokens) = site.redeem(&code, &[]).await;
    assert_eq!(status, StatusCode::OK);
    let twice = site.redeem(&code, &[]).await;
    assert_eq!(code_of(&twice), (400, 54_005));
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let refreshed = site.refresh(refresh, &[]).await;
    assert_eq!(code_of(&refreshed), (400, 70_000), "it was revoked");

    let other = site
        .installation
        .create_app("other", &["Software.Read.All"]);
    site.run(&["app", "public", &other.id]);
    for (field, refused) in [
        (("code_verifier", CHALLENGE), 501_481),
        (("code_verifier", ""), 501_481),
        (("client_id", &*other.id), 70_000),
        (("redirect_uri", "http://localhost:1/callback"), 70_000),
    ] {
        let code = site.code(&mut browser).await;
        let answer = site.redeem(&code, &[field]).await;
        assert_eq!(code_of(&answer), (400, refused), "{field:?}");
        assert_eq!(answer.1["error"], "invalid_grant");
        let again = site.redeem(&code, &[]).await;
        assert_eq!(code_of(&again), (400, 54_005), "it is used up");
    }
    let unknown = site.redeem("nothing", &[]).await;
    assert_eq!(code_of(&unknown), (400, 70_000));

    let code = site.code(&mut browser).await;
    site.run(&["user", "disable", "alice@contoso"]);
    let disabled = site.redeem(&code, &[]).await;
    assert_eq!(
        code_of(&disabled),
        (400, 70_000),
        "the codes of the disabled are gone"
    );
    let page = browser.get(&site.authorize(&[])).await;
    assert_eq!(page.title(), "Sign in", "she is signed out");
    let page = browser.submit(&page, &as_alice()).await;
    assert!(page.error().unwrap().starts_with("AADSTS50057"));
    site.run(&["user", "enable", "alice@contoso"]);
    site.run(&["group", "member", "remove", "readers", "alice@contoso"]);
    let page = site.sign_in(&mut browser, &site.authorize(&[])).await;
    let words = page.parameter("error_description").unwrap();
    assert!(words.starts_with("AADSTS50105"), "{words}");
}

#[tokio::test]
async fn errors_go_to_the_application_only_where_it_is_known_to_be_there() {
    let site = Site::new();
    let mut browser = site.browser();
    for (field, words) in [
        (
            ("redirect_uri", "https://evil.example/callback"),
            "AADSTS50011",
        ),
        (("redirect_uri", "http://localhost:1/other"), "AADSTS50011"),
        (("redirect_uri", ""), "AADSTS900144"),
        (("client_id", "nobody"), "AADSTS700016"),
        (("client_id", ""), "AADSTS900144"),
    ] {
        let page = browser.get(&site.authorize(&[field])).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{field:?}");
        assert_eq!(page.away, None, "{field:?}");
        assert!(page.error().unwrap().starts_with(words), "{}", page.html);
    }
    for (field, error) in [
        (("response_type", "token"), "unsupported_response_type"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("code_challenge_method", ""), "invalid_request"),
        (("code_challenge", ""), "invalid_request"),
        (
            ("scope", "https://graph.microsoft.com/.default"),
            "invalid_scope",
        ),
        (("scope", ""), "invalid_request"),
        (("response_mode", "fragment"), "invalid_request"),
        (("prompt", "none"), "login_required"),
        (("prompt", "whatever"), "invalid_request"),
    ] {
        let page = browser.get(&site.authorize(&[field])).await;
        assert_eq!(page.parameter("error").as_deref(), Some(error), "{field:?}");
        let state = page.parameter("state").unwrap();
        assert_eq!(state, "the state & more", "{field:?}");
    }
    let twice = format!("{}&client_id=x", site.authorize(&[]));
    assert_eq!(browser.get(&twice).await.status, StatusCode::BAD_REQUEST);
    let nowhere = site.authorize(&[]).replace("/default/", "/nowhere/");
    let page = browser.get(&nowhere).await;
    assert!(page.error().unwrap().starts_with("AADSTS90002"));

    // A form of another site has no text of a page of this browser's.
    let page = browser.get(&site.authorize(&[])).await;
    let mut stranger = site.browser();
    let of_stranger = stranger.get(&site.authorize(&[])).await;
    let csrf = |page: &Page| page.form().1[0].1.clone();
    for csrf in ["", "x", &csrf(&of_stranger)] {
        let page = browser
            .submit(&page, &[&[("csrf", csrf)][..], &as_alice()].concat())
            .await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{csrf}");
    }
    let page = browser.submit(&page, &as_alice()).await;
    assert!(page.title().starts_with("Let "));
    let refused = browser
        .submit(&page, &[("csrf", ""), ("decision", "accept")])
        .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    // The page of before the sign-in counts no more.
    let to = [
        ("csrf", &*csrf(&of_stranger)),
        ("to", "https://evil.example"),
    ];
    let page = stranger
        .submit(&of_stranger, &[&to[..], &as_alice()].concat())
        .await;
    assert_eq!(
        (page.title(), page.away.as_deref()),
        ("You are signed in", None)
    );
}

#[tokio::test]
async fn guessing_is_bounded_and_tells_nothing() {
    let site = Site::new();
    let mut browser = site.browser();
    let page = browser.get("/default/oauth2/sign-in").await;
    let attempt = async |browser: &mut Browser, name: &str, password: &str| {
        let began = Instant::now();
        let page = browser
            .submit(&page, &[("name", name), ("password", password)])
            .await;
        (
            page.title().to_owned(),
            page.error().map(str::to_owned),
            began.elapsed(),
        )
    };
    let mut told = Vec::new();
    for name in ["alice@contoso", "nobody@contoso", "no name"] {
        let (title, error, took) = attempt(&mut browser, name, "a wrong password").await;
        assert_eq!(title, "Sign in");
        assert!(took >= Duration::from_millis(400), "{took:?}");
        told.push(error.unwrap());
    }
    assert!(told[0].starts_with("AADSTS50126"));
    assert!(told.iter().all(|error| *error == told[0]));
    for _ in 0..4 {
        attempt(&mut browser, "alice@contoso", "a wrong password").await;
    }
    let (_, error, _) = attempt(&mut browser, "Alice@Contoso", PASSWORD).await;
    assert_eq!(
        error.unwrap(),
        told[0],
        "locked: even the right one is not tried"
    );
    let shown = site
        .installation
        .run(["user", "show", "alice@contoso", "--json"]);
    assert!(answer(&shown)["lockedUntil"].is_string());

    // A new password lets her in again, and must be changed.
    let output =
        site.installation
            .run(["user", "password", "alice@contoso", "--generate", "--json"]);
    let new = answer(&output)["password"].as_str().unwrap().to_owned();
    let page = browser.get(&site.authorize(&[])).await;
    let page = browser
        .submit(&page, &[("name", "alice@contoso"), ("password", &new)])
        .await;
    assert_eq!(page.title(), "Change the password");
    let sso = browser.get(&site.authorize(&[("prompt", "none")])).await;
    assert_eq!(sso.parameter("error").unwrap(), "login_required");
    for (chosen, again, why) in [
        ("short", "short", "at least 12 characters"),
        (
            "alice is my name",
            "alice is my name",
            "must not contain the name",
        ),
        ("another fine one", "another fine on", "same way twice"),
        (&new, &new, "the one up to now"),
    ] {
        let page = browser
            .submit(
                &page,
                &[("password", &new), ("new", chosen), ("again", again)],
            )
            .await;
        assert!(page.error().unwrap().contains(why), "{}", page.html);
    }
    let chosen = "another fine one";
    let page = browser
        .submit(
            &page,
            &[("password", &new), ("new", chosen), ("again", chosen)],
        )
        .await;
    assert!(
        page.title().starts_with("Let "),
        "it goes on: {}",
        page.html
    );
    let log = site.server.said(&new) || site.server.said(chosen) || site.server.said(PASSWORD);
    assert!(!log, "no password is logged");
}

#[tokio::test]
async fn a_device_is_let_in() {
    let site = Site::new();
    let begin = async |path: &str, fields: &[(&str, &str)]| -> Value {
        let url = format!("{}/default/oauth2{path}/devicecode", site.server.url);
        let mut all = vec![("client_id", site.app.id.as_str())];
        all.extend_from_slice(fields);
        let request = site.server.http().post(url).form(&all);
        request.send().await.unwrap().json().await.unwrap()
    };
    let scope = format!("openid offline_access {API}/.default");
    let waiting = begin("/v2.0", &[("scope", &scope)]).await;
    assert_eq!(waiting["interval"], 5);
    assert_eq!(waiting["expires_in"], 900);
    let message = waiting["message"].as_str().unwrap();
    let user_code = waiting["user_code"].as_str().unwrap();
    assert!(message.contains(user_code));
    let grant = "urn:ietf:params:oauth:grant-type:device_code";
    let device_code = waiting["device_code"].as_str().unwrap();
    let poll = async |grant: &str, name: &str, code: &str| {
        site.token(&[("grant_type", grant), (name, code)]).await
    };
    let pending = poll(grant, "device_code", device_code).await;
    assert_eq!(code_of(&pending), (400, 70_016));
    assert_eq!(pending.1["error"], "authorization_pending");
    let fast = poll(grant, "device_code", device_code).await;
    assert_eq!(fast.1["error"], "slow_down");

    let mut browser = site.browser();
    let entry = waiting["verification_uri"].as_str().unwrap();
    let page = browser.get(entry).await;
    assert_eq!(page.title(), "Sign in on a device");
    let wrong = browser.submit(&page, &[("user_code", "BCDFGHJKL")]).await;
    assert!(wrong.error().unwrap().contains("No device waits"));
    let typed = format!(" {}-{}", user_code[..4].to_lowercase(), &user_code[4..]);
    let page = browser.submit(&page, &[("user_code", &typed)]).await;
    assert_eq!(page.title(), "Sign in");
    let page = browser.submit(&page, &as_alice()).await;
    assert_eq!(page.title(), "Sign in on a device");
    let page = browser.submit(&page, &[]).await;
    assert!(page.title().starts_with("Let ") && page.html.contains(user_code));
    let page = browser.submit(&page, &[("decision", "accept")]).await;
    assert_eq!(page.title(), "The device is signed in");
    let (status, tokens) = poll(grant, "device_code", device_code).await;
    assert_eq!(status, StatusCode::OK, "{tokens}");
    assert_eq!(claims(&tokens["access_token"])["scp"], "Software.Read");
    assert!(tokens["scope"].as_str().unwrap().ends_with("/.default"));
    assert!(tokens["refresh_token"].is_string() && tokens["id_token"].is_string());
    let again = poll(grant, "device_code", device_code).await;
    assert_eq!(again.1["error"], "bad_verification_code");

    // As version 1 has it, and refused.
    let waiting = begin("", &[("resource", API)]).await;
    assert_eq!(waiting["interval"], "5");
    let page = browser.get("/default/oauth2/deviceauth").await;
    let user_code = waiting["user_code"].as_str().unwrap();
    let page = browser.submit(&page, &[("user_code", user_code)]).await;
    let page = browser.submit(&page, &[("decision", "cancel")]).await;
    assert_eq!(page.title(), "The device was refused");
    let device_code = waiting["device_code"].as_str().unwrap();
    let declined = poll("device_code", "code", device_code).await;
    assert_eq!(declined.1["error"], "authorization_declined");
}

#[tokio::test]
async fn an_application_with_a_secret_shows_it_and_may_take_a_form() {
    let site = Site::new();
    let app = site
        .installation
        .create_app("portal", &["Software.Read.All", "Score.Read.All"]);
    let uri = "https://portal.example/back?a=b";
    site.run(&["app", "redirect", "add", &app.id, uri]);
    let fields = [
        ("client_id", &*app.id),
        ("redirect_uri", uri),
        ("code_challenge", ""),
        ("code_challenge_method", ""),
        ("response_mode", "form_post"),
        (
            "scope",
            "openid https://api.securitycenter.microsoft.com/.default",
        ),
    ];
    let mut browser = site.browser();
    // What a client asks for by a form is the same.
    let url = reqwest::Url::parse(&site.authorize(&fields)).unwrap();
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(a, b)| (&**a, &**b)).collect();
    let page = browser.post("/default/oauth2/v2.0/authorize", &pairs).await;
    let page = browser.submit(&page, &as_alice()).await;
    let page = browser.submit(&page, &[("decision", "accept")]).await;
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(
        policy.contains("form-action 'self' https://portal.example;"),
        "{policy}"
    );
    assert!(policy.contains("script-src 'self'"));
    let (action, sent) = page.form();
    assert_eq!(action, uri);
    let sent = |name: &str| sent.iter().find(|(key, _)| key == name).unwrap().1.clone();
    assert_eq!(sent("state"), "the state & more");
    let code = sent("code");
    let common = [
        ("client_id", &*app.id),
        ("redirect_uri", uri),
        ("code_verifier", ""),
    ];
    let redeem = async |secret: &str| {
        let secret = [("client_secret", secret)];
        site.redeem(&code, &[&common[..], &secret].concat()).await
    };
    assert_eq!(code_of(&redeem("").await), (401, 7_000_216));
    assert_eq!(code_of(&redeem("wrong").await), (401, 7_000_215));
    let (status, tokens) = redeem(&app.secret).await;
    assert_eq!(status, StatusCode::OK, "{tokens}");
    let access = claims(&tokens["access_token"]);
    assert_eq!(access["scp"], "Software.Read Score.Read");
    assert_eq!(access["appidacr"], "1");
    assert!(
        tokens.get("refresh_token").is_none(),
        "it was not asked for"
    );
}

/// Whatever server of a database a browser or an application comes to.
#[tokio::test]
async fn servers_take_over_from_each_other() {
    let mut site = Site::on(Database::Postgres);
    let beside = site.installation.beside();
    let other = beside.serve(&[]);
    let mut browser = site.browser();
    let page = browser.get(&site.authorize(&[])).await;
    let mut elsewhere = Browser::new(&other);
    elsewhere.cookies = browser.cookies.clone();
    let page = elsewhere.submit(&page, &as_alice()).await;
    assert!(page.title().starts_with("Let "), "{}", page.html);
    browser.cookies = elsewhere.cookies.clone();
    let page = browser.submit(&page, &[("decision", "accept")]).await;
    let code = page.parameter("code").unwrap();
    let first = std::mem::replace(&mut site.server, other);
    let (status, tokens) = site.redeem(&code, &[]).await;
    assert_eq!(status, StatusCode::OK, "{tokens}");
    let refresh = tokens["refresh_token"].as_str().unwrap().to_owned();
    site.server = first;
    let (status, tokens) = site.refresh(&refresh, &[]).await;
    assert_eq!(status, StatusCode::OK, "{tokens}");
}

#[tokio::test]
async fn users_and_groups_are_managed_over_http() {
    let site = Site::new();
    let admin = site
        .installation
        .create_app("admin", &["Administration.ReadWrite.All"]);
    let reader = site
        .installation
        .create_app("r", &["Machine.ReadWrite.All"]);
    let token = site.server.token(&admin).await;
    let ask = async |method: &str, path: &str, body: Value| {
        let url = format!("{}/kbgap/v1/{path}", site.server.url);
        let request = site.server.http().request(method.parse().unwrap(), url);
        let request = request.bearer_auth(&token).json(&body);
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let body = response.bytes().await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    };
    let refused = site.server.token(&reader).await;
    let refused = site.server.get("/kbgap/v1/users", Some(&refused)).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);

    let bob = json!({ "userName": "bob@contoso", "displayName": "Bob" });
    let (status, bob) = ask("POST", "users", bob).await;
    assert_eq!(status, 201, "{bob}");
    let password = bob["password"].as_str().unwrap();
    assert!(bob["mustChangePassword"].as_bool().unwrap() && password.len() > 20);
    let (status, _) = ask("POST", "users", json!({ "userName": "BOB@contoso" })).await;
    assert_eq!(status, 409);
    let (status, _) = ask("POST", "users", json!({ "userName": "b ob" })).await;
    assert_eq!(status, 400);
    let group = json!({
        "displayName": "lab", "role": "manage", "deviceGroups": ["Lab"], "members": ["bob@contoso"],
    });
    let (status, group) = ask("POST", "groups", group).await;
    assert_eq!(status, 201, "{group}");
    assert_eq!(group["members"], json!([bob["id"]]));
    let (_, shown) = ask("GET", "Users/bob@contoso", Value::Null).await;
    assert_eq!(shown["role"], "manage");
    assert_eq!(shown["groups"], json!([group["id"]]));
    assert!(shown.get("password").is_none());
    let change = json!({ "role": "administer", "deviceGroups": null, "members": [] });
    let (status, group) = ask("PATCH", "groups/LAB", change).await;
    assert_eq!(status, 200, "{group}");
    assert_eq!(group["deviceGroups"], Value::Null);
    assert_eq!(group["members"], json!([]));
    let (status, _) = ask("PATCH", "groups/lab", json!({ "role": "owner" })).await;
    assert_eq!(status, 400);
    let change = json!({ "disabled": true, "password": "quite another one" });
    let (status, bob) = ask("PATCH", "users/bob@contoso", change).await;
    assert_eq!((status, &bob["disabled"]), (200, &json!(true)));
    let (_, all) = ask("GET", "users", Value::Null).await;
    assert_eq!(all["value"].as_array().unwrap().len(), 2);
    let (_, all) = ask("GET", "groups", Value::Null).await;
    assert_eq!(all["value"].as_array().unwrap().len(), 2);
    for path in ["users/bob@contoso", "groups/lab"] {
        assert_eq!(ask("DELETE", path, Value::Null).await.0, 204);
        assert_eq!(ask("DELETE", path, Value::Null).await.0, 404);
    }
}

/// A person who may administer does so by a token, as long as the role is there: not as long as the token is.
#[tokio::test]
async fn a_lost_role_counts_at_once() {
    let site = Site::new();
    let app = site
        .installation
        .create_app("admin", &["Administration.ReadWrite.All"]);
    site.run(&["app", "public", "admin"]);
    site.run(&[
        "app",
        "redirect",
        "add",
        "admin",
        "http://localhost/callback",
    ]);
    site.run(&["group", "set", "readers", "--role", "administer"]);
    let asked = [
        ("client_id", &*app.id),
        ("scope", "Administration.ReadWrite"),
    ];
    let mut browser = site.browser();
    let page = site.sign_in(&mut browser, &site.authorize(&asked)).await;
    let code = page.parameter("code").unwrap();
    let (status, tokens) = site.redeem(&code, &asked[..1]).await;
    assert_eq!(status, StatusCode::OK, "{tokens}");
    let token = tokens["access_token"].as_str().unwrap();
    let ask = async |path: &str| site.server.get(path, Some(token)).await;
    let paths = ["users", "groups", "applications"].map(|path| format!("/kbgap/v1/{path}"));
    for path in &paths {
        assert_eq!(ask(path).await.status(), StatusCode::OK, "{path}");
    }
    let url = format!("{}/kbgap/v1/users", site.server.url);
    let create = site.server.http().post(url).bearer_auth(token);
    let create = create.json(&json!({ "userName": "carol@contoso" }));
    let carol: Value = create.send().await.unwrap().json().await.unwrap();

    site.run(&["group", "set", "readers", "--role", "manage"]);
    for path in &paths {
        let refused = ask(path).await;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{path}");
        let words = refused.text().await.unwrap();
        assert!(words.contains("has no role"), "{words}");
    }
    // What the service records is written a moment later; what came after it, then too.
    audit(&site.installation, &["--outcome", "refused"], "api.read");
    let records = audit(&site.installation, &[], "group.change");
    let alice = answer(
        &site
            .installation
            .run(["user", "show", "alice@contoso", "--json"]),
    );
    let created = records
        .iter()
        .find(|record| record["what"] == "user.create" && record["target"] == carol["id"])
        .unwrap();
    assert_eq!(
        created["who"],
        json!({ "kind": "person", "id": alice["id"] })
    );
    let detail = created["detail"].as_str().unwrap();
    assert_eq!(
        detail,
        format!("through the application {}; carol@contoso", app.id)
    );
}

/// Signing in and out, agreeing, tokens: who it was, and through which application. No secret is told.
#[tokio::test]
async fn what_people_do_is_recorded() {
    let site = Site::new();
    let mut browser = site.browser();
    let page = browser.get(&site.authorize(&[])).await;
    let wrong = [("name", "alice@contoso"), ("password", "not quite hers")];
    let page = browser.submit(&page, &wrong).await;
    let slip = [("name", "My-Passw0rd-In-The-Name"), ("password", "x")];
    let page = browser.submit(&page, &slip).await;
    let page = browser.submit(&page, &as_alice()).await;
    let declined = browser.submit(&page, &[("decision", "cancel")]).await;
    assert_eq!(declined.parameter("error").unwrap(), "access_denied");
    let code = site.code(&mut browser).await;
    let (_, tokens) = site.redeem(&code, &[]).await;
    let first = tokens["refresh_token"].as_str().unwrap();
    let (_, second) = site.refresh(first, &[]).await;
    let stolen = site.refresh(first, &[]).await;
    assert_eq!(code_of(&stolen), (400, 700_082));
    let page = browser.get("/default/oauth2/v2.0/logout").await;
    browser.submit(&page, &[]).await;

    let records = audit(&site.installation, &[], "person.sign-out");
    let alice = answer(
        &site
            .installation
            .run(["user", "show", "alice@contoso", "--json"]),
    );
    let person = json!({ "kind": "person", "id": alice["id"] });
    let nobody = json!({ "kind": "unknown", "id": "" });
    let (app, id) = (json!(site.app.id), &alice["id"]);
    let through = format!("through the application {}", site.app.id);
    let reused = format!(
        "AADSTS700082, for the person {} by a refresh token",
        id.as_str().unwrap()
    );
    let scopes = "openid profile offline_access Software.Read";
    for (what, who, target, outcome, detail) in [
        ("person.sign-in", &nobody, id, "refused", "a wrong password"),
        (
            "person.sign-in",
            &nobody,
            &Value::Null,
            "refused",
            "a name that nobody has",
        ),
        ("person.sign-in", &person, &Value::Null, "done", ""),
        (
            "consent.give",
            &person,
            &app,
            "refused",
            "the person declined",
        ),
        ("consent.give", &person, &app, "done", scopes),
        (
            "token.issue",
            &person,
            &json!(API),
            "done",
            &format!("{through}; by a code"),
        ),
        (
            "token.issue",
            &person,
            &json!(API),
            "done",
            &format!("{through}; by a refresh token"),
        ),
        ("token.issue", &nobody, &app, "refused", &reused),
        ("person.sign-out", &person, &Value::Null, "done", ""),
    ] {
        let found = records.iter().any(|record| {
            record["what"] == what
                && record["who"] == *who
                && record["target"] == *target
                && record["outcome"] == outcome
                && record["detail"].as_str().unwrap_or_default() == detail
                && record["from"] == "127.0.0.1"
        });
        assert!(found, "{what} {outcome} {detail}: {records:#?}");
    }
    for what in [
        "user.create",
        "group.create",
        "group.member.add",
        "application.public",
    ] {
        let found = records.iter().find(|record| record["what"] == what);
        assert_eq!(found.unwrap()["who"]["kind"], "commandLine", "{what}");
    }
    let told = stdout(&site.installation.run(["audit", "--json"]));
    let second = second["refresh_token"].as_str().unwrap();
    for secret in [
        &*code, first, second, VERIFIER, PASSWORD, slip[0].1, wrong[1].1,
    ] {
        assert!(!told.contains(&format!("\"{secret}")), "{secret}: {told}");
        assert!(!site.server.said(secret), "{secret}");
    }
}

/// An application that has a certificate redeems a code by an assertion.
#[tokio::test]
async fn an_application_with_a_certificate_redeems_codes() {
    let site = Site::new();
    let app = site
        .installation
        .create_app("portal", &["Software.Read.All"]);
    site.run(&[
        "app",
        "redirect",
        "add",
        "portal",
        "http://localhost/callback",
    ]);
    let mut signer = Signer::new();
    signer.add(&site.installation, "portal");
    let asked = [("client_id", &*app.id), ("scope", "Software.Read")];
    let mut browser = site.browser();
    let page = site.sign_in(&mut browser, &site.authorize(&asked)).await;
    let code = page.parameter("code").unwrap();
    let endpoint = format!("{}/{}/oauth2/v2.0/token", site.server.url, app.tenant);
    let assertion = signer.assertion(&app.id, &endpoint, "1");
    let redeem = async |assertion: &str| {
        let proof = [
            ("client_id", &*app.id),
            ("client_assertion_type", ASSERTION),
            ("client_assertion", assertion),
        ];
        site.redeem(&code, &proof).await
    };
    // Who the application is not does not use the code up.
    let wrong = redeem(&signer.assertion(&app.id, "https://elsewhere.example", "0")).await;
    assert_eq!(code_of(&wrong), (401, 700_023));
    let (status, tokens) = redeem(&assertion).await;
    assert_eq!(status, StatusCode::OK, "{tokens}");
    assert_eq!(claims(&tokens["access_token"])["appidacr"], "2");
    assert_eq!(code_of(&redeem(&assertion).await), (401, 50_012));
}

/// Users and groups of a tenant are not another's.
#[tokio::test]
async fn people_of_a_tenant_are_its_own() {
    let site = Site::new();
    site.run(&["tenant", "create", "branch"]);
    let branch = ["--tenant", "branch"];
    let run = |args: &[&str]| site.run(&[&branch, args].concat());
    run(&["group", "create", "readers", "--role", "manage"]);
    let made = run(&[
        "user",
        "create",
        "alice@contoso",
        "--group",
        "readers",
        "--generate",
        "--json",
    ]);
    let made: Value = serde_json::from_str(&made).unwrap();
    let default = site.run(&["user", "show", "alice@contoso", "--json"]);
    let default: Value = serde_json::from_str(&default).unwrap();
    assert_ne!(made["id"], default["id"]);
    assert_eq!(
        (&made["role"], &default["role"]),
        (&json!("manage"), &json!("view"))
    );
    run(&["app", "create", "tool"]);
    run(&["app", "redirect", "add", "tool", "http://localhost/"]);
    run(&["app", "public", "tool"]);
    assert_eq!(
        run(&["app", "redirect", "list", "tool"]),
        "http://localhost/\n"
    );
    let elsewhere = site.installation.run(["app", "redirect", "list", "tool"]);
    assert!(!elsewhere.status.success());
    // A password counts in its own tenant.
    let mut browser = site.browser();
    let page = browser.get("/branch/oauth2/sign-in").await;
    let page = browser.submit(&page, &as_alice()).await;
    assert!(page.error().unwrap().starts_with("AADSTS50126"));
}
