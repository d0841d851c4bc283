//! The machines' reports as a file: JSON, a line each.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::Context;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::fleet::Machines;
use crate::output;

/// Writes to a file, to standard output for `-`; compressed where the name ends in `.gz`.
pub(super) fn reports(machines: &Machines, file: &Path) -> anyhow::Result<()> {
    if file.as_os_str() == "-" {
        return lines(machines, &mut BufWriter::new(io::stdout().lock()));
    }
    let named = || format!("{} cannot be written", file.display());
    let mut out = BufWriter::new(File::create(file).with_context(named)?);
    if file.extension().is_some_and(|extension| extension == "gz") {
        let mut packed = GzEncoder::new(out, Compression::fast());
        lines(machines, &mut packed).with_context(named)?;
        out = packed.finish().with_context(named)?;
    } else {
        lines(machines, &mut out).with_context(named)?;
    }
    out.flush().with_context(named)
}

fn lines(machines: &Machines, out: &mut impl Write) -> anyhow::Result<()> {
    let bar = output::progress(machines.len(), "machines");
    // A report is small writes; they go out by the line.
    let mut line = Vec::new();
    for report in machines.reports() {
        line.clear();
        serde_json::to_writer(&mut line, &report)?;
        line.push(b'\n');
        out.write_all(&line)?;
        bar.inc(1);
    }
    out.flush()?;
    bar.finish_and_clear();
    Ok(())
}
