//! Expressions bound to the properties of a type: every name found, every operand of a type that fits.

use jiff::Timestamp;
use memchr::memmem::Finder;

use super::ast::{Comparison, Expr, ExprKind, Function, Literal, Quantifier, Segment};
use super::evaluate::{Node, Path, Set, Term, call};
use crate::edm::{EnumType, Primitive, StructuredType, Type};
use crate::error::{ODataError, excerpt};
use crate::limits::Rules;
use crate::value::Scalar;

/// Binds a condition.
pub(super) fn bind(
    expression: &Expr,
    shape: &StructuredType,
    rules: &Rules<'_>,
) -> Result<Node, ODataError> {
    let mut binder = Binder::new(shape, rules, Purpose::Filter);
    binder.condition(expression)
}

/// Binds a term that rows are ordered by.
pub(crate) fn bind_term(
    expression: &Expr,
    shape: &StructuredType,
    rules: &Rules<'_>,
) -> Result<Term, ODataError> {
    let mut binder = Binder::new(shape, rules, Purpose::Order);
    let (term, kind) = binder.term(expression)?;
    match kind {
        Kind::Complex(_) | Kind::Collection(_) | Kind::Other(_) => Err(ODataError::at(
            expression.at,
            format!("rows cannot be ordered by {}", kind.describe()),
        )),
        _ => Ok(term),
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Purpose {
    Filter,
    Order,
}

/// What can be done with a term.
#[derive(Clone, Copy)]
enum Kind<'s> {
    Null,
    Bool,
    Int,
    Single,
    Double,
    Str,
    Time,
    Guid,
    Enum(&'s EnumType),
    Complex(&'s StructuredType),
    Collection(&'s Type),
    /// A type of which nothing is known but its name.
    Other(&'s Type),
}

impl<'s> Kind<'s> {
    fn of(of: &'s Type) -> Self {
        match of {
            Type::Primitive(primitive) => match primitive {
                Primitive::Boolean => Self::Bool,
                Primitive::Byte
                | Primitive::SByte
                | Primitive::Int16
                | Primitive::Int32
                | Primitive::Int64 => Self::Int,
                Primitive::Single => Self::Single,
                Primitive::Double | Primitive::Decimal => Self::Double,
                Primitive::String | Primitive::Duration | Primitive::TimeOfDay => Self::Str,
                Primitive::Date | Primitive::DateTimeOffset => Self::Time,
                Primitive::Guid => Self::Guid,
            },
            Type::Enum(of) => Self::Enum(of),
            Type::Complex(of) => Self::Complex(of),
            Type::Collection(element) => Self::Collection(element),
            Type::Named(_) => Self::Other(of),
        }
    }

    fn describe(self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool => "a truth value".to_owned(),
            Self::Int | Self::Single | Self::Double => "a number".to_owned(),
            Self::Str => "a text".to_owned(),
            Self::Time => "a date".to_owned(),
            Self::Guid => "a GUID".to_owned(),
            Self::Enum(of) => format!("a member of {}", of.name),
            Self::Complex(of) => format!("a {}", of.name),
            Self::Collection(_) => "a collection".to_owned(),
            Self::Other(of) => format!("a {of}"),
        }
    }

    fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Single | Self::Double)
    }

    fn compares_with(self, other: Self) -> bool {
        match (self, other) {
            (Self::Collection(_) | Self::Other(_), _)
            | (_, Self::Collection(_) | Self::Other(_)) => false,
            (Self::Null, _)
            | (_, Self::Null)
            | (Self::Bool, Self::Bool)
            | (Self::Str, Self::Str)
            | (Self::Time, Self::Time)
            | (Self::Guid, Self::Guid) => true,
            (Self::Enum(a), Self::Enum(b)) => a.name == b.name,
            _ => self.is_number() && other.is_number(),
        }
    }

    /// Whether one value can be said to come before another.
    fn has_order(self) -> bool {
        !matches!(self, Self::Bool | Self::Complex(_))
    }
}

struct Binder<'s, 'r> {
    shape: &'s StructuredType,
    namespace: &'r str,
    now: Timestamp,
    purpose: Purpose,
    /// The members of collections that conditions around are about, outermost first.
    members: Vec<(String, &'s Type)>,
}

type Bound<'s> = (Term, Kind<'s>);

impl<'s, 'r> Binder<'s, 'r> {
    fn new(shape: &'s StructuredType, rules: &Rules<'r>, purpose: Purpose) -> Self {
        Self {
            shape,
            namespace: &rules.schema.namespace,
            now: rules.now,
            purpose,
            members: Vec::new(),
        }
    }

    fn condition(&mut self, expr: &Expr) -> Result<Node, ODataError> {
        match &expr.kind {
            ExprKind::And(parts) => Ok(Node::And(self.conditions(parts)?)),
            ExprKind::Or(parts) => Ok(Node::Or(self.conditions(parts)?)),
            ExprKind::Not(inner) => Ok(Node::Not(Box::new(self.condition(inner)?))),
            ExprKind::Compare(op, left, right) => self.comparison(*op, left, right, expr.at),
            ExprKind::In(operand, members) => {
                let (term, kind) = self.term(operand)?;
                let members = members.iter().map(|member| {
                    let ExprKind::Literal(literal) = &member.kind else {
                        return Err(ODataError::at(member.at, "expected a literal"));
                    };
                    self.constant(literal, kind, member.at)
                });
                let members = members.collect::<Result<_, _>>()?;
                Ok(Node::In(term, Set::new(members)))
            }
            ExprKind::Call(
                function @ (Function::StartsWith | Function::EndsWith | Function::Contains),
                arguments,
            ) => {
                let text = self.text(*function, &arguments[0])?;
                let part = self.text(*function, &arguments[1])?;
                Ok(match (function, part) {
                    (Function::StartsWith, part) => Node::StartsWith(text, part),
                    (Function::EndsWith, part) => Node::EndsWith(text, part),
                    (_, Term::Constant(Scalar::Str(part))) => {
                        let finder = Finder::new(part.as_bytes()).into_owned();
                        Node::ContainsText(text, Box::new(finder))
                    }
                    (_, part) => Node::Contains(text, part),
                })
            }
            ExprKind::Lambda {
                path,
                quantifier,
                condition,
            } => self.lambda(path, *quantifier, condition.as_ref()),
            _ => match self.term(expr)? {
                (term, Kind::Bool | Kind::Null) => Ok(Node::Truth(term)),
                (_, kind) => Err(ODataError::at(
                    expr.at,
                    format!("expected a condition, found {}", kind.describe()),
                )),
            },
        }
    }

    fn conditions(&mut self, parts: &[Expr]) -> Result<Box<[Node]>, ODataError> {
        parts.iter().map(|part| self.condition(part)).collect()
    }

    fn lambda(
        &mut self,
        path: &[Segment],
        quantifier: Quantifier,
        condition: Option<&(String, Box<Expr>)>,
    ) -> Result<Node, ODataError> {
        let (path, kind) = self.path(path)?;
        let (Term::Path(path), Kind::Collection(element)) = (path.0, kind) else {
            return Err(ODataError::at(
                path.1,
                format!(
                    "'any' and 'all' ask of a collection, not of {}",
                    kind.describe()
                ),
            ));
        };
        let condition = match condition {
            None => None,
            Some((name, condition)) => {
                self.members.push((name.clone(), element));
                let condition = self.condition(condition);
                self.members.pop();
                Some(Box::new(condition?))
            }
        };
        Ok(Node::Lambda(quantifier, path, condition))
    }

    fn comparison(
        &mut self,
        op: Comparison,
        left: &Expr,
        right: &Expr,
        at: usize,
    ) -> Result<Node, ODataError> {
        let (term, kind, constant, op) = match (&left.kind, &right.kind) {
            (_, ExprKind::Literal(literal)) => {
                let (term, kind) = self.term(left)?;
                let constant = self.constant(literal, kind, right.at)?;
                (term, kind, Some(Term::Constant(constant)), op)
            }
            (ExprKind::Literal(literal), _) => {
                let (term, kind) = self.term(right)?;
                let constant = self.constant(literal, kind, left.at)?;
                (term, kind, Some(Term::Constant(constant)), op.reversed())
            }
            _ => {
                let (term, kind) = self.term(left)?;
                (term, kind, None, op)
            }
        };
        let other = if let Some(constant) = constant {
            constant
        } else {
            let (other, other_kind) = self.term(right)?;
            if !kind.compares_with(other_kind) {
                return Err(incomparable(kind, other_kind, at));
            }
            other
        };
        if !matches!(op, Comparison::Eq | Comparison::Ne) && !kind.has_order() {
            return Err(ODataError::at(
                at,
                format!("'{}' does not apply to {}", op.word(), kind.describe()),
            ));
        }
        Ok(match (term, other) {
            (term, Term::Constant(constant)) => Node::Constant(op, term, constant),
            (Term::Constant(constant), term) => Node::Constant(op.reversed(), term, constant),
            (term, other) => Node::Compare(op, term, other),
        })
    }

    /// A literal as a value of the type it is compared with.
    fn constant(&self, literal: &Literal, kind: Kind<'s>, at: usize) -> Result<Scalar, ODataError> {
        match (kind, literal) {
            (Kind::Enum(of), Literal::Str(name)) => member(of, name, at),
            (Kind::Enum(of), Literal::Int(number)) => Ok(Scalar::Enum(
                of.member(*number)
                    .map(|_| *number)
                    .ok_or_else(|| no_member(of, &number.to_string(), at))?,
            )),
            (Kind::Enum(of), Literal::Enum(named, name)) => {
                let known = named
                    .strip_prefix(self.namespace)
                    .and_then(|rest| rest.strip_prefix('.'))
                    .unwrap_or(named);
                if known == of.name {
                    return member(of, name, at);
                }
                let message = format!("'{}' is not the type {}", excerpt(named), of.name);
                Err(ODataError::at(at, message))
            }
            (Kind::Guid, Literal::Str(text)) => match uuid::Uuid::try_parse(text) {
                Ok(guid) => Ok(Scalar::Guid(guid)),
                Err(_) => Err(incomparable(kind, Kind::Str, at)),
            },
            // What was answered in seven or nine digits has to find its row.
            #[expect(
                clippy::cast_possible_truncation,
                reason = "rounding is what is wanted"
            )]
            (Kind::Single, Literal::Double(number)) => Ok(Scalar::Single(*number as f32)),
            _ => {
                let (scalar, own) = natural(literal, at)?;
                if kind.compares_with(own) {
                    return Ok(scalar);
                }
                Err(incomparable(kind, own, at))
            }
        }
    }

    fn term(&mut self, expr: &Expr) -> Result<Bound<'s>, ODataError> {
        match &expr.kind {
            ExprKind::Literal(literal) => {
                let (scalar, kind) = natural(literal, expr.at)?;
                Ok((Term::Constant(scalar), kind))
            }
            ExprKind::Path(path) => {
                let ((term, _), kind) = self.path(path)?;
                Ok((term, kind))
            }
            ExprKind::Negate(inner) => {
                let (term, kind) = self.term(inner)?;
                if !kind.is_number() && !matches!(kind, Kind::Null) {
                    let message = format!("'-' does not apply to {}", kind.describe());
                    return Err(ODataError::at(expr.at, message));
                }
                Ok((fold(Term::Negate(Box::new(term))), kind))
            }
            ExprKind::Arithmetic(operator, left, right) => {
                let (left, left_kind) = self.term(left)?;
                let (right, right_kind) = self.term(right)?;
                for kind in [left_kind, right_kind] {
                    if !kind.is_number() && !matches!(kind, Kind::Null) {
                        let message = format!(
                            "'{}' does not apply to {}",
                            operator.word(),
                            kind.describe()
                        );
                        return Err(ODataError::at(expr.at, message));
                    }
                }
                let whole = matches!((left_kind, right_kind), (Kind::Int, Kind::Int))
                    && *operator != super::ast::Operator::DivBy;
                let kind = if whole { Kind::Int } else { Kind::Double };
                let term = Term::Arithmetic(*operator, Box::new([left, right]));
                Ok((fold(term), kind))
            }
            ExprKind::Call(Function::StartsWith | Function::EndsWith | Function::Contains, _)
            | ExprKind::And(_)
            | ExprKind::Or(_)
            | ExprKind::Not(_)
            | ExprKind::Compare(..)
            | ExprKind::In(..)
            | ExprKind::Lambda { .. } => {
                let node = self.condition(expr)?;
                Ok((Term::Test(Box::new(node)), Kind::Bool))
            }
            ExprKind::Call(function, arguments) => self.call(*function, arguments),
        }
    }

    fn call(&mut self, function: Function, arguments: &[Expr]) -> Result<Bound<'s>, ODataError> {
        if function == Function::Now {
            return Ok((Term::Constant(Scalar::Time(self.now)), Kind::Time));
        }
        let mut terms = Vec::with_capacity(arguments.len());
        for (at, argument) in arguments.iter().enumerate() {
            let (term, kind) = self.term(argument)?;
            let fits = match (function, at) {
                (_, _) if matches!(kind, Kind::Null) => true,
                (Function::Substring, 1..) => matches!(kind, Kind::Int),
                (Function::Length, _) => matches!(kind, Kind::Str | Kind::Collection(_)),
                (Function::Round | Function::Floor | Function::Ceiling, _) => kind.is_number(),
                (
                    Function::Year
                    | Function::Month
                    | Function::Day
                    | Function::Hour
                    | Function::Minute
                    | Function::Second
                    | Function::Date,
                    _,
                ) => matches!(kind, Kind::Time),
                _ => matches!(kind, Kind::Str),
            };
            if !fits {
                return Err(misfit(function, kind, argument.at));
            }
            terms.push(term);
        }
        let kind = match function {
            Function::ToLower
            | Function::ToUpper
            | Function::Trim
            | Function::Concat
            | Function::Substring => Kind::Str,
            Function::Date => Kind::Time,
            Function::Round | Function::Floor | Function::Ceiling => Kind::Double,
            _ => Kind::Int,
        };
        Ok((fold(Term::Call(function, terms.into())), kind))
    }

    /// An argument that has to be a text.
    fn text(&mut self, function: Function, argument: &Expr) -> Result<Term, ODataError> {
        match self.term(argument)? {
            (term, Kind::Str | Kind::Null) => Ok(term),
            (_, kind) => Err(misfit(function, kind, argument.at)),
        }
    }

    /// A path, with the place of its last name.
    fn path(&self, path: &[Segment]) -> Result<((Term, usize), Kind<'s>), ODataError> {
        let [first, further @ ..] = path else {
            return Err(ODataError::new("a path has no name"));
        };
        let member = self
            .members
            .iter()
            .rposition(|(name, _)| *name == first.name);
        let (mut of, property) = if let Some(level) = member {
            (self.members[level].1, None)
        } else {
            let (at, of) = self.property(first)?;
            (of, Some(at))
        };
        let mut rest = Vec::new();
        let mut count = false;
        let mut last = first.at;
        for segment in further {
            last = segment.at;
            match of {
                Type::Collection(_) if segment.name == "$count" && !count => count = true,
                Type::Collection(_) => {
                    let message = "the members of a collection are asked of with 'any' or 'all'";
                    return Err(ODataError::at(segment.at, message));
                }
                Type::Complex(complex) => {
                    let Some((at, property)) = complex.property(&segment.name) else {
                        return Err(unknown(segment, complex));
                    };
                    rest.push(at);
                    of = &property.of;
                }
                other => {
                    let message = format!("a {other} has no property '{}'", excerpt(&segment.name));
                    return Err(ODataError::at(segment.at, message));
                }
            }
        }
        let rest = rest.into();
        let path = match (member, property) {
            (Some(level), _) => Path::Member { level, rest },
            (None, property) => Path::Property {
                property: property.unwrap_or_default(),
                rest,
            },
        };
        Ok(if count {
            ((Term::Count(path), last), Kind::Int)
        } else {
            ((Term::Path(path), last), Kind::of(of))
        })
    }

    /// A property of the row that may be used for the purpose.
    fn property(&self, segment: &Segment) -> Result<(usize, &'s Type), ODataError> {
        let Some((at, property)) = self.shape.property(&segment.name) else {
            if self.shape.navigation(&segment.name).is_some() {
                let message = format!(
                    "'{}' leads to other entities, which cannot be used here",
                    excerpt(&segment.name)
                );
                return Err(ODataError::at(segment.at, message));
            }
            return Err(unknown(segment, self.shape));
        };
        let refused = match self.purpose {
            Purpose::Filter if !property.filterable => Some("filtered"),
            Purpose::Order if !property.sortable => Some("ordered"),
            _ => None,
        };
        if let Some(refused) = refused {
            let message = format!(
                "rows cannot be {refused} by '{}' of {}",
                property.name, self.shape.name
            );
            return Err(ODataError::at(segment.at, message));
        }
        Ok((at, &property.of))
    }
}

/// A literal for itself.
fn natural(literal: &Literal, at: usize) -> Result<(Scalar, Kind<'static>), ODataError> {
    Ok(match literal {
        Literal::Null => (Scalar::Null, Kind::Null),
        Literal::Bool(value) => (Scalar::Bool(*value), Kind::Bool),
        Literal::Int(value) => (Scalar::Int(*value), Kind::Int),
        Literal::Double(value) => (Scalar::Double(*value), Kind::Double),
        Literal::Str(value) => (Scalar::Str(value.as_str().into()), Kind::Str),
        Literal::Time(value) | Literal::Date(value) => (Scalar::Time(*value), Kind::Time),
        Literal::Guid(value) => (Scalar::Guid(*value), Kind::Guid),
        Literal::Enum(of, _) => {
            let message = format!("'{}' is not a type that is compared here", excerpt(of));
            return Err(ODataError::at(at, message));
        }
    })
}

/// A term of constants only as the constant it is.
fn fold(term: Term) -> Term {
    let is_constant = |term: &Term| matches!(term, Term::Constant(_));
    let constant = match &term {
        Term::Negate(inner) => is_constant(inner),
        Term::Arithmetic(_, operands) => operands.iter().all(is_constant),
        Term::Call(_, arguments) => arguments.iter().all(is_constant),
        _ => false,
    };
    if !constant {
        return term;
    }
    if let Term::Call(function, arguments) = &term {
        let arguments = arguments
            .iter()
            .map(|argument| argument.value(&NoRow, None));
        return Term::Constant(Scalar::from(call(*function, arguments)));
    }
    Term::Constant(Scalar::from(term.value(&NoRow, None)))
}

/// Stands for the row where there are constants only.
struct NoRow;

impl crate::value::Record for NoRow {
    fn get(&self, _: usize) -> crate::value::Value<'_> {
        crate::value::Value::Null
    }

    fn width(&self) -> usize {
        0
    }
}

fn unknown(segment: &Segment, of: &StructuredType) -> ODataError {
    let name = excerpt(&segment.name);
    ODataError::at(
        segment.at,
        format!("'{name}' is not a property of {}", of.name),
    )
}

fn incomparable(left: Kind<'_>, right: Kind<'_>, at: usize) -> ODataError {
    let (left, right) = (left.describe(), right.describe());
    ODataError::at(at, format!("{left} cannot be compared with {right}"))
}

fn misfit(function: Function, kind: Kind<'_>, at: usize) -> ODataError {
    let message = format!(
        "'{}' does not apply to {}",
        function.word(),
        kind.describe()
    );
    ODataError::at(at, message)
}

fn member(of: &EnumType, name: &str, at: usize) -> Result<Scalar, ODataError> {
    let number = of.number(name);
    number
        .map(Scalar::Enum)
        .ok_or_else(|| no_member(of, name, at))
}

fn no_member(of: &EnumType, name: &str, at: usize) -> ODataError {
    let names: Vec<&str> = of.members.iter().map(|(name, _)| &**name).collect();
    ODataError::at(
        at,
        format!(
            "'{}' is not a member of {}, which are {}",
            excerpt(name),
            of.name,
            names.join(", ")
        ),
    )
}
