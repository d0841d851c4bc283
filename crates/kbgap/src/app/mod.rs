//! `kbgap app`: the applications that may ask.

mod redirect;
mod show;

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, bail};
use kbgap_server::add_certificate;
use kbgap_server::audit::Act;
use kbgap_store::{Application, ApplicationChange, Store, Tenant};

use crate::catalog::runtime;
use crate::cli::{AppCommand, AppCreateArgs, CertificateCommand, Expiry};
use crate::data_dir::DataDir;
use crate::settings::Settings;
use crate::setup::NewClient;
use crate::{audit, setup};

/// The applications of the tenant worked on.
struct Applications {
    store: Store,
    tenant: Tenant,
}

pub(crate) fn run(command: AppCommand, settings: &Settings) -> anyhow::Result<ExitCode> {
    let data_dir = DataDir::of(settings);
    runtime()?.block_on(async {
        let store = data_dir.store().await?;
        let tenant = setup::tenant(&store, &settings.tenant).await?;
        let own = Applications { store, tenant };
        own.run(command).await?;
        own.store.close().await;
        Ok(ExitCode::SUCCESS)
    })
}

impl Applications {
    async fn run(&self, command: AppCommand) -> anyhow::Result<()> {
        match command {
            AppCommand::Create(args) => self.create(&args).await,
            AppCommand::List { json } => {
                show::list(&self.store.applications(&self.tenant.id).await?, json)
            }
            AppCommand::Show { app, json } => {
                let application = self.find(&app).await?;
                let credentials = self
                    .store
                    .credentials(&self.tenant.id, &application.client)
                    .await?;
                show::one(&application, &credentials, json)
            }
            AppCommand::Grant { app, permissions } => {
                let change = ApplicationChange {
                    grant: permissions.iter().map(|p| p.role().to_owned()).collect(),
                    ..ApplicationChange::default()
                };
                self.change(&app, &change).await
            }
            AppCommand::RevokeGrant { app, permissions } => {
                let change = ApplicationChange {
                    revoke: permissions.iter().map(|p| p.role().to_owned()).collect(),
                    ..ApplicationChange::default()
                };
                self.change(&app, &change).await
            }
            AppCommand::Rotate {
                app,
                expires_in,
                revoke_others,
                json,
            } => self.rotate(&app, expires_in, revoke_others, json).await,
            AppCommand::Revoke { app, secret } => {
                let application = self.find(&app).await?;
                if !self.revoke(&application, &secret).await? {
                    bail!(
                        "{app} has no secret {secret}: 'kbgap app show {app}' lists those it has"
                    );
                }
                say(&format!("{secret} was revoked"))
            }
            AppCommand::Certificate(CertificateCommand::Add { app, file, json }) => {
                let application = self.find(&app).await?;
                let added = self.add_certificate(&application, &file).await?;
                if json {
                    return show::json(&show::certificate(&added));
                }
                let (thumbprint, until) = (added.sha256, added.not_after);
                say(&format!("{thumbprint} was added; it counts until {until}"))
            }
            AppCommand::Certificate(CertificateCommand::Remove { app, thumbprint }) => {
                self.remove_certificate(&app, &thumbprint).await
            }
            AppCommand::Redirect(command) => self.redirect(command).await,
            AppCommand::Public { app, no } => self.set_public(&app, !no).await,
            AppCommand::Remove { app } => {
                let application = self.find(&app).await?;
                let client = &application.client;
                self.store
                    .remove_application(&self.tenant.id, client)
                    .await?;
                self.record("application.remove", client, None).await?;
                say(&format!("{app} was removed"))
            }
        }
    }

    async fn create(&self, args: &AppCreateArgs) -> anyhow::Result<()> {
        let (store, name) = (&self.store, &args.name);
        let expires = args.expires_in.map(Expiry::at).transpose()?;
        // Read before anything is made.
        let certificate = args.certificate.as_deref().map(read).transpose()?;
        if let Some(certificate) = &certificate {
            kbgap_identity::ClientCertificate::read(certificate)?;
        }
        let application =
            setup::create_application(store, &self.tenant, name, &args.permissions).await?;
        let Some(file) = &args.certificate else {
            let client = setup::add_client_secret(store, &application, expires).await?;
            return Self::say_secret(&format!("{name} was created:"), &client, args.json);
        };
        self.add_certificate(&application, file).await?;
        if args.json {
            return show::json(&show::application(&application));
        }
        let (tenant, client) = (&self.tenant.id, &application.client);
        say(&format!(
            "{name} was created:\n  tenant         {tenant}\n  client id      {client}"
        ))
    }

    async fn change(&self, app: &str, change: &ApplicationChange) -> anyhow::Result<()> {
        let application = self.find(app).await?;
        let client = &application.client;
        self.store
            .change_application(&self.tenant.id, client, change)
            .await?;
        let now = self.find(client).await?.roles.join(" ");
        self.record("application.change", client, Some(&now))
            .await?;
        say(&format!("{app} may: {now}"))
    }

    async fn rotate(
        &self,
        app: &str,
        expires_in: Option<Expiry>,
        revoke_others: bool,
        json: bool,
    ) -> anyhow::Result<()> {
        let application = self.find(app).await?;
        let before = self
            .store
            .credentials(&self.tenant.id, &application.client)
            .await?;
        let expires = expires_in.map(Expiry::at).transpose()?;
        let made = setup::add_client_secret(&self.store, &application, expires).await?;
        if revoke_others {
            for secret in &before.secrets {
                self.revoke(&application, &secret.id).await?;
            }
        }
        Self::say_secret(&format!("{app} has a new secret:"), &made, json)
    }

    async fn revoke(&self, application: &Application, secret: &str) -> anyhow::Result<bool> {
        let (tenant, client) = (&self.tenant.id, &application.client);
        let secret = secret.to_ascii_lowercase();
        let removed = self
            .store
            .remove_application_secret(tenant, client, &secret)
            .await?;
        if removed {
            let target = format!("{client}/{secret}");
            self.record("application.secret.remove", &target, None)
                .await?;
        }
        Ok(removed)
    }

    async fn add_certificate(
        &self,
        application: &Application,
        file: &std::path::Path,
    ) -> anyhow::Result<kbgap_store::ApplicationCertificate> {
        let (tenant, client) = (&self.tenant.id, &application.client);
        let added = add_certificate(&self.store, tenant, client, &read(file)?).await;
        let added = added.with_context(|| file.display().to_string())?;
        let target = format!("{client}/{}", added.sha256);
        self.record("application.certificate.add", &target, None)
            .await?;
        Ok(added)
    }

    async fn remove_certificate(&self, app: &str, thumbprint: &str) -> anyhow::Result<()> {
        let application = self.find(app).await?;
        let (tenant, client) = (&self.tenant.id, &application.client);
        let wanted = thumbprint.replace(':', "").to_ascii_lowercase();
        let known = self.store.credentials(tenant, client).await?.certificates;
        let mut found = known.iter().filter(|own| own.sha256.starts_with(&wanted));
        let (Some(one), None, false) = (found.next(), found.next(), wanted.is_empty()) else {
            bail!(
                "{app} has no certificate, or more than one, with the thumbprint {thumbprint}: 'kbgap app show {app}' lists those it has"
            );
        };
        self.store
            .remove_application_certificate(tenant, client, &one.sha256)
            .await?;
        let target = format!("{client}/{}", one.sha256);
        self.record("application.certificate.remove", &target, None)
            .await?;
        say(&format!("{} was removed", one.sha256))
    }

    /// The application of a client id or a name.
    async fn find(&self, app: &str) -> anyhow::Result<Application> {
        let client = app.to_ascii_lowercase();
        if let Some(found) = self.store.application(&self.tenant.id, &client).await? {
            return Ok(found);
        }
        let all = self.store.applications(&self.tenant.id).await?;
        let mut named = all
            .into_iter()
            .filter(|application| application.name == app);
        match (named.next(), named.next()) {
            (Some(one), None) => Ok(one),
            (Some(_), Some(_)) => {
                bail!("several applications are named '{app}': state the client id")
            }
            (None, _) => bail!(
                "there is no application '{app}' in the tenant {}: 'kbgap app list' tells which there are",
                self.tenant.name
            ),
        }
    }

    async fn record(
        &self,
        action: &'static str,
        target: &str,
        detail: Option<&str>,
    ) -> anyhow::Result<()> {
        let mut act = Act::new(audit::user(), action)
            .in_tenant(&self.tenant.id)
            .on(target);
        if let Some(detail) = detail {
            act = act.telling(detail);
        }
        Ok(audit::record(&self.store, act).await?)
    }

    fn say_secret(words: &str, client: &NewClient, json: bool) -> anyhow::Result<()> {
        if json {
            return show::json(&serde_json::json!({
                "tenant": client.tenant,
                "clientId": client.client,
                "clientSecret": client.secret.expose(),
            }));
        }
        say(&format!("{words}\n{client}"))
    }
}

fn read(file: &std::path::Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))
}

fn say(text: &str) -> anyhow::Result<()> {
    writeln!(io::stdout().lock(), "{text}")?;
    Ok(())
}
