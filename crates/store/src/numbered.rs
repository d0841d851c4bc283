//! Enumerations that the database keeps by number.

/// An enumeration whose values have Defender's numbers, with the number of each and the value of a number.
macro_rules! numbered {
    (
        $(#[$about:meta])*
        pub enum $name:ident ($what:literal) {
            $($(#[$value_about:meta])* $value:ident = $number:literal,)*
        }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$value_about])* $value = $number,)*
        }

        impl $name {
            /// All values, in order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$value),*];

            /// The number, Defender's.
            pub fn number(self) -> i64 {
                match self {
                    $(Self::$value => $number,)*
                }
            }

            /// The name, Defender's.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$value => stringify!($value),)*
                }
            }

            pub(crate) fn of_number(number: i64) -> Result<Self, $crate::StoreError> {
                match number {
                    $($number => Ok(Self::$value),)*
                    _ => Err($crate::StoreError::Damaged(concat!($what, " has a number that is none"))),
                }
            }
        }
    };
}

pub(crate) use numbered;
