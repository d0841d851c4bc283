//! `systeminfo` in any language.
//!
//! Its labels are translated, its structure is not: the host name stands first, then the
//! operating system's name, then its version, whose value begins with digits; lists are numbered in
//! brackets, and updates are told by their numbers.

use kbgap_catalog::{Kb, WindowsBuild};

use crate::identify::architecture_of;
use crate::read::{ParseError, Parsed};
use crate::report::{InstalledUpdate, MachineReport};

/// How far down the version may stand.
const HEAD_LINES: usize = 20;

/// A line with a label, or a numbered entry under the last label.
struct Line<'a> {
    label: &'a str,
    value: &'a str,
    entries: Vec<&'a str>,
}

/// Whether text has the structure of `systeminfo`.
pub(crate) fn is(text: &str) -> bool {
    version_at(&lines(text)).is_some() || csv_row(text).is_some()
}

pub(crate) fn parse(text: &str) -> Result<Parsed, ParseError> {
    if let Some(row) = csv_row(text) {
        return of_csv(&row);
    }
    let lines = lines(text);
    let at = version_at(&lines).ok_or(ParseError::NoOperatingSystem)?;
    let mut parsed = Parsed::new();
    let report = &mut parsed.report;
    set_os(report, lines[at].value);
    report.os.name = at.checked_sub(1).and_then(|at| filled(lines[at].value));
    report.name = at.checked_sub(2).and_then(|at| filled(lines[at].value));
    if report.os.name.is_none() {
        return Err(ParseError::NoOperatingSystem);
    }
    let architecture = |line: &Line<'_>| architecture_of(line.value);
    report.os.architecture = lines[at..].iter().take(HEAD_LINES).find_map(architecture);
    let hotfixes = lines[at..]
        .iter()
        .find(|line| line.entries.iter().any(|e| kb_of(e).is_some()));
    if let Some(hotfixes) = hotfixes {
        add_updates(&mut parsed, hotfixes.value, &hotfixes.entries);
    }
    Ok(parsed)
}

fn set_os(report: &mut MachineReport, version: &str) {
    let mut words = version.split_whitespace();
    report.os.version = words
        .next()
        .and_then(|word| word.parse::<WindowsBuild>().ok());
    // "Service Pack 1" is not translated.
    report.os.service_pack = version.split_once("Service Pack ").and_then(|(_, rest)| {
        let number = rest.split_whitespace().next()?;
        number
            .trim_matches(|c: char| !c.is_ascii_digit())
            .parse()
            .ok()
    });
}

/// The labelled lines, each with the numbered entries under it.
fn lines(text: &str) -> Vec<Line<'_>> {
    let mut lines: Vec<Line<'_>> = Vec::new();
    for raw in text.lines() {
        let line = raw.trim_matches(|c: char| c.is_whitespace() || c == '\u{0}');
        if line.is_empty() {
            continue;
        }
        if let Some(entry) = line.strip_prefix('[') {
            if let Some(last) = lines.last_mut() {
                let text = entry.split_once("]:").map_or("", |(_, text)| text.trim());
                last.entries.push(text);
            }
        } else if raw.starts_with(char::is_whitespace)
            && lines.last().is_some_and(|l| !l.entries.is_empty())
        {
            // Details of a numbered entry, such as a network card's addresses.
        } else if let Some((label, value)) = line.split_once([':', '：']) {
            lines.push(Line {
                label: label.trim(),
                value: value.trim(),
                entries: Vec::new(),
            });
        }
    }
    lines
}

/// Where the operating system's version stands: `10.0.17763 N/A Build 17763`.
fn version_at(lines: &[Line<'_>]) -> Option<usize> {
    lines.iter().take(HEAD_LINES).position(|line| {
        let mut words = line.value.split_whitespace();
        let version = words
            .next()
            .and_then(|word| word.parse::<WindowsBuild>().ok());
        let build = words.last().and_then(|word| word.parse::<u32>().ok());
        !line.label.is_empty() && version.is_some_and(|version| build == Some(version.build))
    })
}

fn add_updates(parsed: &mut Parsed, header: &str, entries: &[&str]) {
    let mut updates = Vec::new();
    let mut unread = 0;
    for entry in entries {
        match kb_of(entry) {
            Some(kb) => updates.push(InstalledUpdate {
                kb,
                installed_on: None,
                reboot_pending: false,
            }),
            // A list that was cut ends in the middle of an entry.
            None if entry.is_empty() => {}
            None => unread += 1,
        }
    }
    let stated = header
        .split(|c: char| !c.is_ascii_digit())
        .find_map(|number| number.parse::<usize>().ok());
    let listed = entries.iter().filter(|entry| !entry.is_empty()).count();
    if let Some(stated) = stated.filter(|stated| *stated > listed) {
        parsed.report.updates_complete = false;
        parsed.warn(format!(
            "the list of updates is cut off: {listed} of {stated}"
        ));
    }
    if unread > 0 {
        parsed.warn(format!(
            "{unread} entries of the list of updates name no KB and are left out"
        ));
    }
    parsed.report.updates = Some(updates);
}

/// The KB an entry of a hotfix list names: `KB4465477`, `KB893803v2 - Update`, `Q147222`, `943729`.
pub(crate) fn kb_of(entry: &str) -> Option<Kb> {
    let entry = entry.trim();
    let digits = |text: &str| -> Option<Kb> {
        let end = text
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len());
        text[..end].parse().ok()
    };
    let upper = entry.to_ascii_uppercase();
    if let Some(rest) = upper.strip_prefix("KB").or_else(|| upper.strip_prefix('Q')) {
        return digits(rest);
    }
    (!entry.is_empty() && entry.bytes().all(|b| b.is_ascii_digit()))
        .then(|| digits(entry))
        .flatten()
}

fn filled(value: &str) -> Option<Box<str>> {
    let value = value.trim();
    (!value.is_empty()).then(|| value.into())
}

/// The row of `systeminfo /fo csv`, where the text is that.
fn csv_row(text: &str) -> Option<csv::StringRecord> {
    if !text.trim_start().starts_with('"') {
        return None;
    }
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(text.trim_start().as_bytes());
    reader.records().take(2).flatten().find(|row| {
        row.len() > 10
            && row.get(2).is_some_and(|v| {
                v.split_whitespace()
                    .next()
                    .is_some_and(|w| w.parse::<WindowsBuild>().is_ok())
            })
    })
}

fn of_csv(row: &csv::StringRecord) -> Result<Parsed, ParseError> {
    let mut parsed = Parsed::new();
    let report = &mut parsed.report;
    report.name = row.get(0).and_then(filled);
    report.os.name = row.get(1).and_then(filled);
    set_os(report, row.get(2).unwrap_or_default());
    if report.os.name.is_none() {
        return Err(ParseError::NoOperatingSystem);
    }
    report.os.architecture = row.iter().skip(3).find_map(architecture_of);
    let hotfixes = row.iter().find(|field| {
        field
            .split("]:")
            .skip(1)
            .any(|entry| kb_of(entry.split(',').next().unwrap_or_default()).is_some())
    });
    if let Some(field) = hotfixes {
        let (header, _) = field.split_once(",[").unwrap_or((field, ""));
        let entries: Vec<&str> = field
            .split("]:")
            .skip(1)
            .map(|entry| entry.split(",[").next().unwrap_or_default().trim())
            .collect();
        add_updates(&mut parsed, header, &entries);
    }
    Ok(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_entries_of_all_ages() {
        for (entry, kb) in [
            ("KB4465477", Some(4_465_477)),
            ("KB893803v2 - Update", Some(893_803)),
            ("KB952069_WM11x64", Some(952_069)),
            ("Q147222", Some(147_222)),
            ("943729", Some(943_729)),
            ("File 1", None),
            ("{7A068575-C5DB-43D9-BE20-3895D0C69B17}", None),
            ("192.168.1.1", None),
            ("", None),
        ] {
            assert_eq!(kb_of(entry).map(Kb::number), kb, "{entry}");
        }
    }

    #[test]
    fn a_russian_report_is_read_by_its_structure() {
        let text = "\r\nИмя узла:                         SRV01\r\n\
            Название ОС:                      Microsoft Windows Server 2016 Standard\r\n\
            Версия ОС:                        10.0.14393 Н/Д построение 14393\r\n\
            Изготовитель ОС:                  Корпорация Майкрософт\r\n\
            Тип системы:                      x64-based PC\r\n\
            Процессор(ы):                     Число процессоров - 1.\r\n\
            \x20                                 [01]: Intel64 Family 6 Model 85\r\n\
            Исправление(я):                   Число установленных исправлений - 2.\r\n\
            \x20                                 [01]: KB5011495\r\n\
            \x20                                 [02]: KB4589210\r\n\
            Сетевые адаптеры:                 Число сетевых адаптеров - 1.\r\n";
        let report = parse(text).unwrap().report;
        assert_eq!(report.name.as_deref(), Some("SRV01"));
        assert_eq!(report.os.version.unwrap().build, 14393);
        assert_eq!(report.updates.unwrap().len(), 2);
    }

    #[test]
    fn csv_output_is_read() {
        let text = "\"Host Name\",\"OS Name\",\"OS Version\",\"a\",\"b\",\"c\",\"d\",\"e\",\"System Type\",\"f\",\"Hotfix(s)\"\r\n\
            \"PC1\",\"Microsoft Windows 10 Pro\",\"10.0.19045 N/A Build 19045\",\"\",\"\",\"\",\"\",\"\",\"x64-based PC\",\"\",\"2 Hotfix(s) Installed.,[01]: KB5022502,[02]: KB5015684\"\r\n";
        let report = parse(text).unwrap().report;
        assert_eq!(report.name.as_deref(), Some("PC1"));
        assert_eq!(report.updates.unwrap().len(), 2);
    }

    #[test]
    fn without_an_operating_system_it_is_an_error() {
        let text = "Host Name: PC1\nOS Name:\nOS Version: 10.0.19045 N/A Build 19045\n";
        assert!(matches!(parse(text), Err(ParseError::NoOperatingSystem)));
        assert!(matches!(
            parse("Host Name: PC1\n"),
            Err(ParseError::NoOperatingSystem)
        ));
    }
}
