//! Enumerations that the database keeps by number.

/// An enumeration whose values have Defender's numbers, with the number of each and the value of a number.
macro_rules! numbered {
    (
        $(#[$about:meta])*
        pub enum $name:ident {
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

            /// The value of a number.
            pub fn of_number(number: i64) -> Option<Self> {
                match number {
                    $($number => Some(Self::$value),)*
                    _ => None,
                }
            }

            /// The value of a name.
            pub fn of_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.name() == name)
            }
        }
    };
}

pub(crate) use numbered;
