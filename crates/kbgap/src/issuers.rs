//! `kbgap issuers`: the foreign issuers whose tokens are accepted.

use std::io::{self, Write};
use std::process::ExitCode;

use kbgap_server::Checked;

use crate::catalog::runtime;
use crate::cli::{FAILED, IssuersCommand};
use crate::output;
use crate::settings::Settings;

pub(crate) fn run(command: &IssuersCommand, settings: &Settings) -> anyhow::Result<ExitCode> {
    let IssuersCommand::Check { json } = command;
    let own_url = settings.edge.first_public_url().unwrap_or_default();
    let checked = runtime()?.block_on(kbgap_server::check_issuers(
        &settings.tokens.issuers,
        own_url,
    ));
    let checked = checked.map_err(anyhow::Error::from_boxed)?;
    let mut out = io::stdout().lock();
    if *json {
        serde_json::to_writer_pretty(&mut out, &checked)?;
        writeln!(out)?;
    } else {
        for issuer in &checked {
            show(issuer, &mut out)?;
        }
    }
    if checked.is_empty() {
        output::note("no foreign issuers are configured: see [[issuers]] in docs/identity.md");
    }
    let failed = checked.iter().any(|issuer| issuer.error.is_some());
    Ok(ExitCode::from(if failed { FAILED } else { 0 }))
}

fn show(issuer: &Checked, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{}, for the tenant {}", issuer.name, issuer.tenant)?;
    for name in &issuer.issuers {
        writeln!(out, "  issuer    {name}")?;
    }
    for url in &issuer.key_urls {
        writeln!(out, "  keys at   {url}")?;
    }
    for key in &issuer.keys {
        writeln!(out, "  key       {}  {}", key.kid, key.algorithms.join(" "))?;
    }
    for key in &issuer.skipped {
        let kid = key.kid.as_deref().unwrap_or("without an id");
        writeln!(out, "  left out  {kid}: {}", key.reason)?;
    }
    if let Some(error) = &issuer.error {
        writeln!(out, "  its tokens would be refused: {error}")?;
    }
    Ok(())
}
