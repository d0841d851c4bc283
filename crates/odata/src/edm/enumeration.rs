//! Enumerations: numbers that travel as names.

use std::sync::Arc;

use super::{Name, Primitive};

/// An enumeration and its members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnumType {
    /// The name without the namespace.
    pub name: Name,
    /// The type of the numbers; `Edm.Int32` is what metadata leaves out.
    pub underlying: Primitive,
    /// Whether members may be combined.
    pub flags: bool,
    /// Names and numbers, in order of declaration.
    pub members: Vec<(Name, i64)>,
}

impl EnumType {
    /// The name of the member of this number.
    pub fn member(&self, number: i64) -> Option<&str> {
        let mut members = self.members.iter();
        members.find(|(_, n)| *n == number).map(|(name, _)| &**name)
    }

    /// The number of the member of this name; a name in other case is taken if no member has it exactly. Also the
    /// number of a member in digits.
    pub fn number(&self, name: &str) -> Option<i64> {
        let exact = self.members.iter().find(|(known, _)| known == name);
        let near = || {
            let mut members = self.members.iter();
            members.find(|(known, _)| known.eq_ignore_ascii_case(name))
        };
        let digits = || {
            let number = name.parse::<i64>().ok()?;
            self.members.iter().find(|(_, known)| *known == number)
        };
        exact.or_else(near).or_else(digits).map(|(_, n)| *n)
    }
}

/// A Rust enum that is an enumeration of the service; see [`enumeration!`](crate::enumeration).
pub trait Enumeration: Copy + 'static {
    /// Its description.
    fn description() -> &'static Arc<EnumType>;
    /// The number of this member.
    fn number(self) -> i64;
}

/// Makes a Rust enum an [`Enumeration`]: its type, the name and underlying type in the metadata, and the variants with
/// their numbers. The members have the names of the variants.
///
/// ```
/// #[derive(Clone, Copy)]
/// enum Exposure { None, Low, Medium, High }
/// kbgap_odata::enumeration!(Exposure, "ExposureLevel", Byte, { None = 0, Low = 10, Medium = 20, High = 30 });
///
/// use kbgap_odata::edm::Enumeration;
/// assert_eq!(Exposure::description().member(20), Some("Medium"));
/// assert_eq!(Exposure::High.number(), 30);
/// ```
#[macro_export]
macro_rules! enumeration {
    ($of:ty, $name:literal, $underlying:ident, { $($member:ident = $number:literal),* $(,)? }) => {
        impl $crate::edm::Enumeration for $of {
            fn description() -> &'static ::std::sync::Arc<$crate::edm::EnumType> {
                static DESCRIPTION: ::std::sync::LazyLock<::std::sync::Arc<$crate::edm::EnumType>> =
                    ::std::sync::LazyLock::new(|| {
                        ::std::sync::Arc::new($crate::edm::EnumType {
                            name: $name.into(),
                            underlying: $crate::edm::Primitive::$underlying,
                            flags: false,
                            members: vec![$((stringify!($member).into(), $number)),*],
                        })
                    });
                &DESCRIPTION
            }

            fn number(self) -> i64 {
                match self {
                    $(Self::$member => $number),*
                }
            }
        }
    };
}
