//! Backups of a file of SQLite, and back.

use std::io::{self, Write};
use std::process::ExitCode;

use kbgap_server::audit::Act;
use kbgap_store::{Location, Store};

use crate::audit;
use crate::catalog::runtime;
use crate::cli::{BackupArgs, RestoreArgs};
use crate::data_dir::DataDir;
use crate::settings::Settings;

pub(crate) fn backup(args: &BackupArgs, settings: &Settings) -> anyhow::Result<ExitCode> {
    let data_dir = DataDir::of(settings);
    anyhow::ensure!(
        data_dir.has_store(),
        "there is no database at {} to back up: set --data-dir or --database",
        settings.database
    );
    runtime()?.block_on(async {
        let store = data_dir.store().await?;
        store.backup(&args.file).await?;
        let act = Act::new(audit::user(), "database.backup");
        audit::record(&store, act.on(args.file.display().to_string())).await?;
        store.close().await;
        anyhow::Ok(())
    })?;
    let bytes = std::fs::metadata(&args.file)?.len();
    writeln!(
        io::stdout().lock(),
        "{} was written: {bytes} bytes",
        args.file.display()
    )?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn restore(args: &RestoreArgs, settings: &Settings) -> anyhow::Result<ExitCode> {
    let Location::Sqlite(path) = &settings.database else {
        anyhow::bail!(
            "the database is on PostgreSQL, which restores by its own means: use pg_restore or psql"
        );
    };
    anyhow::ensure!(
        args.force || !path.exists(),
        "there is a database at {}: stop the service, and give --force to replace it",
        path.display()
    );
    DataDir::of(settings).create()?;
    runtime()?.block_on(Store::restore(&args.file, path, args.force))?;
    writeln!(
        io::stdout().lock(),
        "{} was restored; make its catalogue again with 'kbgap catalog compile'",
        path.display()
    )?;
    Ok(ExitCode::SUCCESS)
}
