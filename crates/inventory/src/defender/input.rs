//! Files of an export, record by record.

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::export::Place;
use super::row::plain;

/// How much of a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of one record.
    pub record: u64,
    /// The most bytes of one file, unpacked.
    pub file: u64,
}

impl Default for Limits {
    /// 4 MiB a record, 16 GiB a file.
    fn default() -> Self {
        Self {
            record: 4 << 20,
            file: 16 << 30,
        }
    }
}

/// What became of a file, or of a part of it.
pub(super) enum Piece<'a> {
    /// A record.
    Record(Place, &'a str),
    /// A record or a line that is none.
    Malformed(Place, Box<str>),
    /// The rest of the file cannot be read.
    Broken(Option<Place>, Box<str>),
}

/// The first bytes of a file packed by gzip.
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// The mark that some tools put before UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads a file and hands over its pieces in order.
pub(super) fn read(input: impl Read, limits: Limits, take: &mut dyn FnMut(Piece<'_>)) {
    let mut input = BufReader::with_capacity(1 << 16, input);
    let packed = match input.fill_buf() {
        Ok(start) => start.starts_with(&GZIP),
        Err(error) => return take(Piece::Broken(None, error.to_string().into())),
    };
    if packed {
        let unpacked = MultiGzDecoder::new(input);
        text(BufReader::with_capacity(1 << 16, unpacked), limits, take);
    } else {
        text(input, limits, take);
    }
}

fn text(input: impl BufRead, limits: Limits, take: &mut dyn FnMut(Piece<'_>)) {
    // One more than the limit shows that there is more.
    let mut input = input.take(limits.file.saturating_add(1));
    let mut first = Vec::new();
    let mut blank = 0_u64;
    loop {
        first.clear();
        let read = (&mut input)
            .take(limits.record)
            .read_until(b'\n', &mut first);
        blank = match read {
            Ok(0) => return,
            Ok(read) => blank.saturating_add(read as u64),
            Err(error) => return take(Piece::Broken(None, error.to_string().into())),
        };
        let text = first.strip_prefix(MARK).unwrap_or(&first);
        if !text.trim_ascii().is_empty() {
            break;
        }
        if blank > limits.file {
            return take(Piece::Broken(None, too_large(limits).into()));
        }
    }
    // A line that does not end within the limit of a record is a page.
    let whole = first.ends_with(b"\n") || (first.len() as u64) < limits.record;
    if first.starts_with(MARK) {
        first.drain(..MARK.len());
    }
    if whole && is_line(&first) {
        lines(Cursor::new(first).chain(input), limits, take);
    } else {
        pages(Cursor::new(first).chain(input), limits, take);
    }
}

/// Whether the first line of a file is a record of its own, and not a page or the start of one.
fn is_line(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    let whole = line.starts_with(b"{") && line.ends_with(b"}");
    let page = serde_json::from_slice::<Page>(line).is_ok_and(|page| page.value.is_some());
    whole && !page
}

#[derive(serde::Deserialize)]
struct Page {
    value: Option<IgnoredAny>,
}

fn lines(mut input: impl BufRead, limits: Limits, take: &mut dyn FnMut(Piece<'_>)) {
    let mut line = Vec::new();
    let mut number = 0;
    let mut total = 0_u64;
    loop {
        line.clear();
        number += 1;
        let place = Place::Line(number);
        let read = (&mut input)
            .take(limits.record.saturating_add(1))
            .read_until(b'\n', &mut line);
        let read = match read {
            Ok(0) => return,
            Ok(read) => read as u64,
            Err(error) => return take(Piece::Broken(Some(place), error.to_string().into())),
        };
        total = total.saturating_add(read);
        if total > limits.file {
            return take(Piece::Broken(Some(place), too_large(limits).into()));
        }
        if read > limits.record {
            take(Piece::Malformed(place, too_long(limits).into()));
            match skip_line(&mut input) {
                Ok(skipped) => total = total.saturating_add(skipped),
                Err(error) => return take(Piece::Broken(Some(place), error.to_string().into())),
            }
            continue;
        }
        let text = line.trim_ascii();
        if text.is_empty() {
            continue;
        }
        match std::str::from_utf8(text) {
            Ok(text) => take(Piece::Record(place, text)),
            Err(_) => take(Piece::Malformed(place, "the line is not UTF-8".into())),
        }
    }
}

/// Passes over the rest of a line; how long it was.
fn skip_line(input: &mut impl BufRead) -> io::Result<u64> {
    let mut skipped = 0_u64;
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            return Ok(skipped);
        }
        let (length, done) = match buffer.iter().position(|byte| *byte == b'\n') {
            Some(at) => (at + 1, true),
            None => (buffer.len(), false),
        };
        input.consume(length);
        skipped = skipped.saturating_add(length as u64);
        if done {
            return Ok(skipped);
        }
    }
}

fn too_long(limits: Limits) -> String {
    format!("the record is longer than {} bytes", limits.record)
}

fn too_large(limits: Limits) -> String {
    format!("the file is larger than {} bytes unpacked", limits.file)
}

/// Pages and arrays, one after another.
fn pages(input: impl Read, limits: Limits, take: &mut dyn FnMut(Piece<'_>)) {
    let left = Rc::new(Cell::new(limits.record));
    let input = Budgeted {
        inner: input,
        record: Rc::clone(&left),
        file: limits.file,
    };
    let mut deserializer = serde_json::Deserializer::from_reader(input);
    let mut records = Records {
        take,
        left,
        limits,
        count: 0,
    };
    loop {
        records.left.set(limits.record);
        if let Err(error) = (&mut records).deserialize(&mut deserializer) {
            let reason = if error.is_io() && records.left.get() == 0 {
                too_long(limits).into()
            } else {
                plain(&error)
            };
            let place = if error.line() > 0 {
                Place::Line(error.line() as u64)
            } else {
                Place::Record(records.count)
            };
            return (records.take)(Piece::Broken(Some(place), reason));
        }
        records.left.set(limits.record);
        if deserializer.end().is_ok() {
            return;
        }
    }
}

/// A reader that ends with an error where a record or the file is too long.
struct Budgeted<R> {
    inner: R,
    record: Rc<Cell<u64>>,
    file: u64,
}

impl<R: Read> Read for Budgeted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let over = |what: &str| io::Error::other(format!("{what} is larger than is read"));
        let size = read as u64;
        self.file = self
            .file
            .checked_sub(size)
            .ok_or_else(|| over("the file"))?;
        let Some(left) = self.record.get().checked_sub(size) else {
            self.record.set(0);
            return Err(over("a record"));
        };
        self.record.set(left);
        Ok(read)
    }
}

/// Takes records out of pages and arrays.
struct Records<'t> {
    take: &'t mut dyn FnMut(Piece<'_>),
    left: Rc<Cell<u64>>,
    limits: Limits,
    count: u64,
}

impl<'de> DeserializeSeed<'de> for &mut Records<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut Records<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a page of the API with its records in 'value', or an array of records")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut found = false;
        while let Some(key) = map.next_key::<Box<str>>()? {
            self.left.set(self.limits.record);
            if &*key == "value" {
                found = true;
                map.next_value_seed(&mut *self)?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        if !found {
            let place = Place::Record(self.count);
            (self.take)(Piece::Malformed(place, "the page has no 'value'".into()));
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut records: A) -> Result<(), A::Error> {
        loop {
            self.left.set(self.limits.record);
            let Some(record) = records.next_element::<Box<RawValue>>()? else {
                return Ok(());
            };
            (self.take)(Piece::Record(Place::Record(self.count), record.get()));
            self.count += 1;
        }
    }
}
