//! `kbgap app`: the applications that may ask.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::catalog::runtime;
use crate::cli::{AppCommand, AppCreateArgs};
use crate::data_dir::DataDir;
use crate::settings::Settings;
use crate::{people, setup};

pub(crate) fn run(command: AppCommand, settings: &Settings) -> anyhow::Result<ExitCode> {
    let data_dir = DataDir::of(settings);
    match command {
        AppCommand::Create(args) => create(&args, &data_dir),
        AppCommand::List => list(&data_dir),
        AppCommand::Redirect(command) => people::run_redirect(command, settings),
        AppCommand::Public(args) => people::run_public(&args, settings),
    }
}

fn create(args: &AppCreateArgs, data_dir: &DataDir) -> anyhow::Result<ExitCode> {
    let client = runtime()?.block_on(async {
        let store = data_dir.store().await?;
        let tenant = setup::tenant(&store).await?;
        setup::create_client(&store, &tenant, &args.name, &args.permissions).await
    })?;
    writeln!(io::stdout().lock(), "{} was created:\n{client}", args.name)?;
    Ok(ExitCode::SUCCESS)
}

fn list(data_dir: &DataDir) -> anyhow::Result<ExitCode> {
    let applications = runtime()?.block_on(async {
        let store = data_dir.store().await?;
        let tenant = setup::tenant(&store).await?;
        anyhow::Ok(store.applications(&tenant.id).await?)
    })?;
    let mut out = io::stdout().lock();
    for application in applications {
        writeln!(
            out,
            "{}  {}  {}",
            application.client,
            application.name,
            application.roles.join(" ")
        )?;
    }
    Ok(ExitCode::SUCCESS)
}
