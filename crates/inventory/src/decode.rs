//! Text in whatever encoding a machine wrote it.

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// Decoded text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The text.
    pub text: String,
    /// The name of the encoding it was in.
    pub encoding: &'static str,
}

/// The sentence that Windows XP's `wmic` prints in ASCII before its UTF-16 output ends within this many bytes.
const MAX_ASCII_HEAD: usize = 256;

/// Decodes text: UTF-8, UTF-16 with or without a mark, or a code page, told by its bytes.
///
/// Always gives text; bytes that have no meaning in the encoding become U+FFFD.
pub fn decode(bytes: &[u8]) -> Decoded {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return with(encoding, &bytes[mark..]);
    }
    if bytes.contains(&0) {
        return utf16_without_mark(bytes);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Decoded {
            text: text.to_owned(),
            encoding: "UTF-8",
        };
    }
    let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    let encoding = detector.guess(None, chardetng::Utf8Detection::Deny);
    if encoding == WINDOWS_1252 && looks_like_code_page_850(bytes) {
        return Decoded {
            text: oem_cp::decode_string_complete_table(
                bytes,
                &oem_cp::code_table::DECODING_TABLE_CP850,
            ),
            encoding: "IBM850",
        };
    }
    with(encoding, bytes)
}

fn with(encoding: &'static Encoding, bytes: &[u8]) -> Decoded {
    let (text, _) = encoding.decode_without_bom_handling(bytes);
    Decoded {
        text: text.into_owned(),
        encoding: encoding.name(),
    }
}

/// Text with zero bytes is UTF-16: ASCII letters have their zero second (little-endian) or first.
fn utf16_without_mark(bytes: &[u8]) -> Decoded {
    let zero = bytes.iter().position(|b| *b == 0).unwrap_or(0);
    if zero == 0 {
        return with(UTF_16BE, bytes);
    }
    // What stands before the first two-byte character was written in one byte each.
    let head = if zero - 1 <= MAX_ASCII_HEAD {
        zero - 1
    } else {
        0
    };
    let mut decoded = with(UTF_16LE, &bytes[head..]);
    decoded
        .text
        .insert_str(0, &String::from_utf8_lossy(&bytes[..head]));
    decoded
}

/// In Windows-1252 the bytes 0x80 to 0x9F are rare signs; in DOS's Western code page they are the common
/// accented letters, and 0xFF is its no-break space.
fn looks_like_code_page_850(bytes: &[u8]) -> bool {
    let dos = bytes
        .iter()
        .filter(|b| matches!(b, 0x80..=0x9F | 0xFF))
        .count();
    let windows = bytes.iter().filter(|b| matches!(b, 0xC0..=0xFE)).count();
    dos > windows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn tells_encodings_by_their_bytes() {
        for (bytes, text, encoding) in [
            ("Höchst".as_bytes().to_vec(), "Höchst", "UTF-8"),
            (b"\xEF\xBB\xBFabc".to_vec(), "abc", "UTF-8"),
            ([b"\xFF\xFE".to_vec(), utf16("Gerät")].concat(), "Gerät", "UTF-16LE"),
            (utf16("Gerät"), "Gerät", "UTF-16LE"),
            ([b"Please wait.".to_vec(), utf16("Caption")].concat(), "Please wait.Caption", "UTF-16LE"),
            (b"syst\x8Ame d'exploitation, Windows\xFF7".to_vec(), "système d'exploitation, Windows\u{a0}7", "IBM850"),
            (
                b"\xD6\xF7\xBB\xFA\xC3\xFB: X, OS \xC3\xFB\xB3\xC6: Windows 10 \xC6\xF3\xD2\xB5\xB0\xE6".to_vec(),
                "主机名: X, OS 名称: Windows 10 企业版",
                "GBK",
            ),
        ] {
            let decoded = decode(&bytes);
            assert_eq!((decoded.text.as_str(), decoded.encoding), (text, encoding));
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_give_text(bytes: Vec<u8>) {
            decode(&bytes);
        }
    }
}
