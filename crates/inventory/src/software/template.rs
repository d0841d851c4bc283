//! Names with places: `Visual C++ {year} Redistributable`.

use super::pattern::Captured;

/// A name with places that a pattern fills.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(Box<str>),
    Version,
    Number,
    Year,
    Major,
    Minor,
}

const PLACES: [(&str, Piece); 5] = [
    ("{version}", Piece::Version),
    ("{number}", Piece::Number),
    ("{year}", Piece::Year),
    ("{major}", Piece::Major),
    ("{minor}", Piece::Minor),
];

impl Template {
    /// Reads a name; the reason where it is none.
    pub(super) fn new(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("the name is empty".to_owned());
        }
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let found = PLACES
                .iter()
                .find(|(place, _)| rest[at..].starts_with(place));
            let Some((place, piece)) = found else {
                let places = PLACES.map(|(place, _)| place).join(", ");
                return Err(format!(
                    "'{text}' has a place that there is not; there are {places}"
                ));
            };
            if at > 0 {
                pieces.push(Piece::Text(rest[..at].into()));
            }
            pieces.push(piece.clone());
            rest = &rest[at + place.len()..];
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.into()));
        }
        Ok(Self { pieces })
    }

    /// The name, where it has no places.
    pub(super) fn fixed(&self) -> Option<&str> {
        match &self.pieces[..] {
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The name with its places filled; `None` where a pattern does not fill one.
    pub(super) fn filled(&self, captured: &Captured<'_>) -> Option<String> {
        let numbers = captured.version.or(captured.number);
        let mut text = String::new();
        for piece in &self.pieces {
            text.push_str(match piece {
                Piece::Text(text) => text,
                Piece::Version => captured.version?,
                Piece::Number => captured.number?,
                Piece::Year => captured.year?,
                Piece::Major => numbers?.split('.').next()?,
                Piece::Minor => numbers?.split('.').nth(1)?,
            });
        }
        Some(text)
    }

    /// The pattern of the names that the template makes; `None` where no pattern says it.
    pub(super) fn pattern(&self) -> Option<String> {
        let mut pattern = String::new();
        for piece in &self.pieces {
            pattern.push_str(match piece {
                Piece::Text(text) => text,
                Piece::Version => "{version}",
                Piece::Number | Piece::Major => "{number}",
                Piece::Year => "{year}",
                Piece::Minor => return None,
            });
        }
        Some(pattern)
    }
}
