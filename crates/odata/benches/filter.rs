//! Filters over rows in memory, on one thread; beside each a closure of Rust, written by hand for the same condition on
//! the same rows. Then ordering with a small page against sorting all, and rows written as JSON against `serde_json`
//! on a value of the same content, and how long it takes at most to refuse what is hostile.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench"
)]
#![allow(clippy::cast_precision_loss, reason = "figures are for people")]

use std::collections::HashSet;
use std::hint::black_box;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use kbgap_odata::edm::{Entity, Schema};
use kbgap_odata::json::{Style, write_record};
use kbgap_odata::{Filter, Items, Query, Rules, apply};
use percent_encoding::percent_decode_str;

/// How many rows are looked at.
const ROWS: u32 = 100_000;

#[derive(Clone, Copy, PartialEq)]
enum Risk {
    None,
    Low,
    Medium,
    High,
}
kbgap_odata::enumeration!(Risk, "RiskScore", Byte, { None = 0, Low = 10, Medium = 20, High = 30 });

struct Machine {
    id: String,
    name: Option<String>,
    last_seen: Option<Timestamp>,
    build: Option<i64>,
    risk: Risk,
    tags: Vec<String>,
}

fn entity() -> Entity<Machine> {
    Entity::named("Machine")
        .string("id", |m: &Machine| &m.id)
        .key()
        .filterable()
        .string_or_null("computerDnsName", |m| m.name.as_deref())
        .filterable()
        .time_or_null("lastSeen", |m| m.last_seen)
        .filterable()
        .int64_or_null("osBuild", |m| m.build)
        .filterable()
        .enumeration("riskScore", |m| m.risk)
        .filterable()
        .strings("machineTags", |m| Items::of(&m.tags))
        .filterable()
        .build()
}

fn machines() -> Vec<Machine> {
    let machine = |number: u32| {
        // Spread evenly without repeating.
        let spread = number.wrapping_mul(2_654_435_761);
        let risks = [Risk::None, Risk::Low, Risk::Medium, Risk::High];
        Machine {
            id: format!("{spread:08x}{number:032x}"),
            name: (!spread.is_multiple_of(50)).then(|| format!("Host-{spread}.contoso.com")),
            last_seen: Timestamp::from_second(1_760_000_000 + i64::from(spread % 5_000_000)).ok(),
            build: Some(17_763 + i64::from(spread % 4) * 500),
            risk: risks[(spread >> 8) as usize % 4],
            tags: (0..spread % 3).map(|tag| format!("tag{tag}")).collect(),
        }
    };
    (0..ROWS).map(machine).collect()
}

fn main() {
    let rounds: usize = std::env::var("KBGAP_BENCH_ROUNDS").map_or(9, |n| n.parse().unwrap());
    let entity = entity();
    let rows = machines();
    let schema = Schema::build("bench").entity(&entity).finish().unwrap();
    let rules = Rules::new(&schema, "2026-01-01T00:00:00Z".parse().unwrap());
    println!("{ROWS} rows, one thread, best of {rounds}");
    println!(
        "{:<22} {:>14} {:>14} {:>7}",
        "", "rows/s", "baseline/s", "ratio"
    );
    let mut lines = Vec::new();
    for (name, text, plain) in &conditions(&rows) {
        let filter = Filter::parse(text, entity.shape(), &rules).unwrap();
        let count = || {
            let kept = rows.iter().filter(|row| filter.matches(&entity.row(row)));
            kept.count()
        };
        assert_eq!(count(), plain(&rows), "{name}");
        let ours = per_second(rounds, || {
            black_box(count());
        });
        let theirs = per_second(rounds, || {
            black_box(plain(black_box(&rows)));
        });
        lines.push(line(name, ours, theirs));
    }
    lines.push(ordered(rounds, &entity, &rows, &rules));
    lines.push(written(rounds, &entity, &rows));
    let refused = refused(rounds, &entity, &rules);
    println!(
        "{{\"bench\":\"filter\",\"rows\":{ROWS},\"cases\":[{}],\"refused\":[{}]}}",
        lines.join(","),
        refused.join(",")
    );
}

/// How long it takes to refuse what is hostile, at most; beside it decoding the same query, which nobody is spared.
fn refused(rounds: usize, entity: &Entity<Machine>, rules: &Rules<'_>) -> Vec<String> {
    let nested = |open: &str, times: usize, close: &str| {
        format!("{}id eq 'x'{}", open.repeat(times), close.repeat(times))
    };
    let members = |count: usize| format!("id in ({})", vec!["'x'"; count].join(","));
    let cases = [
        ("10,000 parentheses", nested("(", 10_000, ")")),
        ("10,000 parentheses left open", "(".repeat(10_000)),
        ("10,000 times not", nested("not ", 10_000, "")),
        (
            "literal of 1 MB",
            format!("id eq '{}'", "a".repeat(1 << 20)),
        ),
        ("1 MB of quotes", format!("id eq '{}", "''".repeat(1 << 19))),
        (
            "like a regular expression",
            format!("contains(id,'{}$') and", "(a+)+".repeat(3_000)),
        ),
        ("in with 2,000 members", members(2_000)),
        ("in with 200,000 members", members(200_000)),
        ("10,000 conditions", vec!["id eq 'x'"; 10_000].join(" or ")),
        (
            "any in any in any",
            nested(
                "machineTags/any(t: machineTags/any(u: machineTags/any(v: ",
                1,
                ")))",
            ),
        ),
        ("1 MB of percent signs", "%".repeat(1 << 20)),
    ];
    println!(
        "{:<30} {:>9} {:>12} {:>14}",
        "refused", "bytes", "at most, us", "decoding, us"
    );
    let cases = cases.iter().map(|(name, filter)| {
        let query = format!("$filter={}", filter.replace(' ', "%20"));
        let (mut worst, mut decoding) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..rounds.max(9) {
            let begin = Instant::now();
            let refused = Query::parse(black_box(&query), entity.shape(), rules);
            worst = worst.max(begin.elapsed());
            assert!(refused.is_err(), "{name}");
            let begin = Instant::now();
            black_box(percent_decode_str(black_box(&query)).decode_utf8_lossy());
            decoding = decoding.max(begin.elapsed());
        }
        let micros = |time: Duration| time.as_nanos() as f64 / 1e3;
        let (worst, decoding) = (micros(worst), micros(decoding));
        println!("{name:<30} {:>9} {worst:>12.1} {decoding:>14.1}", query.len());
        format!(
            "{{\"name\":\"{name}\",\"bytes\":{},\"microseconds\":{worst:.1},\"baselineMicroseconds\":{decoding:.1}}}",
            query.len()
        )
    });
    cases.collect()
}

/// Counts the rows that meet a condition.
type ByHand<'a> = Box<dyn Fn(&[Machine]) -> usize + 'a>;

fn by_hand<'a>(holds: impl Fn(&Machine) -> bool + 'a) -> ByHand<'a> {
    Box::new(move |rows| rows.iter().filter(|row| holds(row)).count())
}

/// Conditions: name, filter, and the same by hand.
fn conditions(rows: &[Machine]) -> Vec<(&'static str, String, ByHand<'_>)> {
    let day: Timestamp = "2025-10-20T00:00:00Z".parse().unwrap();
    let few: Vec<&str> = rows.iter().step_by(1_000).map(|m| m.id.as_str()).collect();
    let in_list = format!("id in ('{}')", few.join("','"));
    let set: HashSet<&str> = few.into_iter().collect();
    let first = format!("id eq '{}'", rows[500].id);
    let wanted = rows[500].id.clone();
    vec![
        ("text eq", first, by_hand(move |m| m.id == wanted)),
        (
            "enum eq",
            "riskScore eq 'High'".to_owned(),
            by_hand(move |m| m.risk == Risk::High),
        ),
        (
            "time ge and enum eq",
            "lastSeen ge 2025-10-20T00:00:00Z and riskScore eq 'High'".to_owned(),
            by_hand(move |m| m.last_seen.is_some_and(|time| time >= day) && m.risk == Risk::High),
        ),
        (
            "startswith",
            "startswith(computerDnsName,'Host-42')".to_owned(),
            by_hand(move |m| {
                m.name
                    .as_ref()
                    .is_some_and(|name| name.starts_with("Host-42"))
            }),
        ),
        (
            "contains",
            "contains(computerDnsName,'777')".to_owned(),
            by_hand(move |m| m.name.as_ref().is_some_and(|name| name.contains("777"))),
        ),
        (
            "contains of tolower",
            "contains(tolower(computerDnsName),'host-777')".to_owned(),
            by_hand(move |m| {
                m.name
                    .as_ref()
                    .is_some_and(|name| name.to_lowercase().contains("host-777"))
            }),
        ),
        (
            "in, 100 texts",
            in_list,
            by_hand(move |m| set.contains(m.id.as_str())),
        ),
        (
            "any",
            "machineTags/any(t: t eq 'tag1')".to_owned(),
            by_hand(move |m| m.tags.iter().any(|tag| tag == "tag1")),
        ),
    ]
}

/// A small page in order, against sorting all.
fn ordered(rounds: usize, entity: &Entity<Machine>, rows: &[Machine], rules: &Rules<'_>) -> String {
    let query = "$orderby=computerDnsName desc&$top=50";
    let query = Query::parse(query, entity.shape(), rules).unwrap();
    let ours = per_second(rounds, || {
        black_box(apply(entity, &query, 10_000, rows));
    });
    let theirs = per_second(rounds.min(3), || {
        let mut all: Vec<&Machine> = rows.iter().collect();
        all.sort_by(|a, b| b.name.cmp(&a.name));
        all.truncate(50);
        black_box(all);
    });
    line("first 50 in order", ours, theirs)
}

/// Rows as JSON, against a value of the same content.
fn written(rounds: usize, entity: &Entity<Machine>, rows: &[Machine]) -> String {
    let mut out = Vec::new();
    let write = |out: &mut Vec<u8>, row| {
        write_record(out, &entity.row(row), entity.shape(), None, Style::Answer);
    };
    let ours = per_second(rounds, || {
        out.clear();
        for row in rows {
            write(&mut out, row);
        }
        black_box(&out);
    });
    let values = rows.iter().map(|row| {
        let mut out = Vec::new();
        write(&mut out, row);
        serde_json::from_slice(&out).unwrap()
    });
    let values: Vec<serde_json::Value> = values.collect();
    let theirs = per_second(rounds, || {
        out.clear();
        for value in &values {
            serde_json::to_writer(&mut out, value).unwrap();
        }
        black_box(&out);
    });
    line("written as JSON", ours, theirs)
}

/// Prints a case, and gives it as JSON.
fn line(name: &str, ours: f64, theirs: f64) -> String {
    let ratio = ours / theirs;
    println!("{name:<22} {ours:>14.0} {theirs:>14.0} {ratio:>7.2}");
    format!(
        "{{\"case\":\"{name}\",\"rowsPerSecond\":{ours:.0},\"baselinePerSecond\":{theirs:.0},\"ratio\":{ratio:.3}}}"
    )
}

fn per_second(rounds: usize, mut run: impl FnMut()) -> f64 {
    let times = (0..rounds).map(|_| {
        let start = Instant::now();
        run();
        start.elapsed()
    });
    let best = times.min().unwrap_or(Duration::ZERO);
    f64::from(ROWS) / best.as_secs_f64()
}
