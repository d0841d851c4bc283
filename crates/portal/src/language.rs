//! The languages of the portal.

/// A language there is a catalogue of messages for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Chinese as written in Taiwan.
    TraditionalChinese,
}

impl Language {
    /// All of them, in the order they are offered.
    pub const ALL: [Self; 2] = [Self::English, Self::TraditionalChinese];

    /// Its tag (RFC 5646), as in `lang` of a page and in cookies.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::TraditionalChinese => "zh-TW",
        }
    }

    /// Its name in itself.
    pub const fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::TraditionalChinese => "繁體中文",
        }
    }

    /// The language that a reader of a tag is best served in; `None` where there is none.
    ///
    /// Chinese without a script or a region is taken for what is there; simplified Chinese is not.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let tag = tag.trim().to_ascii_lowercase();
        let mut parts = tag.split(['-', '_']);
        match parts.next()? {
            "en" => Some(Self::English),
            "zh" => {
                let rest: Vec<&str> = parts.collect();
                let traditional = ["hant", "tw", "hk", "mo"];
                (rest.is_empty() || rest.iter().any(|part| traditional.contains(part)))
                    .then_some(Self::TraditionalChinese)
            }
            _ => None,
        }
    }

    /// The language of those there are that a reader likes best, by `Accept-Language` (RFC 9110, section 12.5.4).
    pub fn accepted(header: &str) -> Option<Self> {
        let wanted = header.split(',').take(32).filter_map(|range| {
            let mut parts = range.split(';');
            let language = Self::of_tag(parts.next()?)?;
            let weight = parts.find_map(|part| part.trim().strip_prefix("q="));
            let weight: f32 = weight.map_or(Some(1.0), |weight| weight.trim().parse().ok())?;
            (weight > 0.0).then_some((language, weight))
        });
        // Of equal weights the first named.
        let best = wanted.reduce(|best, next| if next.1 > best.1 { next } else { best });
        best.map(|(language, _)| language)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_liked_best_is_found() {
        use Language::{English, TraditionalChinese};
        for (header, language) in [
            ("zh-TW,zh;q=0.9,en;q=0.8", Some(TraditionalChinese)),
            ("en;q=0.5, zh-Hant-HK;q=0.7", Some(TraditionalChinese)),
            ("zh-CN,en-US;q=0.9", Some(English)),
            ("de-DE,de;q=0.9", None),
            ("en;q=0,zh", Some(TraditionalChinese)),
            ("en;q=x", None),
            ("", None),
            ("en,zh", Some(English)),
        ] {
            assert_eq!(Language::accepted(header), language, "{header}");
        }
        for language in Language::ALL {
            assert_eq!(Language::of_tag(language.tag()), Some(language));
        }
    }
}
