//! `kbgap backup`, `kbgap restore` and `kbgap database`: what keeps the database.

mod backup;
mod migrate;
mod status;

use std::process::ExitCode;

use crate::cli::DatabaseCommand;
use crate::settings::Settings;

pub(crate) use backup::{backup, restore};

pub(crate) fn run(command: &DatabaseCommand, settings: &Settings) -> anyhow::Result<ExitCode> {
    match command {
        DatabaseCommand::Migrate(args) => migrate::run(args, settings),
        DatabaseCommand::Status(args) => status::run(args, settings),
    }
}
