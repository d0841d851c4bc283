//! Patterns of names: words, and places for what differs between versions.

use super::words::{is_number, is_version};

/// How many words a pattern may have.
const MAX_WORDS: usize = 32;
/// How many `*` a pattern may have, so that matching stays fast.
const MAX_RUNS: usize = 2;

/// A pattern of names, word by word, whatever their case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// One of these words.
    Words(Vec<Box<str>>),
    /// A version or number.
    Version,
    /// A number.
    Number,
    /// A year, or a span of years.
    Year,
    /// A number of an update: `(KB5002820)`.
    Kb,
    /// Any words, or none.
    Run,
}

/// What stood in the places of a pattern.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Captured<'a> {
    pub(super) version: Option<&'a str>,
    pub(super) number: Option<&'a str>,
    pub(super) year: Option<&'a str>,
}

impl Pattern {
    /// A pattern from its lower-case words; the reason where it is none.
    pub(super) fn new(words: &[&str]) -> Result<Self, String> {
        if words.len() > MAX_WORDS {
            return Err(format!("a pattern has at most {MAX_WORDS} words"));
        }
        let parts = words.iter().map(|word| part(word));
        let parts = parts.collect::<Result<Vec<Part>, String>>()?;
        if parts.iter().filter(|part| **part == Part::Run).count() > MAX_RUNS {
            return Err(format!("a pattern has at most {MAX_RUNS} '*'"));
        }
        let kb = parts.contains(&Part::Kb);
        if !kb && !parts.iter().any(|part| matches!(part, Part::Words(_))) {
            return Err("a pattern needs a word of its own".to_owned());
        }
        Ok(Self { parts })
    }

    /// The words by which candidates are found, and whether a name begins with them; `None` where
    /// the pattern has only an update's number.
    pub(super) fn anchor(&self) -> Option<(&[Box<str>], bool)> {
        let at = self
            .parts
            .iter()
            .position(|part| matches!(part, Part::Words(_)))?;
        match &self.parts[at] {
            Part::Words(words) => Some((words, at == 0)),
            _ => None,
        }
    }

    /// The pattern without its first words, if they are these and enough of it stays.
    pub(super) fn without_front(&self, front: &[Box<str>]) -> Option<Self> {
        let rest = self.parts.get(front.len()..)?;
        let is_front = front.iter().zip(&self.parts).all(|(word, part)| {
            matches!(part, Part::Words(words) if words.len() == 1 && words[0] == *word)
        });
        // What begins with a number is not cut off in names either.
        let stays = match rest.first()? {
            Part::Words(words) => !words.iter().any(|word| begins_with_digit(word)),
            Part::Run | Part::Kb => true,
            Part::Version | Part::Number | Part::Year => false,
        };
        let whole = rest.iter().any(|part| matches!(part, Part::Words(_)));
        (is_front && stays && whole).then(|| Self {
            parts: rest.to_vec(),
        })
    }

    /// Whether lower-case words are of the pattern, and what stands in its places.
    pub(super) fn captures<'a>(&self, words: &[&'a str]) -> Option<Captured<'a>> {
        let mut captured = Captured::default();
        matches(&self.parts, words, &mut captured).then_some(captured)
    }
}

/// Whether a word begins with a digit.
pub(super) fn begins_with_digit(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit())
}

fn part(word: &str) -> Result<Part, String> {
    Ok(match word {
        "*" => Part::Run,
        "{version}" => Part::Version,
        "{number}" => Part::Number,
        "{year}" => Part::Year,
        "{kb}" => Part::Kb,
        _ if word.contains(['{', '}']) => {
            return Err(format!(
                "'{word}' is no place; there are {{version}}, {{number}}, {{year}} and {{kb}}"
            ));
        }
        _ => Part::Words(alternatives(word)),
    })
}

fn alternatives(word: &str) -> Vec<Box<str>> {
    let words: Vec<Box<str>> = word
        .split('|')
        .filter(|word| !word.is_empty())
        .map(Box::from)
        .collect();
    if words.is_empty() {
        vec![word.into()]
    } else {
        words
    }
}

fn matches<'a>(parts: &[Part], words: &[&'a str], captured: &mut Captured<'a>) -> bool {
    let Some((part, parts)) = parts.split_first() else {
        return words.is_empty();
    };
    if *part == Part::Run {
        return (0..=words.len()).any(|skipped| {
            let mut tried = *captured;
            let found = matches(parts, &words[skipped..], &mut tried);
            if found {
                *captured = tried;
            }
            found
        });
    }
    let Some((&word, words)) = words.split_first() else {
        return false;
    };
    let fits = match part {
        Part::Words(one_of) => one_of.iter().any(|other| **other == *word),
        Part::Version => {
            captured.version = Some(word.strip_prefix('v').unwrap_or(word));
            is_version(word) || is_number(word)
        }
        Part::Number => {
            captured.number = Some(word);
            is_number(word)
        }
        Part::Year => {
            captured.year = Some(word);
            is_years(word)
        }
        Part::Kb => is_kb(word),
        Part::Run => false,
    };
    fits && matches(parts, words, captured)
}

fn is_years(word: &str) -> bool {
    let year = |word: &str| word.len() == 4 && is_number(word) && matches!(&word[..2], "19" | "20");
    match word.split_once('-') {
        Some((first, last)) => year(first) && year(last),
        None => year(word),
    }
}

fn is_kb(word: &str) -> bool {
    let word = word.trim_start_matches('(').trim_end_matches(')');
    word.strip_prefix("kb")
        .is_some_and(|number| number.len() >= 5 && is_number(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matched(pattern: &str, name: &str) -> bool {
        let parts: Vec<&str> = pattern.split_whitespace().collect();
        let words: Vec<&str> = name.split_whitespace().collect();
        Pattern::new(&parts).unwrap().captures(&words).is_some()
    }

    #[test]
    fn a_pattern_is_of_whole_words() {
        for (pattern, name, expected) in [
            ("mozilla firefox", "mozilla firefox", true),
            ("mozilla firefox", "mozilla firefox esr", false),
            ("mozilla firefox *", "mozilla firefox", true),
            ("mozilla firefox *", "mozilla firefoxes", false),
            ("java {number} *", "java 8 update 201", true),
            ("java {number}", "java eight", false),
            ("python {version} *", "python 3.7.2 core interpreter", true),
            (
                "visual c++ {year} redistributable",
                "visual c++ 2015-2019 redistributable",
                true,
            ),
            (
                "* {kb} *",
                "security update for x (kb5002820) 64-bit edition",
                true,
            ),
            ("office * {year}", "office professional plus 2021", true),
            ("acrobat|reader dc", "reader dc", true),
        ] {
            assert_eq!(matched(pattern, name), expected, "{pattern} on {name}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_told() {
        for (pattern, reason) in [
            ("* {version}", "a pattern needs a word of its own"),
            ("a * b * c *", "a pattern has at most 2 '*'"),
            ("a {vers}", "'{vers}' is no place"),
        ] {
            let words: Vec<&str> = pattern.split_whitespace().collect();
            let error = Pattern::new(&words).unwrap_err();
            assert!(error.starts_with(reason), "{error}");
        }
    }
}
