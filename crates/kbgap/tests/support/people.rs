//! People who sign in, as tests need them: each with tokens of all that a role allows.

use super::browser::{Browser, Page};
use super::{Client, Installation, Server, stderr};

const PASSWORD: &str = "correct horse battery staple";
const REDIRECT: &str = "http://localhost/callback";
/// The example of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A service with a public application that people use.
pub(crate) struct People<'a> {
    installation: &'a Installation,
    server: &'a Server,
    app: Client,
}

impl<'a> People<'a> {
    pub(crate) fn new(installation: &'a Installation, server: &'a Server) -> Self {
        let all = [
            "Software.Read.All",
            "Vulnerability.Read.All",
            "SecurityRecommendation.Read.All",
            "Score.Read.All",
            "RemediationTasks.Read.All",
            "SecurityBaselinesAssessment.Read.All",
            "Machine.Read.All",
            "Machine.ReadWrite.All",
        ];
        let app = installation.create_app("for people", &all);
        let own = Self {
            installation,
            server,
            app,
        };
        own.run(&["app", "public", &own.app.id]);
        own.run(&["app", "redirect", "add", &own.app.id, REDIRECT]);
        own
    }

    pub(crate) fn run(&self, args: &[&str]) {
        let output = self.installation.run(args.iter().copied());
        assert!(output.status.success(), "{args:?}: {}", stderr(&output));
    }

    /// A group with a role that sees some device groups; all without any.
    pub(crate) fn group(&self, name: &str, role: &str, device_groups: &[&str]) {
        let mut args = vec!["group", "create", name, "--role", role];
        for group in device_groups {
            args.extend(["--device-group", group]);
        }
        self.run(&args);
    }

    pub(crate) fn user(&self, name: &str, group: &str) {
        let args = [
            "user",
            "create",
            name,
            "--password-stdin",
            "--group",
            group,
            "--final",
        ];
        let output = self
            .installation
            .run_with_input(args, format!("{PASSWORD}\n").as_bytes());
        assert!(output.status.success(), "{}", stderr(&output));
    }

    /// Fills the sign-in page in; what comes then.
    pub(crate) async fn sign_in(&self, browser: &mut Browser, page: &Page, name: &str) -> Page {
        let fields = [("name", name), ("password", PASSWORD)];
        browser.submit(page, &fields).await
    }

    /// Signs somebody in, with all that the role allows.
    pub(crate) async fn token(&self, name: &str) -> String {
        self.token_for(name, "https://api.securitycenter.microsoft.com/.default")
            .await
    }

    /// Signs somebody in for some scopes.
    pub(crate) async fn token_for(&self, name: &str, scope: &str) -> String {
        let url = format!(
            "{}/{}/oauth2/v2.0/authorize",
            self.server.url, self.app.tenant
        );
        let fields = [
            ("client_id", self.app.id.as_str()),
            ("response_type", "code"),
            ("redirect_uri", REDIRECT),
            ("scope", scope),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        let url = reqwest::Url::parse_with_params(&url, fields).unwrap();
        let mut browser = Browser::new(self.server);
        let mut page = browser.get(url.as_str()).await;
        assert_eq!(page.title(), "Sign in", "{}", page.html);
        page = self.sign_in(&mut browser, &page, name).await;
        if page.title().starts_with("Let ") {
            page = browser.submit(&page, &[("decision", "accept")]).await;
        }
        let code = page.parameter("code");
        let code = code.unwrap_or_else(|| panic!("{} {:?} {}", page.status, page.away, page.html));
        let url = format!("{}/{}/oauth2/v2.0/token", self.server.url, self.app.tenant);
        let fields = [
            ("grant_type", "authorization_code"),
            ("client_id", &self.app.id),
            ("code", &code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        let answer = self.server.http().post(url).form(&fields).send().await;
        let answer: serde_json::Value = answer.unwrap().json().await.unwrap();
        let token = answer["access_token"].as_str();
        token.unwrap_or_else(|| panic!("{answer}")).to_owned()
    }
}
