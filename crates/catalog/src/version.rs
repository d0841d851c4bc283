//! Dotted versions and Windows builds.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A dotted version of two to four numbers: `10.0.17763.7314`, `16.0.5565.1000`, `6.3.9600`.
///
/// Order is by number, part after part; a missing part counts as zero, so `10.0.17763` sorts
/// below `10.0.17763.1` and equals none but itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Version {
    parts: [u32; 4],
    len: u8,
}

impl Version {
    /// A version of four parts.
    pub const fn of4(a: u32, b: u32, c: u32, d: u32) -> Self {
        Self {
            parts: [a, b, c, d],
            len: 4,
        }
    }

    /// The parts that were given, two to four of them.
    pub fn parts(&self) -> &[u32] {
        &self.parts[..usize::from(self.len)]
    }

    /// Whether two versions are on one build line: the same first three parts.
    pub fn same_line(&self, other: &Self) -> bool {
        self.parts[..3] == other.parts[..3]
    }

    /// The version as a Windows build, where it has the four parts of one (`10.0.…`, `6.x.…`).
    pub fn windows_build(&self) -> Option<WindowsBuild> {
        let [major, minor, build, ubr] = self.parts;
        let windows = matches!((major, minor), (10, 0) | (6, 0..=3)) && build >= 1000;
        (self.len == 4 && windows).then_some(WindowsBuild {
            major,
            minor,
            build,
            ubr: Some(ubr),
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, part) in self.parts().iter().enumerate() {
            if i > 0 {
                f.write_str(".")?;
            }
            write!(f, "{part}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not a dotted version of two to four numbers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a version of two to four numbers joined by dots")]
pub struct NotAVersion(String);

impl FromStr for Version {
    type Err = NotAVersion;

    fn from_str(text: &str) -> Result<Self, NotAVersion> {
        let refuse = || NotAVersion(text.chars().take(60).collect());
        let mut version = Self {
            parts: [0; 4],
            len: 0,
        };
        for part in text.trim().split('.') {
            let slot = version
                .parts
                .get_mut(usize::from(version.len))
                .ok_or_else(refuse)?;
            if part.is_empty() || !part.bytes().all(|b| b.is_ascii_digit()) {
                return Err(refuse());
            }
            *slot = part.parse().map_err(|_| refuse())?;
            version.len += 1;
        }
        if version.len < 2 {
            return Err(refuse());
        }
        Ok(version)
    }
}

/// The build of an installed Windows: `10.0.17763.316`, or without its last part where a
/// machine does not report it. The last part is the update build revision (UBR).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WindowsBuild {
    /// `10` from Windows 10 on, `6` for Vista to 8.1, `5` before.
    pub major: u32,
    /// Tells 7 (`6.1`) from 8.1 (`6.3`); `0` from Windows 10 on.
    pub minor: u32,
    /// The release's build, such as 17763.
    pub build: u32,
    /// The update build revision, unknown to `systeminfo`.
    pub ubr: Option<u32>,
}

impl WindowsBuild {
    /// A Windows 10 or later build.
    pub const fn windows10(build: u32, ubr: Option<u32>) -> Self {
        Self {
            major: 10,
            minor: 0,
            build,
            ubr,
        }
    }

    /// Whether both are of one release: major, minor and build agree.
    pub fn same_line(&self, other: &Self) -> bool {
        (self.major, self.minor, self.build) == (other.major, other.minor, other.build)
    }
}

impl fmt::Display for WindowsBuild {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.build)?;
        match self.ubr {
            Some(ubr) => write!(f, ".{ubr}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for WindowsBuild {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for WindowsBuild {
    type Err = NotAVersion;

    /// Reads `10.0.17763` and `10.0.17763.316`.
    fn from_str(text: &str) -> Result<Self, NotAVersion> {
        let version: Version = text.parse()?;
        let [major, minor, build, ubr] = version.parts;
        if version.len < 3 {
            return Err(NotAVersion(text.chars().take(60).collect()));
        }
        Ok(Self {
            major,
            minor,
            build,
            ubr: (version.len == 4).then_some(ubr),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn orders_by_number_not_by_text() {
        let v = |t: &str| t.parse::<Version>().unwrap();
        assert!(v("10.0.17763.10000") > v("10.0.17763.9999"));
        assert!(v("16.0.10000") < v("16.0.10000.1"));
        assert!(v("10.0.17763.1").same_line(&v("10.0.17763.2")));
        assert!(!v("10.0.17763.1").same_line(&v("10.0.17784.1")));
    }

    #[test]
    fn a_windows_build_may_lack_its_revision() {
        let build: WindowsBuild = "10.0.17763".parse().unwrap();
        assert_eq!(build, WindowsBuild::windows10(17763, None));
        assert!("10.0".parse::<WindowsBuild>().is_err());
        assert!(Version::of4(1, 1, 0, 0).windows_build().is_none());
    }

    proptest! {
        #[test]
        fn prints_what_it_reads(parts in prop::collection::vec(0u32.., 2..=4)) {
            let text = parts.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
            let version: Version = text.parse().unwrap();
            prop_assert_eq!(version.to_string(), text);
        }

        #[test]
        fn never_panics(text in "\\PC{0,40}") {
            let _ = text.parse::<Version>();
            let _ = text.parse::<WindowsBuild>();
        }
    }
}
