//! A browser, as far as the sign-in pages need one: cookies, forms, redirects within the service.

use std::collections::BTreeMap;

use reqwest::header::{COOKIE, HeaderMap, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Response, StatusCode};

use super::Server;

pub(crate) struct Browser {
    http: reqwest::Client,
    base: String,
    pub(crate) cookies: BTreeMap<String, String>,
}

/// What the browser shows, or where the service sent it away to.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) html: String,
    /// Where it was sent, away from the service.
    pub(crate) away: Option<String>,
}

impl Browser {
    pub(crate) fn new(server: &Server) -> Self {
        let mut builder = reqwest::Client::builder().redirect(Policy::none());
        if let Some(authority) = &server.authority {
            let pem = std::fs::read(authority).unwrap();
            builder = builder.tls_certs_only([reqwest::Certificate::from_pem(&pem).unwrap()]);
        }
        Self {
            http: builder.build().unwrap(),
            base: server.url.clone(),
            cookies: BTreeMap::new(),
        }
    }

    pub(crate) async fn get(&mut self, url: &str) -> Page {
        let request = self.http.get(self.absolute(url));
        self.go(request).await
    }

    /// Posts fields as they are, without a page's.
    pub(crate) async fn post(&mut self, url: &str, fields: &[(&str, &str)]) -> Page {
        let request = self.http.post(self.absolute(url)).form(fields);
        self.go(request).await
    }

    /// Fills a page's form in and sends it.
    pub(crate) async fn submit(&mut self, page: &Page, fields: &[(&str, &str)]) -> Page {
        let (action, mut all) = page.form();
        for (name, value) in fields {
            all.retain(|(known, _)| known != name);
            all.push(((*name).to_owned(), (*value).to_owned()));
        }
        let fields: Vec<(&str, &str)> = all.iter().map(|(a, b)| (&**a, &**b)).collect();
        self.post(&action, &fields).await
    }

    async fn go(&mut self, mut request: reqwest::RequestBuilder) -> Page {
        for _ in 0..10 {
            let cookies: Vec<String> = self
                .cookies
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            if !cookies.is_empty() {
                request = request.header(COOKIE, cookies.join("; "));
            }
            let response = request.send().await.unwrap();
            self.keep(&response);
            let target = response.headers().get(LOCATION);
            let target = target.map(|target| target.to_str().unwrap().to_owned());
            match target {
                Some(target) if target.starts_with('/') || target.starts_with(&self.base) => {
                    request = self.http.get(self.absolute(&target));
                }
                away => {
                    return Page {
                        status: response.status(),
                        headers: response.headers().clone(),
                        away,
                        html: response.text().await.unwrap(),
                    };
                }
            }
        }
        panic!("it is sent around without end");
    }

    fn keep(&mut self, response: &Response) {
        for cookie in response.headers().get_all(SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            assert!(cookie.contains("; HttpOnly"), "{cookie}");
            assert!(cookie.contains("; SameSite=Lax"), "{cookie}");
            let secure = self.base.starts_with("https:");
            assert_eq!(cookie.contains("; Secure"), secure, "{cookie}");
            assert_eq!(cookie.starts_with("__Host-"), secure, "{cookie}");
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
    }

    fn absolute(&self, url: &str) -> String {
        if url.starts_with('/') {
            format!("{}{url}", self.base)
        } else {
            url.to_owned()
        }
    }
}

impl Page {
    pub(crate) fn title(&self) -> &str {
        between(&self.html, "<h1>", "</h1>").unwrap_or_default()
    }

    pub(crate) fn error(&self) -> Option<&str> {
        between(&self.html, "role=\"alert\">", "</p>")
    }

    /// Where the form is sent, and its fields.
    pub(crate) fn form(&self) -> (String, Vec<(String, String)>) {
        let form = between(&self.html, "<form", "</form>")
            .unwrap_or_else(|| panic!("no form: {} {}", self.status, self.html));
        let action = plain(between(form, "action=\"", "\"").unwrap());
        let inputs = form.split("<input").skip(1).map(|input| {
            let input = input.split('>').next().unwrap();
            let name = between(input, "name=\"", "\"").unwrap();
            let value = between(input, "value=\"", "\"").unwrap_or_default();
            (name.to_owned(), plain(value))
        });
        (action, inputs.collect())
    }

    /// A parameter of where the browser was sent.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let away = reqwest::Url::parse(self.away.as_ref()?).unwrap();
        let mut pairs = away.query_pairs();
        pairs
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(from)?;
    rest.split_once(to).map(|(inner, _)| inner)
}

/// A text without the escapes of HTML.
fn plain(text: &str) -> String {
    let mut parts = text.split("&#");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (code, rest) = part.split_once(';').unwrap();
        plain.push(char::from_u32(code.parse().unwrap()).unwrap());
        plain.push_str(rest);
    }
    plain
}
