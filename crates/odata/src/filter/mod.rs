//! Expressions: of `$filter` and `$orderby`, from their text to something quick to evaluate.
//!
//! Text becomes tokens (`lexer`), tokens a tree (`parser`, [`ast`]), the tree is bound to the properties of a type
//! (`bind`) and then evaluated row by row (`evaluate`).
//!
//! # What holds
//!
//! - Operators and functions are the standard's (OData 4.01 URL conventions, section 5.1.1); upper and lower case are
//!   the same in them and in the names of properties and of enumerations' members. `not` takes in a comparison beside
//!   it: `not name eq 'x'` is `not (name eq 'x')`.
//! - **Texts** are compared by their bytes, so upper and lower case differ; `tolower` helps. Lengths and places in
//!   texts count characters.
//! - **Enumerations** are compared by number. Members are named `'High'`, `Namespace.RiskScore'High'`, or by number.
//! - **Days** without a time are their start in UTC. A time without a zone is in UTC.
//! - **Numbers** of different types are compared as doubles. A constant compared with a single is first rounded to
//!   one, so that the number that was answered finds its row.
//! - **Null**: `eq` and `ne` take null as a value like others; `gt`, `ge`, `lt` and `le` are false if an operand is
//!   null, both included. A function or arithmetic with null is null, so is division by zero and overflow. `and`, `or`
//!   and `not` are three-valued: `not null` is null. Rows are kept for which the whole is true, not null. `any` and
//!   `all` count a member for which the condition is null as one for which it is false.

pub mod ast;
mod bind;
mod evaluate;
mod lexer;
mod literal;
mod parser;

use crate::edm::StructuredType;
use crate::error::ODataError;
use crate::limits::Rules;
use crate::value::{Record, Scalar, Value};

pub use ast::Comparison;
pub(crate) use bind::bind_term;
pub(crate) use evaluate::Term;
use evaluate::{Node, Scope};
pub(crate) use lexer::{Lexer, Token};
pub use parser::parse;
pub(crate) use parser::{parse_part, skip};

/// A condition on rows of a type.
#[derive(Debug, Clone)]
pub struct Filter {
    root: Node,
    /// The names of the properties by their places, for [`Filter::conjuncts`].
    names: Vec<crate::edm::Name>,
}

impl Filter {
    /// Reads the text of a `$filter` for rows of this type.
    pub fn parse(
        text: &str,
        shape: &StructuredType,
        rules: &Rules<'_>,
    ) -> Result<Self, ODataError> {
        let bound = parse(text, &rules.limits).and_then(|e| Self::bind(&e, shape, rules));
        bound.map_err(|error| error.of("$filter"))
    }

    /// Binds an expression to the properties of a type. The depth of what [`parse`] gives is bounded; an expression made
    /// otherwise has to see to it.
    pub fn bind(
        expression: &ast::Expr,
        shape: &StructuredType,
        rules: &Rules<'_>,
    ) -> Result<Self, ODataError> {
        let root = bind::bind(expression, shape, rules)?;
        let names = shape.properties.iter().map(|p| p.name.clone()).collect();
        Ok(Self { root, names })
    }

    /// Whether the condition holds for a row.
    #[inline]
    pub fn matches<R: Record + ?Sized>(&self, row: &R) -> bool {
        self.root.test(row, None) == Some(true)
    }

    /// The simple conditions that all rows have to meet: comparisons of one property with constants, joined by `and`.
    ///
    /// Rows that do not meet one of them need not be looked at; the others have to be, since the conditions may be a
    /// part of the whole.
    pub fn conjuncts(&self) -> Vec<Conjunct<'_>> {
        let mut found = Vec::new();
        let mut open = vec![&self.root];
        while let Some(node) = open.pop() {
            let (term, test) = match node {
                Node::And(parts) => {
                    open.extend(parts.iter().rev());
                    continue;
                }
                Node::Constant(op, term, constant) => (term, ConjunctTest::Compare(*op, constant)),
                Node::In(term, set) => (term, ConjunctTest::In(set.members())),
                Node::StartsWith(term, Term::Constant(Scalar::Str(start))) => {
                    (term, ConjunctTest::StartsWith(start))
                }
                _ => continue,
            };
            if let Some(property) = term.property()
                && let Some(name) = self.names.get(property)
            {
                found.push(Conjunct {
                    property,
                    name,
                    test,
                });
            }
        }
        found
    }
}

/// A condition on one property.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conjunct<'a> {
    /// The place of the property in the type.
    pub property: usize,
    /// Its name.
    pub name: &'a str,
    /// What it has to be.
    pub test: ConjunctTest<'a>,
}

/// What a property has to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ConjunctTest<'a> {
    /// Compares so with the constant.
    Compare(Comparison, &'a Scalar),
    /// One of these.
    In(&'a [Scalar]),
    /// A text that starts so.
    StartsWith(&'a str),
}

/// The value of a term for a row.
pub(crate) fn value_of<'a, R: Record + ?Sized>(term: &'a Term, row: &'a R) -> Value<'a> {
    term.value(row, None::<&Scope<'_>>)
}
