//! The words of the portal, by language: catalogues of messages in Fluent (<https://projectfluent.org>).
//!
//! A catalogue is a folder of `locales`, a file for each part of the portal. A further language is a folder and an entry
//! in [`Language`]; a further part is a file in every folder and a line in `FILES`.

use std::borrow::Cow;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use icu_decimal::DecimalFormatter;
use icu_decimal::input::Decimal;
use icu_locale_core::Locale;
use intl_memoizer::Memoizable;
use intl_memoizer::concurrent::IntlLangMemoizer;
use unic_langid::LanguageIdentifier;

use crate::language::Language;

macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        /// The files of each catalogue.
        const FILES: &[(&str, [&str; 2])] = &[$((
            $name,
            [
                include_str!(concat!("../locales/en/", $name)),
                include_str!(concat!("../locales/zh-TW/", $name)),
            ],
        )),+];
    };
}

files![
    "frame.ftl",
    "machines.ftl",
    "overview.ftl",
    "software.ftl",
    "table.ftl",
    "updates.ftl",
    "weaknesses.ftl",
];

/// Why a catalogue cannot be used: a slip of this crate, which its tests find.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// Something in it cannot be read.
    #[error("{language}/{file}: {words}")]
    Syntax {
        /// The language.
        language: &'static str,
        /// The file.
        file: &'static str,
        /// What is wrong.
        words: String,
    },
    /// The language's tag is none.
    #[error("{0} is no tag of a language")]
    Tag(&'static str),
}

/// A value in a message.
#[derive(Debug, Clone)]
pub enum Argument<'a> {
    /// A number, which the message may depend on and shows in the language's form.
    Number(u64),
    /// A text, shown as it is.
    Text(Cow<'a, str>),
}

impl From<u64> for Argument<'_> {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<u32> for Argument<'_> {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<usize> for Argument<'_> {
    fn from(number: usize) -> Self {
        Self::Number(u64::try_from(number).unwrap_or(u64::MAX))
    }
}

macro_rules! by_reference {
    ($($number:ty),+) => {$(
        impl From<&$number> for Argument<'_> {
            fn from(number: &$number) -> Self {
                (*number).into()
            }
        }
    )+};
}
by_reference!(u32, u64, usize);

impl<'a> From<&'a str> for Argument<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text.into())
    }
}

impl<'a> From<&'a String> for Argument<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Argument<'_> {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

/// All catalogues.
pub struct Messages {
    bundles: [FluentBundle<FluentResource>; 2],
}

impl Messages {
    /// Reads the catalogues, which are part of the program.
    pub fn new() -> Result<Self, CatalogueError> {
        let [english, chinese] = Language::ALL.map(bundle);
        Ok(Self {
            bundles: [english?, chinese?],
        })
    }

    /// A message; of one that a language lacks the English, of one there is not its id.
    pub fn text(&self, language: Language, id: &str, arguments: &[(&str, Argument<'_>)]) -> String {
        let mut values = FluentArgs::with_capacity(arguments.len());
        for (name, argument) in arguments {
            let value = match argument {
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "what is counted is far below 2^52"
                )]
                Argument::Number(number) => FluentValue::from(*number as f64),
                Argument::Text(text) => FluentValue::from(text.as_ref()),
            };
            values.set(*name, value);
        }
        let languages = [language, Language::English];
        let found = languages.into_iter().find_map(|language| {
            let bundle = &self.bundles[place(language)];
            let pattern = bundle.get_message(id)?.value()?;
            let mut errors = Vec::new();
            let text = bundle.format_pattern(pattern, Some(&values), &mut errors);
            Some(text.into_owned())
        });
        found.unwrap_or_else(|| id.to_owned())
    }

    /// Whether a language has a message.
    pub fn has(&self, language: Language, id: &str) -> bool {
        self.bundles[place(language)].has_message(id)
    }
}

const fn place(language: Language) -> usize {
    match language {
        Language::English => 0,
        Language::TraditionalChinese => 1,
    }
}

fn bundle(language: Language) -> Result<FluentBundle<FluentResource>, CatalogueError> {
    let tag: LanguageIdentifier = language
        .tag()
        .parse()
        .map_err(|_| CatalogueError::Tag(language.tag()))?;
    let mut bundle = FluentBundle::new_concurrent(vec![tag]);
    // Names of machines stand in attributes and titles too, where marks of direction have no place.
    bundle.set_use_isolating(false);
    bundle.set_formatter(Some(grouped));
    for (file, sources) in FILES {
        let error = |words: String| CatalogueError::Syntax {
            language: language.tag(),
            file,
            words,
        };
        let source = sources[place(language)].to_owned();
        let resource =
            FluentResource::try_new(source).map_err(|(_, errors)| error(format!("{errors:?}")))?;
        bundle
            .add_resource(resource)
            .map_err(|errors| error(format!("{errors:?}")))?;
    }
    Ok(bundle)
}

/// The numbers of a bundle's language.
struct Numbers(DecimalFormatter);

impl Memoizable for Numbers {
    type Args = ();
    type Error = ();

    fn construct(language: LanguageIdentifier, (): ()) -> Result<Self, ()> {
        let locale: Locale = language.to_string().parse().map_err(drop)?;
        let options = icu_decimal::options::DecimalFormatterOptions::default();
        let numbers = DecimalFormatter::try_new((&locale).into(), options);
        numbers.map(Self).map_err(drop)
    }
}

/// A number in the form of the language; other values as they are.
fn grouped(value: &FluentValue<'_>, intls: &IntlLangMemoizer) -> Option<String> {
    let FluentValue::Number(number) = value else {
        return None;
    };
    let decimal: Decimal = number.value.to_string().parse().ok()?;
    let shown = |numbers: &Numbers| numbers.0.format(&decimal).to_string();
    intls.with_try_get::<Numbers, _, _>((), shown).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement};

    use super::*;

    /// The arguments a message takes, by its id.
    fn keys(source: &str) -> BTreeMap<String, BTreeSet<String>> {
        let resource = fluent_syntax::parser::parse(source).unwrap();
        let messages = resource.body.iter().filter_map(|entry| match entry {
            Entry::Message(message) => Some(message),
            _ => None,
        });
        messages
            .map(|message| {
                let mut arguments = BTreeSet::new();
                of_pattern(message.value.as_ref().unwrap(), &mut arguments);
                (message.id.name.to_owned(), arguments)
            })
            .collect()
    }

    fn of_pattern(pattern: &Pattern<&str>, arguments: &mut BTreeSet<String>) {
        for element in &pattern.elements {
            if let PatternElement::Placeable { expression } = element {
                match expression {
                    Expression::Inline(inline) => of_inline(inline, arguments),
                    Expression::Select { selector, variants } => {
                        of_inline(selector, arguments);
                        for variant in variants {
                            of_pattern(&variant.value, arguments);
                        }
                    }
                }
            }
        }
    }

    fn of_inline(inline: &InlineExpression<&str>, arguments: &mut BTreeSet<String>) {
        match inline {
            InlineExpression::VariableReference { id } => {
                arguments.insert(id.name.to_owned());
            }
            InlineExpression::Placeable { expression } => {
                if let Expression::Inline(inline) = &**expression {
                    of_inline(inline, arguments);
                }
            }
            _ => {}
        }
    }

    #[test]
    fn every_language_has_every_message_with_the_same_arguments() {
        for (file, [english, chinese]) in FILES {
            assert_eq!(keys(english), keys(chinese), "{file}");
        }
    }

    #[test]
    fn no_message_is_left_in_english() {
        for (file, [english, chinese]) in FILES {
            let lines = |source: &str| -> BTreeSet<String> {
                let lines = source.lines().filter(|line| line.contains(" = "));
                lines.map(str::to_owned).collect()
            };
            let chinese = lines(chinese);
            let same: Vec<String> = lines(english).intersection(&chinese).cloned().collect();
            // Names that are the same in every language.
            let names = ["KBGap", "CVE", "CVSS", "KB", "CSV", "JSON", "{", "EPSS"];
            let same: Vec<&String> = same
                .iter()
                .filter(|line| {
                    let (_, text) = line.split_once(" = ").unwrap();
                    !names
                        .iter()
                        .any(|name| text.eq_ignore_ascii_case(name) || text.starts_with('{'))
                })
                .collect();
            assert!(same.is_empty(), "{file}: {same:?}");
        }
    }

    /// Every message named in templates and in code is in the catalogues, and every one in the catalogues is named.
    #[test]
    fn messages_and_their_uses_agree() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut texts = String::new();
        for folder in ["templates", "src", "../server/src/portal"] {
            read(&root.join(folder), &mut texts);
        }
        let used: BTreeSet<&str> = texts.split('"').collect();
        let known: BTreeSet<String> = FILES
            .iter()
            .flat_map(|(_, sources)| keys(sources[0]).into_keys())
            .collect();
        let unused: Vec<&String> = known
            .iter()
            .filter(|id| !used.contains(id.as_str()))
            .collect();
        assert!(unused.is_empty(), "nothing says {unused:?}");
        let calls = ["c.t(\"", "c.t1(\"", "c.t2(\"", ".t(\"", ".t1(\"", ".t2(\""];
        for call in calls {
            for rest in texts.split(call).skip(1) {
                let id = rest.split('"').next().unwrap();
                assert!(known.contains(id), "there is no message {id:?}");
            }
        }
    }

    fn read(folder: &std::path::Path, into: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read(&path, into);
            } else {
                into.push_str(&std::fs::read_to_string(&path).unwrap());
            }
        }
    }

    #[test]
    fn numbers_stand_in_messages_in_the_form_of_the_language() {
        let messages = Messages::new().unwrap();
        for language in Language::ALL {
            let text = messages.text(language, "table-total", &[("count", 1_234_567u64.into())]);
            assert!(text.contains("1,234,567"), "{text}");
        }
        let one = messages.text(Language::English, "table-total", &[("count", 1u64.into())]);
        assert_eq!(one, "1 row");
        assert_eq!(messages.text(Language::English, "no-such", &[]), "no-such");
    }
}
