//! What holds for all filters: they say what a plain reading of the JSON says, they read as they are written, and
//! nothing that is sent brings the parser down.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "tests, some of them long tables"
)]

mod support;

use std::cmp::Ordering;

use jiff::Timestamp;
use kbgap_odata::filter::ast::{
    Comparison, Expr, ExprKind, Function, Literal, Operator, Quantifier, Segment,
};
use kbgap_odata::filter::parse;
use kbgap_odata::json::{Style, write_record};
use kbgap_odata::{Filter, Limits, Query, Rules};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use support::{Address, Cloud, Health, Machine, Risk, Vm};

fn expr(kind: ExprKind) -> Expr {
    Expr { kind, at: 0 }
}

fn literal(literal: Literal) -> Expr {
    expr(ExprKind::Literal(literal))
}

fn text(text: &str) -> Expr {
    literal(Literal::Str(text.to_owned()))
}

fn path(path: &str) -> Vec<Segment> {
    let names = path.split('/').map(str::to_owned);
    names.map(|name| Segment { name, at: 0 }).collect()
}

fn property(name: &str) -> Expr {
    expr(ExprKind::Path(path(name)))
}

fn comparison() -> impl Strategy<Value = Comparison> {
    select(Comparison::ALL)
}

fn equality() -> impl Strategy<Value = Comparison> {
    select(vec![Comparison::Eq, Comparison::Ne])
}

/// Few different texts, so that they often meet.
const TEXTS: [&str; 6] = ["", "a", "A", "ab", "b'c", "Äb"];

fn short_text() -> impl Strategy<Value = String> {
    select(TEXTS.as_slice()).prop_map(str::to_owned)
}

fn moment() -> impl Strategy<Value = Timestamp> {
    // Whole and broken seconds around two days.
    (0..4_i64, select(vec![0_i32, 500_000_000, 123_456_700])).prop_map(|(half_days, nanos)| {
        Timestamp::new(1_574_380_800 + half_days * 43_200, nanos).unwrap()
    })
}

const RISKS: [(Risk, &str, i64); 5] = [
    (Risk::None, "None", 0),
    (Risk::Informational, "Informational", 5),
    (Risk::Low, "Low", 10),
    (Risk::Medium, "Medium", 20),
    (Risk::High, "High", 30),
];

prop_compose! {
    fn address()(ip in short_text(), mac in option::of(short_text())) -> Address {
        Address { ip, mac }
    }
}

prop_compose! {
    fn vm()(id in short_text(), resource in option::of(short_text())) -> Vm {
        Vm { id, cloud: Cloud::Azure, resource }
    }
}

prop_compose! {
    fn machine()(
        (id, name, version) in (short_text(), option::of(short_text()), option::of(short_text())),
        last_seen in option::of(moment()),
        build in option::of(-3..4_i64),
        health in select(vec![Health::Active, Health::Inactive, Health::Unknown]),
        group in -2..3_i32,
        risk in option::of(select(RISKS.as_slice())),
        joined in option::of(any::<bool>()),
        tags in vec(short_text(), 0..3),
        addresses in vec(address(), 0..3),
        vm in option::of(vm()),
    ) -> Machine {
        Machine {
            name, last_seen, version, build, health, group, joined, tags, addresses, vm,
            risk: risk.map(|(risk, ..)| risk),
            ..Machine::new(&id, "")
        }
    }
}

/// Something with a text for its value; `names` are the properties at hand.
fn texts(names: Vec<&'static str>) -> impl Strategy<Value = Expr> {
    let leaf = prop_oneof![
        4 => select(names).prop_map(property),
        1 => short_text().prop_map(|t| text(&t)),
    ];
    leaf.prop_recursive(2, 6, 2, |inner| {
        let one = select(vec![Function::ToLower, Function::ToUpper, Function::Trim]);
        prop_oneof![
            (one, inner.clone()).prop_map(|(f, a)| expr(ExprKind::Call(f, vec![a]))),
            (inner.clone(), inner.clone())
                .prop_map(|(a, b)| expr(ExprKind::Call(Function::Concat, vec![a, b]))),
            (inner, -1..3_i64, option::of(-1..3_i64)).prop_map(|(a, from, length)| {
                let mut arguments = vec![a, literal(Literal::Int(from))];
                arguments.extend(length.map(|length| literal(Literal::Int(length))));
                expr(ExprKind::Call(Function::Substring, arguments))
            }),
        ]
    })
}

/// Something with a number for its value.
fn numbers() -> impl Strategy<Value = Expr> {
    let leaf = prop_oneof![
        3 => select(vec!["osBuild", "rbacGroupId", "machineTags/$count"]).prop_map(property),
        1 => (-3..4_i64).prop_map(|n| literal(Literal::Int(n))),
        1 => select(vec![-1.5, 0.5, 2.0]).prop_map(|n| literal(Literal::Double(n))),
        1 => texts(vec!["id", "version"])
            .prop_map(|t| expr(ExprKind::Call(Function::Length, vec![t]))),
        1 => (texts(vec!["id", "version"]), texts(vec!["id"]))
            .prop_map(|(a, b)| expr(ExprKind::Call(Function::IndexOf, vec![a, b]))),
        1 => select(vec![Function::Year, Function::Day, Function::Hour, Function::Second])
            .prop_map(|f| expr(ExprKind::Call(f, vec![property("lastSeen")]))),
    ];
    leaf.prop_recursive(2, 6, 2, |inner| {
        prop_oneof![
            (select(Operator::ALL), inner.clone(), inner.clone()).prop_map(|(op, a, b)| {
                expr(ExprKind::Arithmetic(op, Box::new(a), Box::new(b)))
            }),
            inner.prop_map(|a| expr(ExprKind::Negate(Box::new(a)))),
        ]
    })
}

fn compare(op: Comparison, left: Expr, right: Expr) -> Expr {
    expr(ExprKind::Compare(op, Box::new(left), Box::new(right)))
}

/// Conditions of one comparison.
fn conditions(names: Vec<&'static str>) -> impl Strategy<Value = Expr> {
    let null = || literal(Literal::Null);
    let find = select(vec![
        Function::StartsWith,
        Function::EndsWith,
        Function::Contains,
    ]);
    prop_oneof![
        (comparison(), texts(names.clone()), texts(names.clone()))
            .prop_map(|(op, a, b)| compare(op, a, b)),
        (equality(), texts(names.clone())).prop_map(move |(op, a)| compare(op, a, null())),
        (find, texts(names.clone()), texts(names.clone()))
            .prop_map(|(f, a, b)| expr(ExprKind::Call(f, vec![a, b]))),
        (texts(names), vec(option::of(short_text()), 1..9)).prop_map(|(a, members)| {
            let member = |m: Option<String>| literal(m.map_or(Literal::Null, Literal::Str));
            let members = members.into_iter().map(member).collect();
            expr(ExprKind::In(Box::new(a), members))
        }),
    ]
}

fn filters() -> impl Strategy<Value = Expr> {
    let names = vec![
        "id",
        "computerDnsName",
        "version",
        "vmMetadata/vmId",
        "vmMetadata/resourceId",
    ];
    let of_members = |name: &'static str, of: Vec<&'static str>| {
        let quantifier = select(vec![Quantifier::Any, Quantifier::All]);
        (quantifier, conditions(of)).prop_map(move |(quantifier, condition)| {
            expr(ExprKind::Lambda {
                path: path(name),
                quantifier,
                condition: Some(("m".to_owned(), Box::new(condition))),
            })
        })
    };
    let leaf = prop_oneof![
        4 => conditions(names),
        2 => (comparison(), numbers(), numbers()).prop_map(|(op, a, b)| compare(op, a, b)),
        1 => (numbers(), vec(-3..4_i64, 1..9)).prop_map(|(a, members)| {
            let members = members.into_iter().map(|m| literal(Literal::Int(m))).collect();
            expr(ExprKind::In(Box::new(a), members))
        }),
        1 => (comparison(), moment())
            .prop_map(|(op, t)| compare(op, property("lastSeen"), literal(Literal::Time(t)))),
        1 => (comparison(), moment())
            .prop_map(|(op, t)| compare(op, literal(Literal::Time(t)), property("lastSeen"))),
        1 => (comparison(), select(RISKS.as_slice()))
            .prop_map(|(op, (_, name, _))| compare(op, property("riskScore"), text(name))),
        1 => (equality(), select(vec!["Active", "Unknown"]))
            .prop_map(|(op, name)| compare(op, property("healthStatus"), text(name))),
        1 => Just(property("isAadJoined")),
        1 => (equality(), any::<bool>())
            .prop_map(|(op, b)| compare(op, property("isAadJoined"), literal(Literal::Bool(b)))),
        1 => equality().prop_map(|op| compare(op, property("vmMetadata"), literal(Literal::Null))),
        1 => of_members("machineTags", vec!["m", "id"]),
        1 => of_members("ipAddresses", vec!["m/ipAddress", "m/macAddress", "version"]),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 2..4).prop_map(|parts| expr(ExprKind::And(parts))),
            vec(inner.clone(), 2..4).prop_map(|parts| expr(ExprKind::Or(parts))),
            inner.prop_map(|a| expr(ExprKind::Not(Box::new(a)))),
        ]
    })
}

/// The plain reading: an expression's value for the JSON of a row, by the words of the standard.
fn value(expr: &Expr, row: &Value, member: Option<&Value>) -> Value {
    let of = |expr: &Expr| value(expr, row, member);
    match &expr.kind {
        ExprKind::Literal(literal) => match literal {
            Literal::Bool(b) => json!(b),
            Literal::Int(n) => json!(n),
            Literal::Double(n) => json!(n),
            Literal::Str(text) => json!(text),
            Literal::Time(time) => json!(time.to_string()),
            _ => Value::Null,
        },
        ExprKind::Path(path) => {
            let mut at = row;
            for (place, segment) in path.iter().enumerate() {
                at = match member {
                    Some(member) if place == 0 && segment.name == "m" => member,
                    _ if segment.name == "$count" => return json!(at.as_array().unwrap().len()),
                    _ => at.get(&segment.name).unwrap_or(&Value::Null),
                };
            }
            at.clone()
        }
        ExprKind::Compare(op, a, b) => {
            let is_risk = |e: &Expr| *e == property("riskScore");
            let risk = |value: Value| {
                let known = RISKS.iter().find(|(_, name, _)| value == *name);
                known.map_or(Value::Null, |(.., number)| json!(number))
            };
            let (left, right) = (of(a), of(b));
            if is_risk(a) || is_risk(b) {
                return json!(holds(*op, &risk(left), &risk(right)));
            }
            json!(holds(*op, &left, &right))
        }
        ExprKind::In(a, members) => {
            let a = of(a);
            json!(members.iter().any(|m| holds(Comparison::Eq, &a, &of(m))))
        }
        ExprKind::And(parts) => {
            let parts: Vec<Value> = parts.iter().map(of).collect();
            if parts.contains(&json!(false)) {
                json!(false)
            } else if parts.contains(&Value::Null) {
                Value::Null
            } else {
                json!(true)
            }
        }
        ExprKind::Or(parts) => {
            let parts: Vec<Value> = parts.iter().map(of).collect();
            if parts.contains(&json!(true)) {
                json!(true)
            } else if parts.contains(&Value::Null) {
                Value::Null
            } else {
                json!(false)
            }
        }
        ExprKind::Not(a) => of(a).as_bool().map_or(Value::Null, |b| json!(!b)),
        ExprKind::Negate(a) => match of(a) {
            Value::Number(n) if n.is_i64() => json!(-n.as_i64().unwrap()),
            Value::Number(n) => json!(-n.as_f64().unwrap()),
            _ => Value::Null,
        },
        ExprKind::Arithmetic(op, a, b) => reckoned(*op, &of(a), &of(b)),
        ExprKind::Call(function, arguments) => {
            called(*function, &arguments.iter().map(of).collect::<Vec<_>>())
        }
        ExprKind::Lambda {
            path,
            quantifier,
            condition,
        } => {
            let members = row[&path[0].name].as_array().unwrap();
            let condition = &condition.as_ref().unwrap().1;
            let mut held = members
                .iter()
                .map(|m| value(condition, row, Some(m)) == json!(true));
            json!(match quantifier {
                Quantifier::Any => held.any(|h| h),
                Quantifier::All => held.all(|h| h),
            })
        }
    }
}

fn holds(op: Comparison, a: &Value, b: &Value) -> bool {
    if a.is_null() || b.is_null() {
        return match op {
            Comparison::Eq => a == b,
            Comparison::Ne => a != b,
            _ => false,
        };
    }
    let order = match (a, b) {
        (Value::String(a), Value::String(b)) => match (a.parse::<Timestamp>(), b.parse()) {
            (Ok(a), Ok(b)) => Some(a.cmp(&b)),
            _ => Some(a.as_bytes().cmp(b.as_bytes())),
        },
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        _ => a.as_f64().unwrap().partial_cmp(&b.as_f64().unwrap()),
    };
    match op {
        Comparison::Eq => order == Some(Ordering::Equal),
        Comparison::Ne => order != Some(Ordering::Equal),
        Comparison::Gt => order.is_some_and(Ordering::is_gt),
        Comparison::Ge => order.is_some_and(Ordering::is_ge),
        Comparison::Lt => order.is_some_and(Ordering::is_lt),
        Comparison::Le => order.is_some_and(Ordering::is_le),
    }
}

/// JSON has no infinite number; one that is large stands for it, as none of the tests comes near.
fn number(n: f64) -> Value {
    if n.is_nan() {
        // Unequal to all, itself included: excluded where filters are made.
        json!("NaN")
    } else {
        json!(n.clamp(-1e300, 1e300))
    }
}

fn reckoned(op: Operator, a: &Value, b: &Value) -> Value {
    if let (Some(a), Some(b), true) = (a.as_i64(), b.as_i64(), op != Operator::DivBy) {
        return match op {
            Operator::Add => json!(a + b),
            Operator::Sub => json!(a - b),
            Operator::Mul => json!(a * b),
            _ if b == 0 => Value::Null,
            Operator::Div => json!(a / b),
            _ => json!(a % b),
        };
    }
    let (Some(a), Some(b)) = (a.as_f64(), b.as_f64()) else {
        return Value::Null;
    };
    match op {
        Operator::Add => number(a + b),
        Operator::Sub => number(a - b),
        Operator::Mul => number(a * b),
        Operator::Mod if b == 0.0 => Value::Null,
        Operator::Mod => number(a % b),
        _ if b == 0.0 => Value::Null,
        _ => number(a / b),
    }
}

fn called(function: Function, arguments: &[Value]) -> Value {
    let Some(first) = arguments[0].as_str() else {
        return Value::Null;
    };
    let characters: Vec<char> = first.chars().collect();
    let second = arguments.get(1).and_then(Value::as_str);
    match function {
        Function::ToLower => json!(first.to_lowercase()),
        Function::ToUpper => json!(first.to_uppercase()),
        Function::Trim => json!(first.trim()),
        Function::Length => json!(characters.len()),
        Function::Substring => {
            let place =
                |at: usize| usize::try_from(arguments[at].as_i64().unwrap().max(0)).unwrap();
            let rest = characters.into_iter().skip(place(1));
            let length = if arguments.len() > 2 {
                place(2)
            } else {
                usize::MAX
            };
            json!(rest.take(length).collect::<String>())
        }
        Function::Concat => second.map_or(Value::Null, |s| json!(format!("{first}{s}"))),
        Function::StartsWith => second.map_or(Value::Null, |s| json!(first.starts_with(s))),
        Function::EndsWith => second.map_or(Value::Null, |s| json!(first.ends_with(s))),
        Function::Contains => second.map_or(Value::Null, |s| json!(first.contains(s))),
        Function::IndexOf => second.map_or(Value::Null, |second| {
            let part: Vec<char> = second.chars().collect();
            let mut places = 0..=characters.len();
            let found = places.find(|&at| characters[at..].starts_with(&part));
            json!(found.map_or(-1, |at| i64::try_from(at).unwrap()))
        }),
        Function::Year => json!(first[..4].parse::<i64>().unwrap()),
        Function::Day => json!(first[8..10].parse::<i64>().unwrap()),
        Function::Hour => json!(first[11..13].parse::<i64>().unwrap()),
        Function::Second => json!(first[17..19].parse::<i64>().unwrap()),
        other => panic!("no filter of the test has {other:?}"),
    }
}

fn any_literal() -> impl Strategy<Value = Literal> {
    prop_oneof![
        Just(Literal::Null),
        any::<bool>().prop_map(Literal::Bool),
        any::<i64>().prop_map(Literal::Int),
        any::<f64>().prop_map(Literal::Double),
        ".{0,8}".prop_map(Literal::Str),
        (0..4_000_000_000_i64, 0..1_000_000_000_i32)
            .prop_map(|(s, n)| Literal::Time(Timestamp::new(s, n).unwrap())),
        (0..40_000_i64).prop_map(|d| Literal::Date(Timestamp::from_second(d * 86_400).unwrap())),
        any::<u128>().prop_map(|n| Literal::Guid(uuid::Uuid::from_u128(n))),
        "[a-z.']{0,5}".prop_map(|m| Literal::Enum("ns.Kind".to_owned(), m)),
    ]
}

/// Expressions of any kind, whether they mean something or not.
fn expressions() -> impl Strategy<Value = Expr> {
    let name = "p[a-zäß0-9_]{0,4}";
    let names = move || vec(name, 1..4).prop_map(|names| path(&names.join("/")));
    let leaf = prop_oneof![
        any_literal().prop_map(literal),
        names().prop_map(|path| expr(ExprKind::Path(path))),
    ];
    leaf.prop_recursive(4, 24, 3, move |inner| {
        let two = || {
            (
                inner.clone().prop_map(Box::new),
                inner.clone().prop_map(Box::new),
            )
        };
        let calls =
            (select(Function::ALL), vec(inner.clone(), 3)).prop_map(|(f, mut arguments)| {
                arguments.truncate(match f {
                    Function::Now => 0,
                    Function::Substring => 3,
                    Function::StartsWith
                    | Function::EndsWith
                    | Function::Contains
                    | Function::IndexOf
                    | Function::Concat => 2,
                    _ => 1,
                });
                expr(ExprKind::Call(f, arguments))
            });
        prop_oneof![
            (comparison(), two()).prop_map(|(op, (a, b))| expr(ExprKind::Compare(op, a, b))),
            (select(Operator::ALL), two())
                .prop_map(|(op, (a, b))| expr(ExprKind::Arithmetic(op, a, b))),
            vec(inner.clone(), 2..4).prop_map(|parts| expr(ExprKind::And(parts))),
            vec(inner.clone(), 2..4).prop_map(|parts| expr(ExprKind::Or(parts))),
            inner.clone().prop_map(|a| expr(ExprKind::Not(Box::new(a)))),
            inner
                .clone()
                .prop_map(|a| expr(ExprKind::Negate(Box::new(a)))),
            (inner.clone(), vec(any_literal().prop_map(literal), 1..4))
                .prop_map(|(a, members)| expr(ExprKind::In(Box::new(a), members))),
            calls,
            (names(), inner.clone()).prop_map(|(path, condition)| expr(ExprKind::Lambda {
                path,
                quantifier: Quantifier::All,
                condition: Some(("m".to_owned(), Box::new(condition))),
            })),
            names().prop_map(|path| expr(ExprKind::Lambda {
                path,
                quantifier: Quantifier::Any,
                condition: None,
            })),
        ]
    })
}

/// Texts that look like filters.
fn soup() -> impl Strategy<Value = String> {
    let words = vec![
        "id",
        "osBuild",
        "machineTags",
        "eq",
        "ne",
        "in",
        "and",
        "or",
        "not",
        "(",
        ")",
        ",",
        "/",
        ":",
        "'",
        "'a'",
        "any(",
        "all(t:",
        "t",
        "-",
        "1",
        "2019-11-22",
        "T00:00:00Z",
        "null",
        "contains(",
        " ",
        " ",
        "+00:00",
        "$count",
        "ä",
        "\0",
        "4afd6c1e-0c56-4a7e-9d0a-6a4b6a2f9d11",
        "1e5",
        ".",
        "INF",
        "$",
        ";",
        "&",
        "=",
        "%",
        "%20",
    ];
    vec(select(words), 0..40).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn filters_say_what_the_json_says(filter in filters(), rows in vec(machine(), 1..6)) {
        let schema = support::schema();
        let entity = support::machine();
        let rules = Rules::new(&schema, support::now());
        let text = filter.to_string();
        let bound = Filter::parse(&text, entity.shape(), &rules);
        let bound = bound.map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
        for row in &rows {
            let mut written = Vec::new();
            write_record(&mut written, &entity.row(row), entity.shape(), None, Style::Answer);
            let written: Value = serde_json::from_slice(&written).unwrap();
            let expected = value(&filter, &written, None) == json!(true);
            prop_assert_eq!(bound.matches(&entity.row(row)), expected, "{} on {}", text, written);
        }
    }

    #[test]
    fn conjuncts_hold_for_all_that_is_found(filter in filters(), rows in vec(machine(), 1..6)) {
        use kbgap_odata::filter::ConjunctTest;
        let schema = support::schema();
        let entity = support::machine();
        let rules = Rules::new(&schema, support::now());
        let Ok(bound) = Filter::parse(&filter.to_string(), entity.shape(), &rules) else {
            return Ok(());
        };
        for row in rows.iter().filter(|row| bound.matches(&entity.row(row))) {
            for conjunct in bound.conjuncts() {
                let value = entity.value(row, conjunct.property);
                let compares = |op, constant: &kbgap_odata::Scalar| {
                    let constant = constant.value();
                    let both = value.is_null() && constant.is_null();
                    let order = value.compare(&constant);
                    match op {
                        Comparison::Eq => both || order == Some(Ordering::Equal),
                        Comparison::Ne => !both && order != Some(Ordering::Equal),
                        Comparison::Gt => order.is_some_and(Ordering::is_gt),
                        Comparison::Ge => order.is_some_and(Ordering::is_ge),
                        Comparison::Lt => order.is_some_and(Ordering::is_lt),
                        Comparison::Le => order.is_some_and(Ordering::is_le),
                    }
                };
                let met = match conjunct.test {
                    ConjunctTest::Compare(op, constant) => compares(op, constant),
                    ConjunctTest::In(constants) => {
                        constants.iter().any(|constant| compares(Comparison::Eq, constant))
                    }
                    ConjunctTest::StartsWith(start) => {
                        matches!(&value, kbgap_odata::Value::Str(text) if text.starts_with(start))
                    }
                };
                prop_assert!(met, "{}", filter);
            }
        }
    }

    #[test]
    fn expressions_read_as_they_are_written(expression in expressions()) {
        let text = expression.to_string();
        let limits = Limits { option: 1 << 20, quantifiers: 64, ..Limits::default() };
        let read = parse(&text, &limits);
        let read = read.map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
        prop_assert_eq!(&read, &expression, "{}", text);
    }

    #[test]
    fn nothing_brings_the_parser_down(text in prop_oneof![".{0,200}", soup()]) {
        let limits = Limits::default();
        if let Ok(expression) = parse(&text, &limits) {
            // What was read says the same when it is written.
            let again = expression.to_string();
            prop_assert_eq!(parse(&again, &limits).map(|e| e.to_string()), Ok(again));
        }
        let schema = support::schema();
        let rules = Rules::new(&schema, support::now());
        let entity = support::machine();
        for option in ["$filter", "$orderby", "$select", "$expand", "$top"] {
            let _ = Query::parse(&format!("{option}={text}"), entity.shape(), &rules);
        }
        let nested = format!("$expand=software($filter={text};$orderby={text})");
        let _ = Query::parse(&nested, entity.shape(), &rules);
        if let Err(error) = Query::parse(&text, entity.shape(), &rules) {
            prop_assert!(error.to_string().chars().count() < 600);
        }
    }
}
