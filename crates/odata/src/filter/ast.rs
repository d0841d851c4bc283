//! Expressions as they are written.

use std::fmt::{self, Write as _};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use uuid::Uuid;

/// A part of an expression and where it stands.
#[derive(Debug, Clone)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// The byte its text begins at.
    pub at: usize,
}

impl PartialEq for Expr {
    /// Expressions are the same if they say the same, wherever they stand.
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

/// What an expression is.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// A constant.
    Literal(Literal),
    /// A property, or what leads to it: `vmMetadata/vmId`.
    Path(Vec<Segment>),
    /// `a eq b`.
    Compare(Comparison, Box<Expr>, Box<Expr>),
    /// `a add b`.
    Arithmetic(Operator, Box<Expr>, Box<Expr>),
    /// `a and b and c`: two or more.
    And(Vec<Expr>),
    /// `a or b or c`: two or more.
    Or(Vec<Expr>),
    /// `not a`.
    Not(Box<Expr>),
    /// `-a`.
    Negate(Box<Expr>),
    /// `a in (b, c)`.
    In(Box<Expr>, Vec<Expr>),
    /// `startswith(a, b)`.
    Call(Function, Vec<Expr>),
    /// `machineTags/any(t: t eq 'x')`; `any` may be without a condition.
    Lambda {
        /// The collection.
        path: Vec<Segment>,
        /// `any` or `all`.
        quantifier: Quantifier,
        /// The name of the member, and the condition on it.
        condition: Option<(String, Box<Expr>)>,
    },
}

/// One name of a path.
#[derive(Debug, Clone)]
pub struct Segment {
    /// The name; `$count` is one.
    pub name: String,
    /// The byte it begins at.
    pub at: usize,
}

impl PartialEq for Segment {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// A constant.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "the names of the standard's literals")]
pub enum Literal {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Str(String),
    Time(Timestamp),
    /// A day without a time.
    Date(Timestamp),
    Guid(Uuid),
    /// `Namespace.RiskScore'High'`: type and member.
    Enum(String, String),
}

/// `any` or `all`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the standard's names")]
pub enum Quantifier {
    Any,
    All,
}

/// Makes an enum of words of the standard, with how they are written.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($member:ident = $word:literal),* $(,)? }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "the standard's names")]
        pub enum $name { $($member),* }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$member),*];

            /// As it is written.
            pub fn word(self) -> &'static str {
                match self { $(Self::$member => $word),* }
            }

            /// The one written so, in whatever case.
            pub fn of_word(word: &str) -> Option<Self> {
                $(if word.eq_ignore_ascii_case($word) { return Some(Self::$member); })*
                None
            }
        }
    };
}

words! {
    /// Operators that compare.
    Comparison { Eq = "eq", Ne = "ne", Gt = "gt", Ge = "ge", Lt = "lt", Le = "le" }
}

words! {
    /// Operators that reckon.
    Operator { Add = "add", Sub = "sub", Mul = "mul", Div = "div", DivBy = "divby", Mod = "mod" }
}

words! {
    /// Functions.
    Function {
        StartsWith = "startswith",
        EndsWith = "endswith",
        Contains = "contains",
        ToLower = "tolower",
        ToUpper = "toupper",
        Length = "length",
        IndexOf = "indexof",
        Substring = "substring",
        Trim = "trim",
        Concat = "concat",
        Year = "year",
        Month = "month",
        Day = "day",
        Hour = "hour",
        Minute = "minute",
        Second = "second",
        Date = "date",
        Now = "now",
        Round = "round",
        Floor = "floor",
        Ceiling = "ceiling",
    }
}

impl Comparison {
    /// The operator that says the same with the operands exchanged.
    #[must_use]
    pub fn reversed(self) -> Self {
        match self {
            Self::Gt => Self::Lt,
            Self::Ge => Self::Le,
            Self::Lt => Self::Gt,
            Self::Le => Self::Ge,
            same => same,
        }
    }
}

impl Operator {
    /// Whether it binds as multiplication does.
    pub(crate) fn multiplies(self) -> bool {
        !matches!(self, Self::Add | Self::Sub)
    }
}

impl Function {
    /// From how many to how many arguments it takes.
    pub(crate) fn arguments(self) -> (usize, usize) {
        match self {
            Self::Now => (0, 0),
            Self::StartsWith | Self::EndsWith | Self::Contains | Self::IndexOf | Self::Concat => {
                (2, 2)
            }
            Self::Substring => (2, 3),
            _ => (1, 1),
        }
    }
}

/// How tightly an expression holds together; what is looser than its place stands in parentheses.
fn tightness(kind: &ExprKind) -> u8 {
    match kind {
        ExprKind::Or(_) => 1,
        ExprKind::And(_) => 2,
        ExprKind::Not(_) => 3,
        ExprKind::Compare(Comparison::Eq | Comparison::Ne, ..) => 4,
        ExprKind::Compare(..) => 5,
        ExprKind::Arithmetic(op, ..) if !op.multiplies() => 6,
        ExprKind::Arithmetic(..) => 7,
        ExprKind::Negate(_) => 8,
        ExprKind::In(..) => 9,
        ExprKind::Literal(_) | ExprKind::Path(_) | ExprKind::Call(..) | ExprKind::Lambda { .. } => {
            10
        }
    }
}

impl fmt::Display for Expr {
    /// The expression in the standard's words, with the parentheses it needs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own = tightness(&self.kind);
        let part = |f: &mut fmt::Formatter<'_>, part: &Expr, least: u8| {
            if tightness(&part.kind) < least {
                write!(f, "({part})")
            } else {
                write!(f, "{part}")
            }
        };
        match &self.kind {
            ExprKind::Literal(literal) => write!(f, "{literal}"),
            ExprKind::Path(path) => write_path(f, path),
            ExprKind::Compare(op, left, right) => {
                part(f, left, own)?;
                write!(f, " {} ", op.word())?;
                part(f, right, own + 1)
            }
            ExprKind::Arithmetic(op, left, right) => {
                part(f, left, own)?;
                write!(f, " {} ", op.word())?;
                part(f, right, own + 1)
            }
            ExprKind::And(parts) | ExprKind::Or(parts) => {
                let word = if own == 1 { " or " } else { " and " };
                for (at, operand) in parts.iter().enumerate() {
                    if at > 0 {
                        f.write_str(word)?;
                    }
                    part(f, operand, own + 1)?;
                }
                Ok(())
            }
            ExprKind::Not(operand) => {
                f.write_str("not ")?;
                part(f, operand, own)
            }
            ExprKind::Negate(operand) => {
                // Before digits the sign would be the number's own.
                f.write_char('-')?;
                match &operand.kind {
                    ExprKind::Path(_) | ExprKind::Call(..) => write!(f, "{operand}"),
                    _ => write!(f, "({operand})"),
                }
            }
            ExprKind::In(operand, members) => {
                part(f, operand, own + 1)?;
                f.write_str(" in (")?;
                write_list(f, members)
            }
            ExprKind::Call(function, arguments) => {
                write!(f, "{}(", function.word())?;
                write_list(f, arguments)
            }
            ExprKind::Lambda {
                path,
                quantifier,
                condition,
            } => {
                write_path(f, path)?;
                f.write_str(match quantifier {
                    Quantifier::Any => "/any(",
                    Quantifier::All => "/all(",
                })?;
                if let Some((name, condition)) = condition {
                    write!(f, "{name}: {condition}")?;
                }
                f.write_char(')')
            }
        }
    }
}

fn write_path(f: &mut fmt::Formatter<'_>, path: &[Segment]) -> fmt::Result {
    for (at, segment) in path.iter().enumerate() {
        if at > 0 {
            f.write_char('/')?;
        }
        f.write_str(&segment.name)?;
    }
    Ok(())
}

/// Expressions with commas, and the parenthesis at the end.
fn write_list(f: &mut fmt::Formatter<'_>, list: &[Expr]) -> fmt::Result {
    for (at, member) in list.iter().enumerate() {
        if at > 0 {
            f.write_str(", ")?;
        }
        write!(f, "{member}")?;
    }
    f.write_char(')')
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Double(value) if value.is_nan() => f.write_str("NaN"),
            Self::Double(value) if value.is_infinite() => {
                f.write_str(if *value > 0.0 { "INF" } else { "-INF" })
            }
            // Always with a point or an exponent, or it would read as a whole number.
            Self::Double(value) => write!(f, "{value:?}"),
            Self::Str(value) => write!(f, "'{}'", value.replace('\'', "''")),
            Self::Time(value) => write!(f, "{value}"),
            Self::Date(value) => write!(f, "{}", TimeZone::UTC.to_datetime(*value).date()),
            Self::Guid(value) => write!(f, "{value}"),
            Self::Enum(of, member) => write!(f, "{of}'{}'", member.replace('\'', "''")),
        }
    }
}
