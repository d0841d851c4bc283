//! Paging tokens and links under any input.
#![allow(clippy::unwrap_used, reason = "a test")]

use kbgap_export::{Links, SealKey, SealKeys, SkipToken, SkipTokenError};
use proptest::prelude::*;

fn keys() -> SealKeys {
    SealKeys::new(SealKey::new("2026-11", &[9; 32]).unwrap())
}

fn tokens() -> impl Strategy<Value = SkipToken> {
    let key = || proptest::option::of(any::<String>());
    (any::<String>(), any::<u32>(), any::<u64>(), key(), key()).prop_map(
        |(time_path, file_index, line, after_machine, after_row)| SkipToken {
            time_path,
            file_index,
            line,
            after_machine,
            after_row,
        },
    )
}

proptest! {
    #[test]
    fn what_was_encoded_is_decoded_in_its_context_only(token in tokens(), context: String, other: String) {
        let text = token.encode(&context, &keys());
        prop_assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
        prop_assert_eq!(SkipToken::decode(&text, &context, &keys()), Ok(token));
        if other != context {
            let elsewhere = SkipToken::decode(&text, &other, &keys());
            prop_assert_eq!(elsewhere, Err(SkipTokenError::BadSeal));
        }
    }

    #[test]
    fn anything_else_is_refused_without_a_panic(text: String, bytes: Vec<u8>) {
        prop_assert!(SkipToken::decode(&text, "", &keys()).is_err());
        let links = Links::new("", keys());
        let now = "2026-11-25T00:00:00Z".parse().unwrap();
        prop_assert!(links.verify(&text, &text, now).is_err());
        let text = String::from_utf8_lossy(&bytes);
        prop_assert!(SkipToken::decode(&text, "", &keys()).is_err());
        prop_assert!(links.verify(&text, &text, now).is_err());
    }

    #[test]
    fn json_that_looks_like_a_token_is_refused(body: String, seal in "[A-Za-z0-9_-]{43}") {
        use base64::Engine;
        let json = format!("{{\"ExportDefinition\":{{\"TimePath\":\"\"}},\"ExportFileIndex\":0,\"LineStoppedAt\":1,\
            \"KeyVersion\":\"2026-11\"{body},\"Seal\":\"{seal}\"}}");
        let text = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(json);
        prop_assert!(SkipToken::decode(&text, "", &keys()).is_err());
    }
}

#[test]
fn any_flipped_bit_is_refused() {
    let token = SkipToken {
        time_path: "2021-01-25/0200/".to_owned(),
        file_index: 3,
        line: 50_000,
        after_machine: Some("0a".repeat(20)),
        after_row: Some("microsoft\u{1}edge\u{1}\"ü\"\u{1}CVE-2025-1".to_owned()),
    };
    let text = token.encode("tenant", &keys());
    assert_eq!(SkipToken::decode(&text, "tenant", &keys()), Ok(token));
    for place in 0..text.len() {
        for bit in 0..8 {
            let mut bytes = text.clone().into_bytes();
            bytes[place] ^= 1 << bit;
            let Ok(bent) = String::from_utf8(bytes) else {
                continue;
            };
            let read = SkipToken::decode(&bent, "tenant", &keys());
            assert!(read.is_err(), "bit {bit} of {place}");
        }
    }
}
