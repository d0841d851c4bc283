//! `kbgap catalog`: Microsoft's documents in, a compiled catalogue out.

mod check;
mod compile;
mod import;
mod in_force;
mod record;
mod show;
mod summary;
mod sync;

use std::process::ExitCode;

use crate::cli::CatalogCommand;
use crate::data_dir::DataDir;
use crate::settings::Settings;

pub(crate) use compile::compile;
pub(crate) use in_force::{at, facts_in_force, of_revisions_at};

pub(crate) fn run(command: CatalogCommand, settings: &Settings) -> anyhow::Result<ExitCode> {
    let data_dir = DataDir::of(settings);
    match command {
        CatalogCommand::Import(args) => import::run(&args, &data_dir),
        CatalogCommand::Sync(args) => sync::run(&args, &data_dir, &settings.msrc_url),
        CatalogCommand::Show(args) => show::run(&args, settings),
        CatalogCommand::Check(args) => check::run(&args, settings),
        CatalogCommand::Compile => compile::run(&data_dir),
    }
}

/// A runtime for commands that only wait on the database or one server.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?)
}
