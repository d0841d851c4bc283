//! Rows as JSON, written straight into bytes.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::edm::{Primitive, StructuredType, Type};
use crate::value::{Record, Value};

/// How a row is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// As the API answers: names as declared, null where there is no value, times as `2021-02-10T13:20:36.4718166Z`.
    Answer,
    /// As in the files of an export: names begin with a capital, what has no value is left out, times are
    /// `2021-02-10 13:20:36`.
    Export,
}

/// Writes a row or complex value with the properties named by their places, in order; all of them without a choice.
pub fn write_record<R: Record + ?Sized>(
    out: &mut Vec<u8>,
    record: &R,
    shape: &StructuredType,
    chosen: Option<&[usize]>,
    style: Style,
) {
    out.push(b'{');
    write_properties(out, record, shape, chosen, style);
    out.push(b'}');
}

/// The properties without the braces.
pub(crate) fn write_properties<R: Record + ?Sized>(
    out: &mut Vec<u8>,
    record: &R,
    shape: &StructuredType,
    chosen: Option<&[usize]>,
    style: Style,
) {
    let mut write = |at: usize| {
        let Some(property) = shape.properties.get(at) else {
            return;
        };
        let value = record.get(at);
        if value.is_null() && (style == Style::Export || property.optional) {
            return;
        }
        separate(out);
        out.extend_from_slice(&property.keys[usize::from(style == Style::Export)]);
        write_value(out, &value, &property.of, style);
    };
    match chosen {
        Some(chosen) => chosen.iter().copied().for_each(&mut write),
        None => (0..shape.properties.len()).for_each(&mut write),
    }
}

/// A comma, unless the object or array has just begun.
pub(crate) fn separate(out: &mut Vec<u8>) {
    if !matches!(out.last(), Some(b'{' | b'[') | None) {
        out.push(b',');
    }
}

/// Writes one value of a type.
pub fn write_value(out: &mut Vec<u8>, value: &Value<'_>, of: &Type, style: Style) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Int(number) => write_int(out, *number),
        Value::Single(number) => write_single(out, *number),
        Value::Double(number) => write_double(out, *number),
        Value::Str(text) => write_text(out, text),
        Value::Time(time) => {
            out.push(b'"');
            write_time(out, *time, of, style);
            out.push(b'"');
        }
        Value::Guid(guid) => {
            out.push(b'"');
            let mut buffer = uuid::Uuid::encode_buffer();
            out.extend_from_slice(guid.hyphenated().encode_lower(&mut buffer).as_bytes());
            out.push(b'"');
        }
        Value::Enum(number) => match of {
            Type::Enum(of) => match of.member(*number) {
                Some(name) => write_text(out, name),
                None => write_text(out, &number.to_string()),
            },
            _ => write_int(out, *number),
        },
        Value::Complex(object) => match of {
            Type::Complex(of) => write_record(out, object.record(), of, None, style),
            _ => out.extend_from_slice(b"null"),
        },
        Value::Collection(items) => {
            out.push(b'[');
            for item in items.iter() {
                separate(out);
                write_value(out, &item, of.element(), style);
            }
            out.push(b']');
        }
    }
}

/// Writes a text with its quotes.
pub(crate) fn write_text(out: &mut Vec<u8>, text: &str) {
    // Bytes in memory take whatever is written.
    let _ = serde_json::to_writer(out, text);
}

fn write_int(out: &mut Vec<u8>, number: i64) {
    let _ = serde_json::to_writer(out, &number);
}

/// As Defender prints doubles: whole ones without decimals.
fn write_double(out: &mut Vec<u8>, number: f64) {
    const EXACT: f64 = 1e15;
    if let Some(name) = not_finite(number) {
        return write_text(out, name);
    }
    if number.fract() == 0.0 && number.abs() < EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "whole, and in range")]
        write_int(out, number as i64);
    } else {
        let _ = serde_json::to_writer(out, &number);
    }
}

/// As Defender prints singles: in seven digits if those are enough to tell the number, otherwise in nine. Observed:
/// `2.39947438`, `46.2037163`.
fn write_single(out: &mut Vec<u8>, number: f32) {
    let magnitude = number.abs();
    if !number.is_finite() || number.fract() == 0.0 {
        return write_double(out, f64::from(number));
    }
    if !(1e-4..1e7).contains(&magnitude) {
        let _ = serde_json::to_writer(out, &number);
        return;
    }
    #[expect(clippy::cast_possible_truncation, reason = "from -4 to 7")]
    let whole = f64::from(magnitude).log10().floor() as i32 + 1;
    let decimals = |digits: i32| usize::try_from(digits - whole).unwrap_or(0);
    let mut text = format!("{number:.*}", decimals(7));
    if text.parse() != Ok(number) {
        text = format!("{number:.*}", decimals(9));
    }
    out.extend_from_slice(text.trim_end_matches('0').trim_end_matches('.').as_bytes());
}

/// What stands for a number that JSON has not, by the OData JSON format.
fn not_finite(number: f64) -> Option<&'static str> {
    if number.is_nan() {
        Some("NaN")
    } else if number == f64::INFINITY {
        Some("INF")
    } else if number == f64::NEG_INFINITY {
        Some("-INF")
    } else {
        None
    }
}

/// A point in time in UTC, to a ten-millionth of a second as .NET has it.
fn write_time(out: &mut Vec<u8>, time: Timestamp, of: &Type, style: Style) {
    let civil = TimeZone::UTC.to_datetime(time);
    let number = |out: &mut Vec<u8>, mut number: u32, digits: usize| {
        let start = out.len();
        out.resize(start + digits, b'0');
        for place in out[start..].iter_mut().rev() {
            *place += u8::try_from(number % 10).unwrap_or(0);
            number /= 10;
        }
    };
    let part = |part: i8| u32::from(part.unsigned_abs());
    number(out, u32::from(civil.year().unsigned_abs()), 4);
    out.push(b'-');
    number(out, part(civil.month()), 2);
    out.push(b'-');
    number(out, part(civil.day()), 2);
    if matches!(of, Type::Primitive(Primitive::Date)) {
        return;
    }
    out.push(if style == Style::Export { b' ' } else { b'T' });
    number(out, part(civil.hour()), 2);
    out.push(b':');
    number(out, part(civil.minute()), 2);
    out.push(b':');
    number(out, part(civil.second()), 2);
    if style == Style::Export {
        return;
    }
    let ticks = civil.subsec_nanosecond().unsigned_abs() / 100;
    if ticks > 0 {
        out.push(b'.');
        number(out, ticks, 7);
        while out.last() == Some(&b'0') {
            out.pop();
        }
    }
    out.push(b'Z');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: &Value<'_>, of: Primitive, style: Style) -> String {
        let mut out = Vec::new();
        write_value(&mut out, value, &of.into(), style);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn doubles_are_printed_as_defender_does() {
        let double = |n| written(&Value::Double(n), Primitive::Double, Style::Answer);
        for (number, text) in [
            (8.0, "8"),
            (0.0, "0"),
            (-3.0, "-3"),
            (7.8, "7.8"),
            (3.944_186_046_511_628_5, "3.9441860465116285"),
            (1e300, "1e+300"),
            (f64::NAN, "\"NaN\""),
            (f64::NEG_INFINITY, "\"-INF\""),
        ] {
            assert_eq!(double(number), text);
        }
    }

    #[test]
    fn singles_are_printed_as_defender_does() {
        let single = |n| written(&Value::Single(n), Primitive::Single, Style::Answer);
        for (number, text) in [
            (2.399_474_4_f32, "2.39947438"),
            (46.203_716, "46.2037163"),
            (0.5, "0.5"),
            (2.0, "2"),
            (0.1, "0.1"),
            (0.012_345_678, "0.0123456782"),
            (-1.1, "-1.1"),
        ] {
            assert_eq!(single(number), text);
            assert_eq!(text.parse::<f32>(), Ok(number));
        }
    }

    #[test]
    fn every_single_reads_back() {
        let mut bits = 1_u32;
        for _ in 0..200_000 {
            bits = bits.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let number = f32::from_bits(bits);
            if number.is_finite() {
                let text = written(&Value::Single(number), Primitive::Single, Style::Answer);
                assert_eq!(
                    text.parse::<f32>().unwrap().to_bits() & 0x7fff_ffff,
                    bits & 0x7fff_ffff,
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn times_have_up_to_seven_decimals() {
        for (time, answer, export) in [
            (
                "2021-02-10T13:20:36.4718166Z",
                "\"2021-02-10T13:20:36.4718166Z\"",
                "\"2021-02-10 13:20:36\"",
            ),
            (
                "2021-02-10T13:20:36.999999999Z",
                "\"2021-02-10T13:20:36.9999999Z\"",
                "\"2021-02-10 13:20:36\"",
            ),
            (
                "2024-07-30T02:00:00.5+02:00",
                "\"2024-07-30T00:00:00.5Z\"",
                "\"2024-07-30 00:00:00\"",
            ),
        ] {
            let time = Value::Time(time.parse().unwrap());
            let of = Primitive::DateTimeOffset;
            assert_eq!(written(&time, of, Style::Answer), answer);
            assert_eq!(written(&time, of, Style::Export), export);
        }
    }

    #[test]
    fn texts_are_escaped() {
        let text = Value::from("a\"b\\c\n\u{1}é");
        assert_eq!(
            written(&text, Primitive::String, Style::Answer),
            "\"a\\\"b\\\\c\\n\\u0001é\""
        );
    }
}
