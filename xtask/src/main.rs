//! Chores and long runs of the project: `cargo xtask --help`.

mod accuracy;

use std::process::Command;

use anyhow::{Context, bail};
use clap::{Parser, Subcommand, ValueEnum};

/// Chores and long runs of the project
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Check formatting, lints and documentation: everything the gate checks but the tests
    Check,
    /// Run the benches; each prints a table and one line of JSON
    Bench {
        /// Which; all without one
        #[arg(value_enum)]
        which: Vec<Bench>,
        /// How often each measurement is repeated
        #[arg(long)]
        rounds: Option<u32>,
    },
    /// Try the laws of assessment on many more machines than the tests do
    Laws {
        /// How many machines each law is tried on
        #[arg(long, default_value_t = 20_000)]
        cases: u32,
    },
    /// Play random histories of a fleet, on both databases: changes applied to an old export must give the new one
    Delta {
        /// How many, on each
        #[arg(long, default_value_t = 500)]
        histories: u32,
    },
    /// Kill a server at random moments while reports come in, on both databases: nothing acknowledged may be lost
    Crash {
        /// How often it is killed, on each
        #[arg(long, default_value_t = 100)]
        kills: u32,
    },
    /// Read the list of machines by ten readers of pages at once and by following links: complete, in one order
    Paging {
        /// How many machines there are
        #[arg(long, default_value_t = 100_000)]
        machines: u32,
    },
    /// Try the API against its OpenAPI description, with schemathesis
    Description {
        /// How many cases each operation is tried with: 300 are some ten thousand in all
        #[arg(long, default_value_t = 300)]
        examples: u32,
    },
    /// Write docs/api-conformance.md, the table of endpoints, from the test that walks them
    Conformance,
    /// Write docs/machine-report.schema.json, the published JSON Schema, from the code
    Schema,
    /// Write docs/accuracy.md: answers against what the Windows Update Agent offered on the corpus' machines
    Accuracy,
}

/// A bench.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Bench {
    /// Reading all documents, against a bare loop of the XML library
    Import,
    /// 'kbgap scan' as a whole process, against the start of a process
    Scan,
    /// Assessing states of Windows machines, against the difference of two hash sets
    States,
    /// Assessing applications of a machine
    Applications,
    /// A fleet of a million machines: memory, restart, a new month, a changed report
    Fleet,
    /// OData filters over rows in memory, against closures of Rust
    Filter,
    /// Exports as gzip files, against gzip alone on the same bytes; the memory they take
    Export,
    /// Exports of a hundred thousand machines from request to files, against gzip alone on the same bytes
    Files,
    /// Durable ingest of reports, against bare batched inserts of the same bytes
    Ingest,
    /// Verifying tokens, seen before and not, against the library's own decoding
    Tokens,
    /// The API over HTTP at ten thousand and a million machines, against a bare handler (needs 'wrk')
    Requests,
    /// Answers to tenants while another asks for five times what it may, against the same without that one
    Fairness,
}

const SCHEMA: &str = "docs/machine-report.schema.json";

fn main() -> anyhow::Result<()> {
    match Cli::parse().task {
        Task::Check => check(),
        Task::Bench { which, rounds } => bench(&which, rounds),
        Task::Laws { cases } => laws(cases),
        Task::Delta { histories } => delta(histories),
        Task::Crash { kills } => crash(kills),
        Task::Paging { machines } => paging(machines),
        Task::Description { examples } => description(examples),
        Task::Conformance => conformance(),
        Task::Schema => schema(),
        Task::Accuracy => accuracy::write(),
    }
}

fn check() -> anyhow::Result<()> {
    cargo(&["fmt", "--all", "--check"], &[])?;
    cargo(
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
        &[],
    )?;
    cargo(
        &[
            "doc",
            "--workspace",
            "--no-deps",
            "--document-private-items",
        ],
        &[("RUSTDOCFLAGS", "-D warnings")],
    )
}

fn bench(which: &[Bench], rounds: Option<u32>) -> anyhow::Result<()> {
    let rounds = rounds.map(|rounds| rounds.to_string());
    let variables: Vec<(&str, &str)> = rounds
        .iter()
        .map(|rounds| ("KBGAP_BENCH_ROUNDS", rounds.as_str()))
        .collect();
    let all = [
        Bench::Import,
        Bench::Scan,
        Bench::States,
        Bench::Applications,
        Bench::Fleet,
        Bench::Filter,
        Bench::Export,
        Bench::Files,
        Bench::Ingest,
        Bench::Tokens,
        Bench::Requests,
        Bench::Fairness,
    ];
    let which = if which.is_empty() { &all } else { which };
    for bench in which {
        let (package, name) = match bench {
            Bench::Import => ("kbgap-catalog", "import"),
            Bench::Scan => ("kbgap", "scan"),
            Bench::States => ("kbgap-assessment", "states"),
            Bench::Applications => ("kbgap-assessment", "applications"),
            Bench::Fleet => ("kbgap-server", "fleet"),
            Bench::Filter => ("kbgap-odata", "filter"),
            Bench::Export => ("kbgap-export", "export"),
            Bench::Files => ("kbgap-server", "files"),
            Bench::Ingest => ("kbgap-server", "ingest"),
            Bench::Tokens => ("kbgap-identity", "tokens"),
            Bench::Requests => ("kbgap-server", "requests"),
            Bench::Fairness => ("kbgap-server", "fairness"),
        };
        cargo(&["bench", "-q", "-p", package, "--bench", name], &variables)?;
    }
    Ok(())
}

fn laws(cases: u32) -> anyhow::Result<()> {
    cargo(
        &[
            "test",
            "--release",
            "-p",
            "kbgap-assessment",
            "--test",
            "laws",
        ],
        &[("KBGAP_LAW_CASES", &cases.to_string())],
    )
}

fn delta(histories: u32) -> anyhow::Result<()> {
    cargo(
        &["test", "-p", "kbgap-server", "--test", "delta"],
        &[("KBGAP_HISTORIES", &histories.to_string())],
    )
}

fn paging(machines: u32) -> anyhow::Result<()> {
    cargo(
        &[
            "test",
            "-p",
            "kbgap",
            "--test",
            "walk",
            "--",
            "paged",
            "--nocapture",
        ],
        &[("KBGAP_PAGED", &machines.to_string())],
    )
}

fn description(examples: u32) -> anyhow::Result<()> {
    cargo(
        &[
            "test",
            "-p",
            "kbgap",
            "--test",
            "clients",
            "--",
            "published",
            "--nocapture",
        ],
        &[("KBGAP_EXAMPLES", &examples.to_string())],
    )
}

fn conformance() -> anyhow::Result<()> {
    cargo(
        &["test", "-p", "kbgap", "--test", "walk", "--", "published"],
        &[("KBGAP_WRITE_CONFORMANCE", "1")],
    )
}

fn crash(kills: u32) -> anyhow::Result<()> {
    cargo(
        &[
            "test",
            "-p",
            "kbgap",
            "--test",
            "crash",
            "--",
            "killed",
            "--nocapture",
        ],
        &[("KBGAP_KILLS", &kills.to_string())],
    )
}

fn schema() -> anyhow::Result<()> {
    let output = Command::new(env!("CARGO"))
        .args(["run", "-q", "-p", "kbgap", "--", "inventory", "schema"])
        .output()
        .context("cargo does not start")?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr));
    }
    std::fs::write(SCHEMA, output.stdout).with_context(|| SCHEMA.to_owned())
}

fn cargo(args: &[&str], variables: &[(&str, &str)]) -> anyhow::Result<()> {
    let status = Command::new(env!("CARGO"))
        .args(args)
        .envs(variables.iter().copied())
        .status()
        .context("cargo does not start")?;
    if !status.success() {
        bail!("cargo {} failed", args.join(" "));
    }
    Ok(())
}
