//! `docs/accuracy.md`: how right the answers are, measured anew.

use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context, bail};

const PAGE: &str = "docs/accuracy.md";
/// What the page says, with a place for the figures.
const TEXT: &str = include_str!("accuracy.md");
const FIGURES: &str = "<!-- figures -->";
/// With this exit code figures were measured too: something is wrong or missed.
const MEASURED: i32 = 1;

/// Measures the machines of the corpus whose truth is known, and writes the page.
pub(crate) fn write() -> anyhow::Result<()> {
    let data = tempfile::tempdir()?;
    let documents = kbgap_corpus::cvrf_of_march_2019();
    let imported = kbgap(data.path(), &["catalog", "import"], &documents)?;
    if !imported.status.success() {
        bail!("{}", String::from_utf8_lossy(&imported.stderr));
    }
    let machines = kbgap_corpus::machines();
    let measured = kbgap(data.path(), &["accuracy", "--markdown"], &machines)?;
    if !measured.status.success() && measured.status.code() != Some(MEASURED) {
        bail!("{}", String::from_utf8_lossy(&measured.stderr));
    }
    let figures = String::from_utf8(measured.stdout)?;
    let page = TEXT.replace(FIGURES, figures.trim_end());
    std::fs::write(PAGE, page).with_context(|| PAGE.to_owned())
}

/// Runs the binary on a data directory of its own, whatever the environment's settings are.
fn kbgap(data: &Path, command: &[&str], input: &Path) -> anyhow::Result<Output> {
    Command::new(env!("CARGO"))
        .args(["run", "-q", "-p", "kbgap", "--"])
        .args(command)
        .arg(input)
        .env("KBGAP_DATA_DIR", data)
        .env_remove("KBGAP_CONFIG")
        .env_remove("KBGAP_AS_OF")
        .output()
        .context("cargo does not start")
}
