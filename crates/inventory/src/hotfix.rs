//! Lists of installed updates: `wmic qfe`, `Get-HotFix`, as tables, lists, CSV or JSON.

use std::collections::HashSet;

use jiff::civil::{Date, date};
use kbgap_catalog::Kb;

use crate::read::{ParseError, Parsed};
use crate::report::InstalledUpdate;
use crate::systeminfo::kb_of;

/// The column every form has.
const KEY: &str = "HotFixID";

/// Whether text holds such a list.
pub(crate) fn is(text: &str) -> bool {
    text.contains(KEY) || is_plain(text)
}

pub(crate) fn parse(text: &str) -> Result<Parsed, ParseError> {
    let rows = if text.trim_start().starts_with(['[', '{']) {
        json_rows(text)?
    } else if let Some(header) = text
        .lines()
        .find(|line| line.contains(KEY) && line.contains(','))
    {
        csv_rows(text, header)
    } else if text.lines().any(|line| block_value(line, KEY).is_some()) {
        block_rows(text)
    } else if text.contains(KEY) {
        table_rows(text)
    } else {
        plain_rows(text)
    };
    of_rows(&rows)
}

/// A row, as text.
#[derive(Default)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) computer: String,
    pub(crate) installed_on: String,
}

/// The updates that rows state, each once, and how many rows name no KB.
pub(crate) fn updates(rows: &[Row]) -> (Vec<InstalledUpdate>, usize) {
    let days_first = days_first(rows);
    let mut updates: Vec<InstalledUpdate> = Vec::new();
    let mut known = HashSet::new();
    let mut unread = 0;
    for row in rows {
        let Some(kb) = kb_of(&row.id) else {
            unread += 1;
            continue;
        };
        if known.insert(kb) {
            updates.push(InstalledUpdate {
                kb,
                installed_on: parse_date(&row.installed_on, days_first),
                reboot_pending: false,
            });
        }
    }
    (updates, unread)
}

fn of_rows(rows: &[Row]) -> Result<Parsed, ParseError> {
    let mut parsed = Parsed::new();
    let (updates, unread) = updates(rows);
    for row in rows.iter().filter(|row| kb_of(&row.id).is_some()) {
        let computer = row.computer.trim();
        if !computer.is_empty() {
            match &parsed.report.name {
                None => parsed.report.name = Some(computer.into()),
                Some(name) if !name.eq_ignore_ascii_case(computer) => {
                    return Err(ParseError::TwoMachines {
                        one: name.clone(),
                        other: computer.into(),
                    });
                }
                Some(_) => {}
            }
        }
    }
    if unread > 0 {
        parsed.warn(format!(
            "{unread} entries of the list of updates name no KB and are left out"
        ));
    }
    parsed.report.updates = Some(updates);
    Ok(parsed)
}

/// The rows of a table with fixed columns; where they begin is told by the header.
fn table_rows(text: &str) -> Vec<Row> {
    let mut lines = text.lines();
    let Some(header) = lines.find(|line| line.contains(KEY)) else {
        return Vec::new();
    };
    // `wmic` on old Windows prints a sentence right before the header, in the same line.
    let before = header
        .find("installed.")
        .map_or(0, |at| at + "installed.".len());
    let header = &header[before..];
    let column = |name: &str| -> Option<(usize, usize)> {
        let at = header.find(name)?;
        let start = header[..at].chars().count();
        let width = header[at..]
            .chars()
            .position(|c| c == ' ')
            .unwrap_or(name.len());
        let rest: String = header.chars().skip(start + width).collect();
        let gap = rest
            .chars()
            .position(|c| c != ' ')
            .unwrap_or(usize::MAX - start - width);
        Some((start, start + width + gap))
    };
    let cell = |line: &str, column: Option<(usize, usize)>| -> String {
        let Some((start, end)) = column else {
            return String::new();
        };
        let cell: String = line.chars().skip(start).take(end - start).collect();
        cell.trim().to_owned()
    };
    let (id, computer, installed_on) = (
        column(KEY),
        column("CSName")
            .or_else(|| column("Source"))
            .or_else(|| column("PSComputerName")),
        column("InstalledOn"),
    );
    lines
        .filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with("---"))
        .map(|line| Row {
            id: cell(line, id),
            computer: cell(line, computer),
            installed_on: cell(line, installed_on),
        })
        .filter(|row| !row.id.is_empty())
        .collect()
}

fn csv_rows(text: &str, header: &str) -> Vec<Row> {
    let start = text.find(header).unwrap_or(0);
    let delimiter = if header.matches(';').count() > header.matches(',').count() {
        b';'
    } else {
        b','
    };
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .delimiter(delimiter)
        .trim(csv::Trim::All)
        .from_reader(&text.as_bytes()[start..]);
    let headers = reader.headers().cloned().unwrap_or_default();
    let find = |names: &[&str]| {
        headers
            .iter()
            .position(|column| names.iter().any(|name| column.eq_ignore_ascii_case(name)))
    };
    let (id, computer, installed_on) = (
        find(&[KEY]),
        find(&["CSName", "PSComputerName", "Node"]),
        find(&["InstalledOn"]),
    );
    let cell = |row: &csv::StringRecord, at: Option<usize>| {
        at.and_then(|at| row.get(at)).unwrap_or_default().to_owned()
    };
    let rows = reader.records().flatten().map(|row| Row {
        id: cell(&row, id),
        computer: cell(&row, computer),
        installed_on: cell(&row, installed_on),
    });
    rows.filter(|row| !row.id.is_empty()).collect()
}

/// The value of `Name : value`, the form of `Get-HotFix | Format-List` and `wmic /format:list`.
fn block_value<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (key, value) = line.split_once([':', '='])?;
    key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
}

fn block_rows(text: &str) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut row = Row::default();
    for line in text.lines().chain([""]) {
        if line.trim().is_empty() {
            if !row.id.is_empty() {
                rows.push(std::mem::take(&mut row));
            }
        } else if let Some(value) = block_value(line, KEY) {
            // Some versions put no blank line between the blocks.
            if !row.id.is_empty() {
                rows.push(std::mem::take(&mut row));
            }
            value.clone_into(&mut row.id);
        } else if let Some(value) =
            block_value(line, "CSName").or_else(|| block_value(line, "PSComputerName"))
        {
            value.clone_into(&mut row.computer);
        } else if let Some(value) = block_value(line, "InstalledOn") {
            value.clone_into(&mut row.installed_on);
        }
    }
    rows
}

/// The rows of `Get-HotFix | ConvertTo-Json`: one object or an array of them.
fn json_rows(text: &str) -> Result<Vec<Row>, ParseError> {
    let value: serde_json::Value =
        serde_json::from_str(text).map_err(|error| ParseError::Json {
            line: error.line(),
            reason: error.to_string(),
        })?;
    let objects = match value {
        serde_json::Value::Array(objects) => objects,
        object => vec![object],
    };
    let text = |object: &serde_json::Value, key: &str| match &object[key] {
        serde_json::Value::String(text) => text.clone(),
        // A date: {"value": "/Date(1551484800000)/", "DateTime": "…"}.
        serde_json::Value::Object(date) => date
            .get("value")
            .and_then(|value| value.as_str())
            .unwrap_or_default()
            .to_owned(),
        _ => String::new(),
    };
    Ok(objects
        .iter()
        .map(|object| Row {
            id: text(object, KEY),
            computer: match text(object, "CSName") {
                name if name.is_empty() => text(object, "PSComputerName"),
                name => name,
            },
            installed_on: text(object, "InstalledOn"),
        })
        .collect())
}

/// A plain list: a KB a line, and nothing else.
fn is_plain(text: &str) -> bool {
    let mut lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .peekable();
    lines.peek().is_some()
        && lines.all(|line| {
            line.get(..2)
                .is_some_and(|head| head.eq_ignore_ascii_case("kb"))
                && line.parse::<Kb>().is_ok()
        })
}

fn plain_rows(text: &str) -> Vec<Row> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .map(|line| Row {
            id: line.to_owned(),
            ..Row::default()
        })
        .collect()
}

/// Whether dates with slashes have the day first; `None` where the rows do not tell.
fn days_first(rows: &[Row]) -> Option<bool> {
    let mut first_is_day = false;
    let mut second_is_day = false;
    for (first, second, _) in rows.iter().filter_map(|row| parts(&row.installed_on)) {
        first_is_day |= first > 12;
        second_is_day |= second > 12;
    }
    match (first_is_day, second_is_day) {
        (true, false) => Some(true),
        (false, true) => Some(false),
        _ => None,
    }
}

fn parts(text: &str) -> Option<(i8, i8, i16)> {
    let mut numbers = text.split_whitespace().next()?.split(['/', '.', '-']);
    let parts = (
        numbers.next()?.parse().ok()?,
        numbers.next()?.parse().ok()?,
        numbers.next()?.parse().ok()?,
    );
    numbers.next().is_none().then_some(parts)
}

/// A date in the forms these lists have; never a guessed one.
fn parse_date(text: &str, days_first: Option<bool>) -> Option<Date> {
    let text = text.trim();
    if let Ok(date) = text.parse::<Date>() {
        return Some(date);
    }
    if text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit()) {
        return Date::new(
            text[..4].parse().ok()?,
            text[4..6].parse().ok()?,
            text[6..].parse().ok()?,
        )
        .ok();
    }
    if text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return of_file_time(u64::from_str_radix(text, 16).ok()?);
    }
    if let Some(milliseconds) = text
        .strip_prefix("/Date(")
        .and_then(|rest| rest.split([')', '+', '-']).next())
    {
        let at = jiff::Timestamp::from_millisecond(milliseconds.parse().ok()?).ok()?;
        return Some(jiff::tz::TimeZone::UTC.to_datetime(at).date());
    }
    let (first, second, year) = parts(text)?;
    // With dots the day always stands first.
    let days_first = if text.contains('.') {
        true
    } else if first == second {
        false
    } else {
        days_first?
    };
    let (day, month) = if days_first {
        (first, second)
    } else {
        (second, first)
    };
    Date::new(year, month, day).ok()
}

/// A Windows file time: tenths of a microsecond since 1601.
fn of_file_time(ticks: u64) -> Option<Date> {
    let days = i32::try_from(ticks / 10_000_000 / 86_400).ok()?;
    date(1601, 1, 1)
        .checked_add(jiff::Span::new().try_days(days).ok()?)
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_and_never_guessed() {
        for (text, days_first, expected) in [
            ("3/2/2019", Some(false), Some(date(2019, 3, 2))),
            ("3/2/2019", Some(true), Some(date(2019, 2, 3))),
            ("3/2/2019", None, None),
            ("2.3.2019", None, Some(date(2019, 3, 2))),
            ("20190321", None, Some(date(2019, 3, 21))),
            ("01d4dfd0fb4eb361", None, Some(date(2019, 3, 21))),
            ("/Date(1551484800000)/", None, Some(date(2019, 3, 2))),
            ("soon", None, None),
        ] {
            assert_eq!(parse_date(text, days_first), expected, "{text}");
        }
    }

    fn kbs(text: &str) -> Vec<u32> {
        assert!(is(text), "{text}");
        let report = parse(text).unwrap().report;
        report
            .updates
            .unwrap()
            .iter()
            .map(|update| update.kb.number())
            .collect()
    }

    #[test]
    fn every_form_is_read() {
        for text in [
            "HotFixID   InstalledOn\nKB4483452  2/18/2019\nKB4487044  2/18/2019\n",
            "Source  Description  HotFixID   InstalledBy  InstalledOn\n------  -----------  --------   -----------  -----------\nPC1     Update       KB4483452  SYSTEM       2/18/2019\nPC1     Update       KB4487044  SYSTEM       2/18/2019\n",
            "Node,Caption,HotFixID,InstalledOn\nPC1,,KB4483452,2/18/2019\nPC1,,KB4487044,2/18/2019\n",
            "HotFixID=KB4483452\nInstalledOn=2/18/2019\n\nHotFixID=KB4487044\n",
            "Description : Update\nHotFixID    : KB4483452\n\nDescription : Update\nHotFixID    : KB4487044\n",
            r#"[{"HotFixID":"KB4483452","CSName":"PC1"},{"HotFixID":"KB4487044","InstalledOn":{"value":"/Date(1551484800000)/"}}]"#,
            "KB4483452\nKB4487044\n",
        ] {
            assert_eq!(kbs(text), [4_483_452, 4_487_044], "{text}");
        }
    }
}
