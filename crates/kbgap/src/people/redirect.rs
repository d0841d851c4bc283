//! `kbgap app redirect` and `kbgap app public`: how applications have people signed in.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Subcommand};
use kbgap_identity::RedirectUri;

use super::{Opened, say, with_store};
use crate::settings::Settings;

#[derive(Debug, Subcommand)]
pub(crate) enum RedirectCommand {
    /// Let an application have browsers sent to a URI after a sign-in
    #[command(after_help = "\
A URI is https, http on localhost or a loopback address (there any port counts), or has a scheme of the application's own.
It must be what the application sends, to the letter.

Examples:
  kbgap app redirect add 7e0b7a26-… https://portal.example/callback
  kbgap app redirect add 7e0b7a26-… http://localhost")]
    Add {
        /// The application's client id
        client: String,
        /// The URI
        uri: RedirectUri,
    },
    /// Let it no more
    Remove {
        /// The application's client id
        client: String,
        /// The URI
        uri: String,
    },
    /// List the URIs of an application
    List {
        /// The application's client id
        client: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "\
A public application signs people in without a secret: a command line, or what runs in a browser. It must use PKCE, or the
device code flow.

Examples:
  kbgap app public 7e0b7a26-…
  kbgap app public 7e0b7a26-… --no")]
pub(crate) struct PublicArgs {
    /// The application's client id
    client: String,
    /// It can keep a secret, and must show it
    #[arg(long)]
    no: bool,
}

pub(crate) fn run(command: RedirectCommand, settings: &Settings) -> anyhow::Result<ExitCode> {
    with_store(settings, async |opened| {
        let (store, tenant) = (&opened.store, &opened.tenant.id);
        match command {
            RedirectCommand::Add { client, uri } => {
                let client = known(opened, &client).await?;
                let added = store.add_redirect_uri(tenant, &client, uri.as_str());
                added.await?;
                say(&format!("browsers may be sent to {uri}"))
            }
            RedirectCommand::Remove { client, uri } => {
                let client = known(opened, &client).await?;
                if !store.remove_redirect_uri(tenant, &client, &uri).await? {
                    bail!(
                        "{uri} is not one of the application's: 'kbgap app redirect list {client}' lists them"
                    );
                }
                say(&format!("browsers are sent to {uri} no more"))
            }
            RedirectCommand::List { client, json } => {
                let client = known(opened, &client).await?;
                let uris = store.redirect_uris(tenant, &client).await?;
                if json {
                    return super::print_json(&uris);
                }
                let mut out = io::stdout().lock();
                for uri in uris {
                    writeln!(out, "{uri}")?;
                }
                Ok(())
            }
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn run_public(args: &PublicArgs, settings: &Settings) -> anyhow::Result<ExitCode> {
    with_store(settings, async |opened| {
        let client = known(opened, &args.client).await?;
        let set = opened
            .store
            .set_public(&opened.tenant.id, &client, !args.no);
        set.await?;
        let needs = if args.no { "must show its" } else { "needs no" };
        say(&format!("{client} {needs} secret to sign people in"))
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The client id of an application that there is.
async fn known(opened: &Opened, client: &str) -> anyhow::Result<String> {
    let client = client.to_ascii_lowercase();
    let known = opened.store.application(&opened.tenant.id, &client).await?;
    if known.is_none() {
        bail!("there is no application '{client}': 'kbgap app list' lists them");
    }
    Ok(client)
}
