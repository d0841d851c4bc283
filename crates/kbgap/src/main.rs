//! `kbgap`: which Microsoft security updates are my machines missing?

mod accuracy;
mod app;
mod audit;
mod catalog;
mod cli;
mod data_dir;
mod database;
mod demo;
mod enroll;
mod inventory;
mod issuers;
mod key;
mod names;
mod output;
mod people;
mod scan;
mod serve;
mod settings;
mod setup;
mod tenant;
mod token;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use cli::{Cli, Command};
use settings::Settings;

/// Memory in small pieces is most of what taking in reports and building the index cost: with the system's allocator a
/// restart takes half as long again (`cargo xtask bench fleet`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let matches = Cli::command().get_matches();
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    let outcome =
        Settings::of(&cli.settings, &matches).and_then(|settings| run(cli.command, &settings));
    match outcome {
        Ok(code) => code,
        // Whoever reads our output has seen enough: `kbgap scan … | head`.
        Err(error) if output::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::error(&error);
            ExitCode::from(cli::FAILED)
        }
    }
}

fn run(command: Command, settings: &Settings) -> anyhow::Result<ExitCode> {
    match command {
        Command::Scan(args) => scan::run(&args, settings),
        Command::Accuracy(args) => accuracy::run(&args, settings),
        Command::Catalog(command) => catalog::run(command, settings),
        Command::Serve(args) => serve::run(&args, settings),
        Command::Inventory(command) => inventory::run(command, settings),
        Command::Tenant(command) => tenant::run(command, settings),
        Command::App(command) => app::run(command, settings),
        Command::User(command) => people::run_user(command, settings),
        Command::Group(command) => people::run_group(command, settings),
        Command::Audit(args) => audit::run(&args, settings),
        Command::Issuers(command) => issuers::run(&command, settings),
        Command::Key(command) => key::run(&command, settings),
        Command::EnrollSecret(command) => enroll::run(command, settings),
        Command::Token(args) => token::run(&args, settings),
        Command::Demo(args) => demo::run(&args),
        Command::Backup(args) => database::backup(&args, settings),
        Command::Restore(args) => database::restore(&args, settings),
        Command::Database(command) => database::run(&command, settings),
        Command::Config => settings.print(),
    }
}
