//! `docs/accuracy.md`: how right the answers are, measured anew.

use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context, bail};

const PAGE: &str = "docs/accuracy.md";
/// What the page says, with a place for the figures.
const TEXT: &str = include_str!("accuracy.md");
const FIGURES: &str = "<!-- figures -->";
/// Where the page says what the replay found.
const REPLAY: &str = "<!-- replay -->";
/// With this exit code figures were measured too: something is wrong or missed.
const MEASURED: i32 = 1;

/// Measures the machines of the corpus whose truth is known, and writes the page.
pub(crate) fn write() -> anyhow::Result<()> {
    let data = tempfile::tempdir()?;
    let history = kbgap_corpus::folder().join("windows-release-history.csv");
    for source in [kbgap_corpus::cvrf_of_march_2019(), history] {
        let imported = kbgap(data.path(), &["catalog", "import"], &source)?;
        if !imported.status.success() {
            bail!("{}", String::from_utf8_lossy(&imported.stderr));
        }
    }
    let machines = kbgap_corpus::machines();
    let measured = kbgap(data.path(), &["accuracy", "--markdown"], &machines)?;
    if !measured.status.success() && measured.status.code() != Some(MEASURED) {
        bail!("{}", String::from_utf8_lossy(&measured.stderr));
    }
    let figures = String::from_utf8(measured.stdout)?;
    let page = TEXT
        .replace(FIGURES, figures.trim_end())
        .replace(REPLAY, &replay()?);
    std::fs::write(PAGE, page).with_context(|| PAGE.to_owned())
}

/// Runs the replay of the release history, and tells its figures as a row of a table.
fn replay() -> anyhow::Result<String> {
    let output = Command::new(env!("CARGO"))
        .args(["test", "-q", "-p", "kbgap-assessment", "--test", "replay"])
        .args(["--", "--nocapture"])
        .output()
        .context("cargo does not start")?;
    let printed = String::from_utf8(output.stdout)?;
    let line = printed.lines().find(|line| line.starts_with("{\"replay\""));
    let line = line.with_context(|| format!("the replay printed no figures:\n{printed}"))?;
    let figures: serde_json::Value = serde_json::from_str(line)?;
    let figure = |name: &str| figures["replay"][name].as_u64();
    let (Some(rows), Some(right)) = (figure("rows"), figure("right")) else {
        bail!("the replay's figures cannot be read: {line}");
    };
    #[expect(clippy::cast_precision_loss, reason = "a share for people")]
    let share = 100.0 * right as f64 / rows as f64;
    Ok(format!("| {rows} | {right} | {share:.2} % |"))
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
