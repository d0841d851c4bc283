//! The words of a name, and which of them do not tell softwares apart: versions, architectures,
//! languages.

use std::borrow::Cow;

use rustc_hash::FxHashSet;

/// How many characters of a name are looked at; the registry allows 256.
const MAX_CHARS: usize = 512;

/// The words that do not tell softwares apart, in lower case.
#[derive(Debug, Clone, Default)]
pub(super) struct Noise {
    /// `x64`, `64-bit`.
    pub(super) architectures: FxHashSet<Box<str>>,
    /// `english`, `deutsch`.
    pub(super) languages: FxHashSet<Box<str>>,
    /// `en-us`.
    pub(super) language_tags: FxHashSet<Box<str>>,
    /// What may stand in parentheses beside them: `user`, `edition`, `en`.
    pub(super) in_parentheses: FxHashSet<Box<str>>,
    /// `inc`, `gmbh`.
    pub(super) legal_forms: FxHashSet<Box<str>>,
    /// What stands for no vendor: `unknown`.
    pub(super) no_vendor: FxHashSet<Box<str>>,
}

/// Text as it can be split into words: without trade marks and control characters.
pub(super) fn normal(text: &str) -> Cow<'_, str> {
    let text = match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => &text[..end],
        None => text,
    };
    let odd = |c: char| c.is_control() || matches!(c, '®' | '™' | '©' | '\u{feff}');
    let mark = |text: &str| {
        text.char_indices()
            .filter(|(_, c)| *c == '(')
            .find_map(|(at, _)| {
                ["(r)", "(tm)"].into_iter().find_map(|mark| {
                    let found = text.get(at..at + mark.len())?;
                    found.eq_ignore_ascii_case(mark).then_some((at, mark.len()))
                })
            })
    };
    if !text.contains(odd) && mark(text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut text = text.replace(odd, " ");
    while let Some((at, length)) = mark(&text) {
        text.replace_range(at..at + length, " ");
    }
    Cow::Owned(text)
}

/// Lower case, character by character, as software ids have it.
pub(super) fn lower(text: &str) -> String {
    if text.is_ascii() {
        text.to_ascii_lowercase()
    } else {
        text.chars().flat_map(char::to_lowercase).collect()
    }
}

/// The words of a text; parentheses begin and end words.
pub(super) fn split(text: &str) -> Vec<&str> {
    let mut words = Vec::with_capacity(8);
    for piece in text.split_whitespace() {
        let mut start = 0;
        for (at, c) in piece.char_indices() {
            let cut = match c {
                '(' => at,
                ')' => at + 1,
                _ => continue,
            };
            if cut > start && cut < piece.len() {
                words.push(&piece[start..cut]);
                start = cut;
            }
        }
        words.push(&piece[start..]);
    }
    words
}

/// A word without the punctuation that may follow it.
pub(super) fn bare(word: &str) -> &str {
    match word.trim_end_matches([',', ';', ':']) {
        "" => word,
        bare => bare,
    }
}

/// A name in words, those of architectures left out.
pub(super) struct Words<'a> {
    /// As shown.
    pub(super) shown: Vec<&'a str>,
    /// In lower case, without punctuation.
    pub(super) lower: Vec<&'a str>,
}

impl<'a> Words<'a> {
    /// The words of a text and of the same text in lower case.
    pub(super) fn new(shown: &'a str, lower: &'a str, noise: &Noise) -> Self {
        let mut words = Self {
            shown: split(shown),
            lower: split(lower),
        };
        for word in &mut words.lower {
            *word = bare(word);
        }
        words.drop_architectures(noise);
        words
    }

    fn drop_architectures(&mut self, noise: &Noise) {
        let mut at = 1;
        while at < self.lower.len() {
            let Some(count) = architecture(&self.lower[at..], noise) else {
                at += 1;
                continue;
            };
            let end = (at + count).min(self.shown.len());
            self.lower.drain(at..at + count);
            self.shown.drain(at.min(end)..end);
        }
    }

    /// The numbers of words to look at, from all of them down to those that no version, language
    /// or the like ends; at least one word stays.
    pub(super) fn levels(&self, noise: &Noise) -> Vec<usize> {
        let mut length = self.lower.len();
        let mut levels = vec![length];
        while length > 1 {
            let shorter = stripped(&self.lower[..length], noise);
            if shorter == length {
                break;
            }
            length = shorter;
            levels.push(length);
        }
        levels
    }

    /// The words of a span as shown, without the versions among them.
    pub(super) fn without_versions(&self, start: usize, end: usize) -> String {
        let mut kept: Vec<&str> = Vec::with_capacity(end.saturating_sub(start));
        let words = self.shown.iter().zip(&self.lower);
        for (at, (shown, lower)) in words.enumerate().take(end).skip(start) {
            if at > start && is_version(lower) {
                let said = |word: &&str| matches!(*word, "version" | "v" | "v." | "ver" | "ver.");
                if at > start + 1 && self.lower.get(at - 1).is_some_and(said) {
                    kept.pop();
                }
                continue;
            }
            kept.push(shown);
        }
        kept.join(" ")
    }

    /// The first version in the name.
    pub(super) fn version(&self) -> Option<&'a str> {
        let inner = |word: &'a str| word.trim_start_matches('(').trim_end_matches(')');
        let words = self.lower.iter().skip(1).map(|word| inner(word));
        words
            .filter(|word| is_version(word))
            .map(|word| word.trim_start_matches('v'))
            .next()
    }
}

/// How many words at the front are an architecture.
fn architecture(words: &[&str], noise: &Noise) -> Option<usize> {
    let first = *words.first()?;
    let inner = first
        .strip_prefix('(')
        .and_then(|inner| inner.strip_suffix(')'))
        .unwrap_or(first);
    let count = if noise.architectures.contains(inner) {
        1
    } else if matches!(first, "32" | "64") && words.get(1) == Some(&"bit") {
        2
    } else {
        return None;
    };
    let edition = matches!(words.get(count), Some(&("edition" | "editions")));
    Some(count + usize::from(edition))
}

/// How many words stay when what ends them is taken off once; at least one.
fn stripped(words: &[&str], noise: &Noise) -> usize {
    let length = words.len();
    let (Some(last), true) = (words.last(), length > 1) else {
        return length;
    };
    let dangles = matches!(*last, "v" | "v." | "version" | "ver" | "ver.");
    if dangles || is_dash(last) || is_punctuation(last) {
        return length - 1;
    }
    if is_version(last) || is_service_pack(last) || noise.language_tags.contains(*last) {
        return length - 1;
    }
    let before = words[length - 2];
    if length > 2 {
        let counted = matches!(before, "update" | "build" | "rev" | "revision")
            || (before == "pack" && length > 3 && words[length - 3] == "service");
        if counted && is_number(last) {
            return length - if before == "pack" { 3 } else { 2 };
        }
        if is_dash(before) && noise.languages.contains(*last) {
            return length - 2;
        }
    }
    if last.ends_with(')')
        && let Some(start) = words.iter().rposition(|word| word.starts_with('('))
        && start > 0
        && words[start..].iter().all(|word| is_aside(word, noise))
    {
        return start;
    }
    length
}

/// Whether a word is nothing but punctuation.
pub(super) fn is_punctuation(word: &str) -> bool {
    word.chars().all(|c| matches!(c, ',' | ';' | ':'))
}

fn is_dash(word: &str) -> bool {
    matches!(word, "-" | "–" | "—")
}

/// Whether a word within parentheses says nothing of which software it is.
fn is_aside(word: &str, noise: &Noise) -> bool {
    let word = word.trim_start_matches('(').trim_end_matches(')');
    let word = bare(word);
    word.is_empty()
        || is_number(word)
        || is_version(word)
        || noise.architectures.contains(word)
        || noise.languages.contains(word)
        || noise.language_tags.contains(word)
        || noise.in_parentheses.contains(word)
}

fn is_service_pack(word: &str) -> bool {
    word.strip_prefix("sp").is_some_and(is_number)
}

/// Whether a word is a number.
pub(super) fn is_number(word: &str) -> bool {
    (1..=9).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_digit())
}

/// Whether a word is a version: numbers with dots between, with a `v` before and a suffix behind
/// where there is one.
pub(super) fn is_version(word: &str) -> bool {
    let word = word.strip_prefix('v').unwrap_or(word);
    let Some((first, rest)) = word.split_once('.') else {
        return false;
    };
    !first.is_empty()
        && first.bytes().all(|b| b.is_ascii_digit())
        && rest.starts_with(|c: char| c.is_ascii_alphanumeric())
        && rest
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'+'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parentheses_begin_and_end_words() {
        assert_eq!(
            split("Zoom(64bit) a(b)c ()"),
            ["Zoom", "(64bit)", "a", "(b)", "c", "()"]
        );
    }

    #[test]
    fn trade_marks_are_no_part_of_a_name() {
        let words = |text: &str| split(&normal(text)).join(" ");
        assert_eq!(words("Intel(R) Network® Tool(TM)"), "Intel Network Tool");
        assert_eq!(words("((R)R)"), "( R)");
    }

    #[test]
    fn versions_are_told_from_numbers() {
        for version in [
            "1.2",
            "19.00",
            "v2.0",
            "5.0.0-rc.1",
            "24.8.4.2",
            "2.1b",
            "1.0+5",
        ] {
            assert!(is_version(version), "{version}");
        }
        for other in [
            "7",
            "7-zip",
            ".net",
            "node.js",
            "2015-2019",
            "v",
            "1.",
            "1.é",
        ] {
            assert!(!is_version(other), "{other}");
        }
    }
}
