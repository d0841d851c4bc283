//! `kbgap app redirect` and `kbgap app public`: how applications have people signed in.

use std::io::{self, Write};

use anyhow::bail;

use super::{Applications, say, show};
use crate::cli::RedirectCommand;

impl Applications {
    pub(super) async fn redirect(&self, command: RedirectCommand) -> anyhow::Result<()> {
        let (store, tenant) = (&self.store, &self.tenant.id);
        match command {
            RedirectCommand::Add { app, uri } => {
                let client = self.find(&app).await?.client;
                store
                    .add_redirect_uri(tenant, &client, uri.as_str())
                    .await?;
                self.record("application.redirect.add", &client, Some(uri.as_str()))
                    .await?;
                say(&format!("browsers may be sent to {uri}"))
            }
            RedirectCommand::Remove { app, uri } => {
                let client = self.find(&app).await?.client;
                if !store.remove_redirect_uri(tenant, &client, &uri).await? {
                    bail!(
                        "{uri} is not one of the application's: 'kbgap app redirect list {app}' lists them"
                    );
                }
                self.record("application.redirect.remove", &client, Some(&uri))
                    .await?;
                say(&format!("browsers are sent to {uri} no more"))
            }
            RedirectCommand::List { app, json } => {
                let client = self.find(&app).await?.client;
                let uris = store.redirect_uris(tenant, &client).await?;
                if json {
                    return show::json(&serde_json::json!(uris));
                }
                let mut out = io::stdout().lock();
                for uri in uris {
                    writeln!(out, "{uri}")?;
                }
                Ok(())
            }
        }
    }

    /// Says whether an application can keep a secret when it signs people in.
    pub(super) async fn set_public(&self, app: &str, public: bool) -> anyhow::Result<()> {
        let client = self.find(app).await?.client;
        self.store
            .set_public(&self.tenant.id, &client, public)
            .await?;
        let (what, needs) = if public {
            ("public", "needs no")
        } else {
            ("confidential", "must show its")
        };
        self.record("application.public", &client, Some(what))
            .await?;
        say(&format!("{app} {needs} secret to sign people in"))
    }
}
