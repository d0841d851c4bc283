//! The folders of a truth corpus: which machines are in it, and what was offered to each.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use kbgap_inventory::{Offered, is_offered_list, read_offered, stem};

use crate::scan::input::{self, MachineInput};

/// What the folders hold.
#[derive(Debug, Default)]
pub(super) struct Corpus {
    /// The machines with a truth, in order of folder and name.
    pub(super) machines: Vec<MachineFiles>,
    /// How many machines have none.
    pub(super) without_truth: usize,
}

/// The files of one machine.
#[derive(Debug)]
pub(super) struct MachineFiles {
    /// The part of their names that they share.
    pub(super) name: String,
    truth: PathBuf,
    reports: Vec<PathBuf>,
}

/// A machine, and the truth about it.
pub(super) struct Machine {
    /// What it reports.
    pub(super) input: MachineInput,
    /// What it was offered.
    pub(super) offered: Offered,
}

/// Finds the machines in folders; folders within them are not entered.
pub(super) fn find(folders: &[PathBuf]) -> anyhow::Result<Corpus> {
    let mut corpus = Corpus::default();
    for folder in folders {
        let mut by_stem: BTreeMap<String, (Option<PathBuf>, Vec<PathBuf>)> = BTreeMap::new();
        for file in files(folder)? {
            let name = file.to_string_lossy();
            // A file whose name tells no kind is a machine of its own.
            let key = stem(&name).unwrap_or_else(|| name.to_lowercase());
            let (truth, reports) = by_stem.entry(key).or_default();
            if is_offered_list(&name) && truth.is_none() {
                *truth = Some(file.clone());
            } else if is_offered_list(&name) {
                anyhow::bail!("{name}: there is another list of offered updates for this machine");
            } else {
                reports.push(file.clone());
            }
        }
        for (stem, (truth, reports)) in by_stem {
            match truth {
                Some(truth) => corpus.machines.push(MachineFiles {
                    name: shown(&stem, &truth),
                    truth,
                    reports,
                }),
                None => corpus.without_truth += 1,
            }
        }
    }
    Ok(corpus)
}

/// The files of a folder in order, but hidden ones.
fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let context = || format!("cannot read the folder {}", folder.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(context)? {
        let entry = entry.with_context(context)?;
        let path = entry.path();
        if path.is_file() && !entry.file_name().to_string_lossy().starts_with('.') {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The stem as the file's name spells it, without its folder.
fn shown(stem: &str, file: &Path) -> String {
    let path = file.to_string_lossy();
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    // Lower case may be longer than the name was: then the whole name stands for it.
    stem.len()
        .checked_sub(path.len() - name.len())
        .and_then(|length| name.get(..length))
        .unwrap_or(&name)
        .to_owned()
}

impl MachineFiles {
    /// Reads the files.
    ///
    /// # Errors
    /// What could not be read, in words that name the file.
    pub(super) fn read(&self) -> Result<Machine, Vec<String>> {
        let truth = self.truth.display();
        if self.reports.is_empty() {
            return Err(vec![format!(
                "{truth}: there is no report of this machine beside it"
            )]);
        }
        let offered = input::bytes(&self.truth)
            .map_err(|error| vec![format!("{truth}: {error}")])
            .and_then(|bytes| {
                read_offered(&bytes).map_err(|error| vec![format!("{truth}: {error}")])
            })?;
        let mut inputs = input::read(&self.reports);
        match (inputs.machines.pop(), inputs.failures) {
            (Some(input), failures) if failures.is_empty() && inputs.machines.is_empty() => {
                Ok(Machine { input, offered })
            }
            (_, failures) if failures.is_empty() => Err(vec![format!(
                "{truth}: the reports beside it are of several machines"
            )]),
            (_, failures) => Err(failures),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_one_stem_are_one_machine_and_those_without_a_truth_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "PC1_systeminfo.txt",
            "pc1_qfe.txt",
            "PC1_updates.txt",
            "pc2_qfe.txt",
            "pc3.json",
            ".hidden",
        ] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let corpus = find(&[folder.path().to_owned()]).unwrap();
        assert_eq!(corpus.without_truth, 2);
        let [machine] = &corpus.machines[..] else {
            panic!("{corpus:?}");
        };
        assert_eq!((machine.name.as_str(), machine.reports.len()), ("PC1", 2));
        let failures = machine.read().err().unwrap();
        assert!(failures[0].ends_with("the input is empty"), "{failures:?}");
    }

    #[test]
    fn a_truth_alone_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("pc1_updates.txt"), "").unwrap();
        let corpus = find(&[folder.path().to_owned()]).unwrap();
        let failures = corpus.machines[0].read().err().unwrap();
        assert!(failures[0].contains("no report"), "{failures:?}");
        assert!(find(&[folder.path().join("none")]).is_err());
    }
}
