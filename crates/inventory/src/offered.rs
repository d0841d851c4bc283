//! What the Windows Update Agent offers a machine: the truth an assessment is measured by.
//!
//! One row a line: `KB4100347: 2018-10 Update for Windows 10 … (KB4100347)`. Terminals break long rows, and some
//! rows have no number or several.

use kbgap_catalog::{Kb, NotAKb};

use crate::decode;
use crate::merge::{UPDATES, stem_and_kind};
use crate::read::MAX_INPUT;

/// An update the agent offers: neither installed nor hidden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedUpdate {
    /// Its KB, from the head of its row, else from its title; `None` where neither states one (drivers).
    pub kb: Option<Kb>,
    /// The agent's title of it, in the machine's language.
    pub title: Box<str>,
}

/// All that a list says is offered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offered {
    /// The updates in the list's order, each KB once. A row with several numbers gives one update a number.
    pub updates: Vec<OfferedUpdate>,
    /// How many lines are no row and no part of one (headings).
    pub skipped: usize,
}

/// Why a list of offered updates cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OfferedError {
    /// Larger than [`MAX_INPUT`].
    #[error("the list is larger than {} MiB", MAX_INPUT >> 20)]
    TooLarge,
    /// Text, but no row: an empty file is how a list says that nothing is offered.
    #[error(
        "none of its {lines} lines is an offered update, such as 'KB4100347: 2018-10 Update … (KB4100347)'; a machine that is offered nothing has an empty file"
    )]
    NoRow {
        /// How many lines there are.
        lines: usize,
    },
    /// The head of a row is not a KB.
    #[error("line {line}: {error}")]
    Number {
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        error: NotAKb,
    },
}

/// Whether a file's name says that it is such a list: `pc1_updates.txt`.
pub fn is_offered_list(file: &str) -> bool {
    stem_and_kind(file).is_some_and(|(_, kind)| kind == UPDATES)
}

/// Reads a list of offered updates in any encoding.
///
/// # Errors
/// Where a row's number is none, and where no line is a row: half a truth would measure nothing.
pub fn read_offered(bytes: &[u8]) -> Result<Offered, OfferedError> {
    if bytes.len() > MAX_INPUT {
        return Err(OfferedError::TooLarge);
    }
    let text = decode(bytes).text;
    let mut offered = Offered::default();
    let mut open: Option<Row> = None;
    let mut lines = 0;
    for (at, line) in text.lines().enumerate() {
        let line = line.trim_end_matches(['\u{0}', '\r']);
        if line.trim().is_empty() {
            offered.extend(open.take());
            continue;
        }
        lines += 1;
        let row = Row::of_line(line).map_err(|error| OfferedError::Number {
            line: at + 1,
            error,
        })?;
        match (row, &mut open) {
            (Some(row), Some(before)) if row.is_rest_of(before) => before.join(line),
            (None, Some(before)) if before.is_cut_off() => before.join(line),
            (Some(row), _) => {
                offered.extend(open.replace(row));
            }
            (None, _) => offered.skipped += 1,
        }
    }
    offered.extend(open);
    if offered.updates.is_empty() && lines > 0 {
        return Err(OfferedError::NoRow { lines });
    }
    Ok(offered)
}

impl Offered {
    fn extend(&mut self, row: Option<Row>) {
        let Some(row) = row else { return };
        let title: Box<str> = row.title.trim().into();
        if row.kbs.is_empty() {
            self.updates.push(OfferedUpdate { kb: None, title });
            return;
        }
        for kb in row.kbs {
            if self.updates.iter().all(|known| known.kb != Some(kb)) {
                self.updates.push(OfferedUpdate {
                    kb: Some(kb),
                    title: title.clone(),
                });
            }
        }
    }
}

/// A row, as far as it has been read.
struct Row {
    kbs: Vec<Kb>,
    title: String,
    /// Whether the numbers stand before the title, and not just in it.
    headed: bool,
}

impl Row {
    /// The row that begins with this line; `None` where none does.
    fn of_line(line: &str) -> Result<Option<Self>, NotAKb> {
        if let Some((head, title)) = line.split_once(':')
            && is_head(head)
        {
            let mut kbs = Vec::new();
            for number in numbers(head).filter(|number| !number.eq_ignore_ascii_case("kb")) {
                kbs.push(number.parse()?);
            }
            if kbs.is_empty() {
                kbs.extend(kbs_in(title).last());
            }
            return Ok(Some(Self {
                kbs,
                title: title.trim_start().to_owned(),
                headed: true,
            }));
        }
        // A title ends with its own number.
        Ok(kbs_in(line).last().map(|kb| Self {
            kbs: vec![*kb],
            title: line.to_owned(),
            headed: false,
        }))
    }

    /// Whether the title lacks its end: a bracket is open, or its own number is still to come.
    fn is_cut_off(&self) -> bool {
        let opened = self.title.matches('(').count();
        let closed = self.title.matches(')').count();
        let own = kbs_in(&self.title);
        opened > closed || (!self.kbs.is_empty() && !self.kbs.iter().any(|kb| own.contains(kb)))
    }

    /// Whether this "row" is but the end of the title of the one before it.
    fn is_rest_of(&self, before: &Self) -> bool {
        !self.headed && before.is_cut_off() && self.kbs.iter().all(|kb| before.kbs.contains(kb))
    }

    fn join(&mut self, rest: &str) {
        let number_goes_on =
            self.title.ends_with("KB") && rest.starts_with(|c: char| c.is_ascii_digit());
        let spaced =
            self.title.ends_with(char::is_whitespace) || rest.starts_with(char::is_whitespace);
        if !number_goes_on && !spaced {
            self.title.push(' ');
        }
        self.title.push_str(rest);
    }
}

/// Whether what stands before a colon is the place of the numbers: `KB1, KB2`, or nothing, where there is none.
fn is_head(head: &str) -> bool {
    numbers(head).all(|number| {
        let letters = number.get(..2).unwrap_or_default();
        letters.eq_ignore_ascii_case("kb") && number[2..].bytes().all(|b| b.is_ascii_digit())
    })
}

fn numbers(head: &str) -> impl Iterator<Item = &str> {
    head.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '/' | '+' | '\u{feff}'))
        .filter(|number| !number.is_empty())
}

/// The KBs a text names as words of their own, with the letters.
fn kbs_in(text: &str) -> Vec<Kb> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| {
            word.get(..2)
                .is_some_and(|letters| letters.eq_ignore_ascii_case("kb"))
        })
        .filter_map(|word| word.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> (Vec<(Option<u32>, String)>, usize) {
        let offered = read_offered(text.as_bytes()).unwrap();
        let updates = offered.updates.iter();
        let updates = updates.map(|update| (update.kb.map(Kb::number), update.title.to_string()));
        (updates.collect(), offered.skipped)
    }

    fn row(kb: u32, title: &str) -> (Option<u32>, String) {
        (Some(kb), title.to_owned())
    }

    #[test]
    fn a_row_is_a_number_and_a_title() {
        let text = "KB4100347: 2018-10 Update (KB4100347)\r\n\
            kb2267602 : Definition Update - KB2267602 (Definition 1.289.501.0)\r\n\
            2019-02 Cumulative Update (KB4487017)\r\n\
            KB: Intel - System - 1.2\r\n\
            : Printer driver\r\n";
        let rows = [
            row(4_100_347, "2018-10 Update (KB4100347)"),
            row(
                2_267_602,
                "Definition Update - KB2267602 (Definition 1.289.501.0)",
            ),
            row(4_487_017, "2019-02 Cumulative Update (KB4487017)"),
            (None, "Intel - System - 1.2".to_owned()),
            (None, "Printer driver".to_owned()),
        ];
        assert_eq!(read(text), (rows.to_vec(), 0));
    }

    #[test]
    fn several_numbers_are_several_updates_and_one_twice_is_one() {
        let rows = vec![row(4_487_078, "Rollup"), row(4_483_458, "Rollup")];
        assert_eq!(
            read("KB4487078, KB4483458: Rollup\nKB4487078: again\n"),
            (rows, 0)
        );
    }

    #[test]
    fn a_broken_row_is_one_row() {
        let text = "Offered updates\n---------------\n\
            KB4487078: 2019-02 Security and Quality Rollup for .NET Framework 3.5.1,\n\
            4.5.2 for Windows 7 (KB\n\
            4487078)\n\
            KB890830: Removal Tool - February 2019 (KB890830)\n\
            that is all\n";
        let rollup = "2019-02 Security and Quality Rollup for .NET Framework 3.5.1, 4.5.2 for Windows 7 (KB4487078)";
        let rows = vec![
            row(4_487_078, rollup),
            row(890_830, "Removal Tool - February 2019 (KB890830)"),
        ];
        assert_eq!(read(text), (rows, 3));
    }

    #[test]
    fn nothing_offered_is_an_empty_file_and_other_text_an_error() {
        assert_eq!(read_offered(b"\xFF\xFE\r\0\n\0"), Ok(Offered::default()));
        assert_eq!(
            read_offered(b"hello\nworld"),
            Err(OfferedError::NoRow { lines: 2 })
        );
        let error = read_offered(b"KB4100347: one (KB4100347)\n\nKB12: two\n").unwrap_err();
        assert!(
            error.to_string().starts_with("line 3: 'KB12' is not a KB"),
            "{error}"
        );
    }

    #[test]
    fn the_name_tells_the_list() {
        assert!(is_offered_list("d/PC1_updates.txt"));
        assert!(!is_offered_list("d/PC1_systeminfo.txt"));
        assert!(!is_offered_list("d/updates.txt"));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = read_offered(&bytes);
        }

        #[test]
        fn rows_hold_what_the_text_says(text in "(KB[0-9]{4,9}|kb|é|İ|:|\\(|\\)| |,|\r|\n|\u{0}){0,60}") {
            if let Ok(offered) = read_offered(text.as_bytes()) {
                for kb in offered.updates.iter().filter_map(|update| update.kb) {
                    prop_assert!(text.contains(&kb.number().to_string()));
                }
            }
        }
    }
}
