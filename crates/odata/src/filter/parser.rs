//! From tokens to expressions: operator precedence, with bounded depth and size.

use super::ast::{Comparison, Expr, ExprKind, Function, Literal, Operator, Quantifier, Segment};
use super::lexer::{Lexer, Token};
use super::literal;
use crate::error::{ODataError, excerpt};
use crate::limits::Limits;

/// Reads one expression that is the whole of the text.
pub fn parse(text: &str, limits: &Limits) -> Result<Expr, ODataError> {
    let mut lexer = Lexer::new(text, limits)?;
    let expression = parse_part(&mut lexer, limits)?;
    if *lexer.peek() != Token::End {
        return Err(lexer.unexpected("an operator or the end"));
    }
    Ok(expression)
}

/// Reads one expression and stops at what does not belong to it.
pub(crate) fn parse_part(lexer: &mut Lexer<'_>, limits: &Limits) -> Result<Expr, ODataError> {
    let mut parser = Parser {
        lexer,
        nodes: limits.nodes,
        quantifiers: limits.quantifiers,
        limits,
    };
    parser.expression(OR, limits.depth)
}

/// The place from `from` on of the first of these bytes that is neither in quotes nor in parentheses, or the end.
pub(crate) fn skip(text: &str, from: usize, until: &[u8]) -> usize {
    let (mut depth, mut quoted) = (0_usize, false);
    for (at, &byte) in text.as_bytes().iter().enumerate().skip(from) {
        match byte {
            b'\'' => quoted = !quoted,
            _ if quoted => {}
            _ if depth == 0 && until.contains(&byte) => return at,
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    text.len()
}

/// How tightly operators bind, loosest first: OData 4.01 URL conventions 5.1.1.15 "Operator Precedence", but that `not`
/// takes in a comparison.
const OR: u8 = 1;
const AND: u8 = 2;
const NOT: u8 = 3;
const EQUALITY: u8 = 4;
const RELATION: u8 = 5;
const SUM: u8 = 6;
const PRODUCT: u8 = 7;
const SIGN: u8 = 8;
const MEMBER: u8 = 9;

#[derive(Clone, Copy)]
enum Infix {
    Or,
    And,
    Compare(Comparison),
    Arithmetic(Operator),
    In,
}

impl Infix {
    fn of(token: &Token<'_>) -> Option<(Self, u8)> {
        let Token::Word(word) = token else {
            return None;
        };
        if let Some(comparison) = Comparison::of_word(word) {
            let tightness = match comparison {
                Comparison::Eq | Comparison::Ne => EQUALITY,
                _ => RELATION,
            };
            return Some((Self::Compare(comparison), tightness));
        }
        if let Some(operator) = Operator::of_word(word) {
            let tightness = if operator.multiplies() { PRODUCT } else { SUM };
            return Some((Self::Arithmetic(operator), tightness));
        }
        let words = [
            ("or", Self::Or, OR),
            ("and", Self::And, AND),
            ("in", Self::In, MEMBER),
        ];
        let mut words = words.into_iter();
        words
            .find(|(known, ..)| word.eq_ignore_ascii_case(known))
            .map(|(_, infix, tightness)| (infix, tightness))
    }
}

struct Parser<'l, 'a, 'm> {
    lexer: &'l mut Lexer<'a>,
    nodes: usize,
    /// How many conditions on collections may still be nested.
    quantifiers: usize,
    limits: &'m Limits,
}

impl Parser<'_, '_, '_> {
    fn expr(&mut self, at: usize, kind: ExprKind) -> Result<Expr, ODataError> {
        let Some(left) = self.nodes.checked_sub(1) else {
            let most = self.limits.nodes;
            let message = format!("the expression has more than {most} parts");
            return Err(ODataError::at(at, message));
        };
        self.nodes = left;
        Ok(Expr { kind, at })
    }

    /// An expression of operators that bind at least so tightly.
    fn expression(&mut self, least: u8, depth: usize) -> Result<Expr, ODataError> {
        let at = self.lexer.at();
        let Some(depth) = depth.checked_sub(1) else {
            let most = self.limits.depth;
            let message = format!("the expression is nested deeper than {most}");
            return Err(ODataError::at(at, message));
        };
        let mut left = self.prefix(depth)?;
        while let Some((infix, tightness)) = Infix::of(self.lexer.peek())
            && tightness >= least
        {
            let operator_at = self.lexer.at();
            left = match infix {
                Infix::Or => {
                    let parts = self.chain(left, "or", tightness, depth)?;
                    self.expr(at, ExprKind::Or(parts))?
                }
                Infix::And => {
                    let parts = self.chain(left, "and", tightness, depth)?;
                    self.expr(at, ExprKind::And(parts))?
                }
                Infix::In => {
                    self.lexer.take()?;
                    let members = self.members()?;
                    self.expr(operator_at, ExprKind::In(Box::new(left), members))?
                }
                Infix::Compare(op) => {
                    self.lexer.take()?;
                    let right = self.expression(tightness + 1, depth)?;
                    let kind = ExprKind::Compare(op, Box::new(left), Box::new(right));
                    self.expr(operator_at, kind)?
                }
                Infix::Arithmetic(op) => {
                    self.lexer.take()?;
                    let right = self.expression(tightness + 1, depth)?;
                    let kind = ExprKind::Arithmetic(op, Box::new(left), Box::new(right));
                    self.expr(operator_at, kind)?
                }
            };
        }
        Ok(left)
    }

    /// Operands joined by one word, as one list, so that a long chain is not deep.
    fn chain(
        &mut self,
        first: Expr,
        word: &str,
        tightness: u8,
        depth: usize,
    ) -> Result<Vec<Expr>, ODataError> {
        let mut parts = vec![first];
        while matches!(self.lexer.peek(), Token::Word(next) if next.eq_ignore_ascii_case(word)) {
            self.lexer.take()?;
            parts.push(self.expression(tightness + 1, depth)?);
        }
        Ok(parts)
    }

    /// The members of `in`, which are literals.
    fn members(&mut self) -> Result<Vec<Expr>, ODataError> {
        self.lexer.expect(&Token::Open)?;
        let mut members = Vec::new();
        loop {
            let at = self.lexer.at();
            if members.len() == self.limits.members {
                let most = self.limits.members;
                let message = format!("the list has more than {most} members");
                return Err(ODataError::at(at, message));
            }
            let Some(literal) = self.literal()? else {
                return Err(self.lexer.unexpected("a literal"));
            };
            members.push(Expr {
                kind: ExprKind::Literal(literal),
                at,
            });
            if self.lexer.take_if(&Token::Comma)? {
                continue;
            }
            if self.lexer.take_if(&Token::Close)? {
                return Ok(members);
            }
            return Err(self.lexer.unexpected("',' or ')'"));
        }
    }

    /// What may begin an operand.
    fn prefix(&mut self, depth: usize) -> Result<Expr, ODataError> {
        let at = self.lexer.at();
        if let Some(literal) = self.literal()? {
            return self.expr(at, ExprKind::Literal(literal));
        }
        match self.lexer.peek().clone() {
            Token::Open => {
                self.lexer.take()?;
                let inner = self.expression(OR, depth)?;
                self.lexer.expect(&Token::Close)?;
                Ok(inner)
            }
            Token::Minus => {
                self.lexer.take()?;
                let operand = self.expression(SIGN, depth)?;
                self.expr(at, ExprKind::Negate(Box::new(operand)))
            }
            Token::Word(word) => {
                self.lexer.take()?;
                if word.eq_ignore_ascii_case("not") {
                    // Looser than a comparison: what people mean by `not name eq 'x'`.
                    let operand = self.expression(NOT + 1, depth)?;
                    return self.expr(at, ExprKind::Not(Box::new(operand)));
                }
                if *self.lexer.peek() == Token::Open {
                    return self.call(word, at, depth);
                }
                self.path(word, at, depth)
            }
            _ => Err(self.lexer.unexpected("a property, a literal or '('")),
        }
    }

    /// A literal, if one comes next.
    fn literal(&mut self) -> Result<Option<Literal>, ODataError> {
        let at = self.lexer.at();
        let literal = match self.lexer.peek() {
            Token::Text(text) => Literal::Str(text.to_string()),
            Token::Int(number) => Literal::Int(*number),
            Token::Double(number) => Literal::Double(*number),
            Token::Time(time) => Literal::Time(*time),
            Token::Date(time) => Literal::Date(*time),
            Token::Guid(guid) => Literal::Guid(*guid),
            Token::Typed(of, text) => typed(of, text, at)?,
            Token::Word(word) => match *word {
                "INF" => Literal::Double(f64::INFINITY),
                "NaN" => Literal::Double(f64::NAN),
                word if word.eq_ignore_ascii_case("null") => Literal::Null,
                word if word.eq_ignore_ascii_case("true") => Literal::Bool(true),
                word if word.eq_ignore_ascii_case("false") => Literal::Bool(false),
                _ => return Ok(None),
            },
            _ => return Ok(None),
        };
        self.lexer.take()?;
        Ok(Some(literal))
    }

    fn call(&mut self, word: &str, at: usize, depth: usize) -> Result<Expr, ODataError> {
        let Some(function) = Function::of_word(word) else {
            let message = format!("'{}' is not a function that is known", excerpt(word));
            return Err(ODataError::at(at, message));
        };
        self.lexer.expect(&Token::Open)?;
        let mut arguments = Vec::new();
        if !self.lexer.take_if(&Token::Close)? {
            loop {
                arguments.push(self.expression(OR, depth)?);
                if !self.lexer.take_if(&Token::Comma)? {
                    break;
                }
            }
            self.lexer.expect(&Token::Close)?;
        }
        let (least, most) = function.arguments();
        if !(least..=most).contains(&arguments.len()) {
            let wanted = if least == most {
                format!("{least}")
            } else {
                format!("{least} or {most}")
            };
            let message = format!(
                "'{}' takes {wanted} arguments, not {}",
                function.word(),
                arguments.len()
            );
            return Err(ODataError::at(at, message));
        }
        self.expr(at, ExprKind::Call(function, arguments))
    }

    fn path(&mut self, first: &str, at: usize, depth: usize) -> Result<Expr, ODataError> {
        let segment = |name: &str, at| Segment {
            name: name.to_owned(),
            at,
        };
        let mut path = vec![segment(first, at)];
        while self.lexer.take_if(&Token::Slash)? {
            let at_segment = self.lexer.at();
            let Token::Word(word) = *self.lexer.peek() else {
                return Err(self.lexer.unexpected("a name after '/'"));
            };
            self.lexer.take()?;
            if *self.lexer.peek() == Token::Open {
                let quantifier = if word.eq_ignore_ascii_case("any") {
                    Quantifier::Any
                } else if word.eq_ignore_ascii_case("all") {
                    Quantifier::All
                } else {
                    let message = format!("'{}' is neither 'any' nor 'all'", excerpt(word));
                    return Err(ODataError::at(at_segment, message));
                };
                return self.lambda(path, quantifier, at, depth);
            }
            if path.len() == self.limits.depth {
                let most = self.limits.depth;
                let message = format!("the path has more than {most} names");
                return Err(ODataError::at(at_segment, message));
            }
            path.push(segment(word, at_segment));
        }
        self.expr(at, ExprKind::Path(path))
    }

    fn lambda(
        &mut self,
        path: Vec<Segment>,
        quantifier: Quantifier,
        at: usize,
        depth: usize,
    ) -> Result<Expr, ODataError> {
        let Some(left) = self.quantifiers.checked_sub(1) else {
            let most = self.limits.quantifiers;
            let message = format!("'any' and 'all' are nested deeper than {most}");
            return Err(ODataError::at(at, message));
        };
        self.quantifiers = left;
        self.lexer.expect(&Token::Open)?;
        let mut condition = None;
        if quantifier == Quantifier::All || *self.lexer.peek() != Token::Close {
            let Token::Word(name) = *self.lexer.peek() else {
                return Err(self
                    .lexer
                    .unexpected("the name of a member, as in 't: t eq 1'"));
            };
            self.lexer.take()?;
            self.lexer.expect(&Token::Colon)?;
            let inner = self.expression(OR, depth)?;
            condition = Some((name.to_owned(), Box::new(inner)));
        }
        self.lexer.expect(&Token::Close)?;
        self.quantifiers += 1;
        let kind = ExprKind::Lambda {
            path,
            quantifier,
            condition,
        };
        self.expr(at, kind)
    }
}

/// A literal with its type before it: in the form of OData 2, or of an enumeration.
fn typed(of: &str, text: &str, at: usize) -> Result<Literal, ODataError> {
    let wrong = |what: &str| ODataError::at(at, format!("'{}' is not {what}", excerpt(text)));
    if of.eq_ignore_ascii_case("guid") {
        let guid = literal::guid(text.as_bytes()).filter(|_| text.len() == 36);
        return guid.map(Literal::Guid).ok_or_else(|| wrong("a GUID"));
    }
    if of.eq_ignore_ascii_case("datetime") || of.eq_ignore_ascii_case("datetimeoffset") {
        let moment = literal::moment(text.as_bytes()).ok();
        let moment = moment.filter(|moment| moment.length == text.len());
        return moment
            .map(|moment| Literal::Time(moment.time))
            .ok_or_else(|| wrong("a date"));
    }
    Ok(Literal::Enum(of.to_owned(), text.to_owned()))
}
