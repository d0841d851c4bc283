//! `kbgap token`: an access token from a running server.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::Certificate;
use serde::Deserialize;

use crate::catalog::runtime;
use crate::cli::TokenArgs;
use crate::settings::Settings;

#[derive(Deserialize)]
struct Answer {
    access_token: Option<String>,
    error_description: Option<String>,
}

const TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) fn run(args: &TokenArgs, settings: &Settings) -> anyhow::Result<ExitCode> {
    let url = args
        .url
        .clone()
        .or_else(|| {
            let public = settings.edge.public_urls.first();
            public.map(|url| url.text().to_owned())
        })
        .unwrap_or_else(|| format!("{}://{}", settings.scheme(), settings.listen));
    let authority = settings.own_authority();
    let token = runtime()?.block_on(fetch(&url, &settings.tenant, args, authority.as_deref()))?;
    writeln!(io::stdout().lock(), "{token}")?;
    Ok(ExitCode::SUCCESS)
}

/// Gets a token from the server at a URL, whose certificate may be by an authority that is trusted beside the system's.
pub(crate) async fn fetch(
    url: &str,
    tenant: &str,
    args: &TokenArgs,
    authority: Option<&Path>,
) -> anyhow::Result<String> {
    let endpoint = format!("{}/{}/oauth2/v2.0/token", url.trim_end_matches('/'), tenant);
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", &args.client_id),
        ("client_secret", &args.client_secret),
        ("scope", "https://api.securitycenter.microsoft.com/.default"),
    ];
    let mut http = reqwest::Client::builder().timeout(TIMEOUT);
    if let Some(authority) = authority {
        let pem = std::fs::read(authority).with_context(|| {
            format!(
                "cannot read {}, which the server with --tls-self-signed makes",
                authority.display()
            )
        })?;
        http = http.add_root_certificate(Certificate::from_pem(&pem)?);
    }
    let response = http
        .build()?
        .post(&endpoint)
        .form(&form)
        .send()
        .await
        .with_context(|| format!("no server answers at {url}: is 'kbgap serve' running there?"))?;
    let status = response.status();
    let answer: Answer = response
        .json()
        .await
        .with_context(|| format!("{endpoint} answered {status}, but no token"))?;
    match (answer.access_token, answer.error_description) {
        (Some(token), _) => Ok(token),
        (None, Some(reason)) => bail!("{endpoint} answered {status}: {reason}"),
        (None, None) => bail!("{endpoint} answered {status}, but no token"),
    }
}
