//! `kbgap enroll-secret`: the secrets that osquery's hosts enroll with.

use std::io::{self, Write};
use std::process::ExitCode;

use jiff::Timestamp;
use kbgap_server::audit::Act;
use kbgap_server::osquery::EnrollSecret;

use crate::catalog::runtime;
use crate::cli::{EnrollSecretCommand, FAILED};
use crate::data_dir::DataDir;
use crate::settings::Settings;
use crate::{audit, output, setup};

pub(crate) fn run(command: EnrollSecretCommand, settings: &Settings) -> anyhow::Result<ExitCode> {
    let data_dir = DataDir::of(settings);
    runtime()?.block_on(async {
        let store = data_dir.store().await?;
        let tenant = setup::tenant(&store, &settings.tenant).await?.id;
        let mut out = io::stdout().lock();
        match command {
            EnrollSecretCommand::Create { name } => {
                let secret = EnrollSecret::generate()?;
                let kept = kbgap_store::EnrollSecret {
                    id: secret.id().to_owned(),
                    secret_hash: secret.record(&tenant).hash.to_hex().to_string(),
                    created_at: Timestamp::now(),
                    tenant,
                    name,
                };
                store.create_enroll_secret(&kept).await?;
                let act = Act::new(audit::user(), "enrollSecret.create");
                let act = act.in_tenant(&kept.tenant).on(&kept.id).telling(&kept.name);
                audit::record(&store, act).await?;
                writeln!(out, "{}", secret.expose())?;
                output::note("The secret is shown this once; only its hash is kept.");
            }
            EnrollSecretCommand::List => {
                for secret in store.enroll_secrets(&tenant).await? {
                    let (id, name, created) = (secret.id, secret.name, secret.created_at);
                    writeln!(out, "{id}  {name}  {created}")?;
                }
            }
            EnrollSecretCommand::Remove { id } => {
                if !store.remove_enroll_secret(&tenant, &id).await? {
                    output::note(&format!("there is no enroll secret {id}"));
                    return Ok(ExitCode::from(FAILED));
                }
                let act = Act::new(audit::user(), "enrollSecret.remove");
                audit::record(&store, act.in_tenant(&tenant).on(&id)).await?;
                writeln!(
                    out,
                    "{id} was removed: the hosts that enrolled with it are refused"
                )?;
            }
        }
        store.close().await;
        Ok(ExitCode::SUCCESS)
    })
}
