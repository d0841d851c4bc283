//! Names that people sign in with.

/// The longest name, in bytes.
const LONGEST: usize = 256;

/// A name to sign in with (`alice@contoso`), unique in its tenant whatever the case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserName(Box<str>);

/// A text that cannot be a name to sign in with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is no name to sign in with: it has 1 to {LONGEST} bytes, and neither spaces nor control characters"
)]
pub struct UnfitUserName(String);

impl UserName {
    /// Reads a name; spaces around it do not count.
    pub fn new(name: &str) -> Result<Self, UnfitUserName> {
        let name = name.trim();
        let unfit = |c: char| c.is_whitespace() || c.is_control();
        if name.is_empty() || name.len() > LONGEST || name.contains(unfit) {
            let shown = name.chars().take(40).filter(|c| !c.is_control());
            return Err(UnfitUserName(shown.collect()));
        }
        Ok(Self(name.into()))
    }

    /// The name as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form in which it is unique.
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }
}

impl std::str::FromStr for UserName {
    type Err = UnfitUserName;

    fn from_str(name: &str) -> Result<Self, UnfitUserName> {
        Self::new(name)
    }
}

impl std::fmt::Display for UserName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_spaces_around_do_not_matter() {
        let name = UserName::new(" Älice@Contoso ").unwrap();
        assert_eq!(name.as_str(), "Älice@Contoso");
        assert_eq!(name.key(), UserName::new("älice@CONTOSO").unwrap().key());
        for unfit in ["", " ", "a b", "a\u{7}b", &"x".repeat(257)] {
            assert!(UserName::new(unfit).is_err(), "{unfit:?}");
        }
    }
}
