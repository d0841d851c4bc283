//! Reports as lines of JSON from files of any size, packed or not.

use std::path::Path;

use anyhow::Context;
use async_compression::tokio::bufread::GzipDecoder;
use kbgap_server::{IngestSummary, Intake};
use tokio::fs::File;
use tokio::io::{AsyncRead, BufReader};

use crate::output;

/// How files of lines end.
const LINES: [&str; 2] = ["ndjson", "jsonl"];
/// How they end where they are packed.
const PACKED: &str = "gz";

/// Whether a file is one of lines, by its name.
pub(super) fn is_lines(file: &Path) -> bool {
    let name = if is_packed(file) {
        Path::new(file.file_stem().unwrap_or_default())
    } else {
        file
    };
    let extension = name.extension().unwrap_or_default();
    LINES
        .iter()
        .any(|lines| extension.eq_ignore_ascii_case(lines))
}

fn is_packed(file: &Path) -> bool {
    let extension = file.extension().unwrap_or_default();
    extension.eq_ignore_ascii_case(PACKED)
}

/// Stores what a file holds, as it is read; what is wrong in it is named with the file and the report's place.
pub(super) async fn take(intake: &Intake, file: &Path) -> anyhow::Result<IngestSummary> {
    let name = file.display();
    let input = File::open(file)
        .await
        .with_context(|| format!("cannot open {name}"))?;
    let size = input.metadata().await.map_or(0, |metadata| metadata.len());
    let bar = output::progress(usize::try_from(size).unwrap_or(usize::MAX), "storing");
    let input = BufReader::new(bar.wrap_async_read(input));
    let input: Box<dyn AsyncRead + Send + Unpin> = if is_packed(file) {
        let mut input = GzipDecoder::new(input);
        // Files put one behind the other are one file to gzip.
        input.multiple_members(true);
        Box::new(input)
    } else {
        Box::new(input)
    };
    let told = |stored| bar.set_message(format!("{stored} reports"));
    let taken = intake.take_lines(input, told).await;
    bar.finish_and_clear();
    let mut summary = taken.with_context(|| name.to_string())?;
    let all = summary.rejected.iter_mut();
    let all = all.chain(&mut summary.unidentified);
    for told in all.chain(&mut summary.warnings) {
        told.reason = format!("{name}, report {}: {}", told.index + 1, told.reason);
    }
    Ok(summary)
}
