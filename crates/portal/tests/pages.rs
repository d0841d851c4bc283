//! Whole pages, from fixed data.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::fmt::Write as _;
use std::sync::Arc;

use askama::Template;
use kbgap_catalog::document::Severity;
use kbgap_portal::charts::{self, Bar, Tone};
use kbgap_portal::pages::{ClosingRow, Detail, Link, List, Overview, Problem, Reason, Tile, tabs};
use kbgap_portal::{
    Asked, Cell, Choice, ColumnOf, Filter, Frame, Language, Listing, Look, Portal, Role, Section,
    Theme, Viewer,
};

fn frame(language: Language, section: Section, here: &str) -> Frame {
    let portal = Arc::new(Portal::new().unwrap());
    let frame = Frame::new(portal, language, Theme::Dark, here.to_owned());
    let mut frame = frame.read_by(Viewer {
        name: "Kim <kim@example.org>".into(),
        role: Role::Manage,
        groups: None,
        session: true,
    });
    frame.section = Some(section);
    frame
}

/// A page without the hashes in its assets' names, which change with the style sheet.
fn shown(page: &impl Template) -> String {
    let html = page.render().unwrap();
    let mut parts = html.split("/assets/");
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('"').unwrap();
        let (stem, rest_of_name) = name.split_once('.').unwrap();
        let (_, extension) = rest_of_name.split_once('.').unwrap();
        let _ = write!(shown, "/assets/{stem}.….{extension}\"{rest}");
    }
    shown
}

type Row = (&'static str, u64, Option<Severity>);

fn list(c: &Frame) -> String {
    let rows: Vec<Row> = vec![
        ("edge & <friends>", 1_240, Some(Severity::Critical)),
        ("word", 0, None),
    ];
    let columns = vec![
        ColumnOf::new("name", "col-name", |row: &Row| {
            Cell::link(row.0, Section::Software.item(row.0))
        }),
        ColumnOf::new("machines", "col-exposed", |row: &Row| Cell::Number(row.1))
            .numeric()
            .api("exposedMachines"),
        ColumnOf::new("severity", "col-severity", |row: &Row| {
            row.2.map_or(Cell::Nothing, Cell::Severity)
        }),
    ];
    let filter = Filter {
        key: "vendor",
        label: "filter-vendor",
        choices: vec![Choice {
            value: "microsoft".into(),
            text: "microsoft".into(),
        }],
    };
    let listing = Listing::new("/api/Software", columns)
        .ordered("machines", true)
        .searched(
            c.t("software-search"),
            |row, words| row.0.contains(words),
            None,
        )
        .narrowed(filter, |_, _| true, None);
    let asked = Asked::of_query("vendor=microsoft");
    let title = c.t("nav-software");
    let table = listing.table(title.clone(), "/software", asked, &rows);
    shown(&List {
        c,
        title,
        lead: c.t("software-lead"),
        table,
    })
}

#[test]
fn a_list_in_english() {
    let c = frame(
        Language::English,
        Section::Software,
        "/software?vendor=microsoft",
    );
    insta::assert_snapshot!(list(&c));
}

#[test]
fn a_list_in_chinese() {
    let c = frame(
        Language::TraditionalChinese,
        Section::Software,
        "/software?vendor=microsoft",
    );
    insta::assert_snapshot!(list(&c));
}

#[test]
fn the_overview() {
    let c = &frame(Language::English, Section::Overview, "/");
    let bars = [Bar {
        label: c.t("state-missing"),
        value: 3.0,
        shown: c.number(3u64),
        tone: Tone::Bad,
    }];
    insta::assert_snapshot!(shown(&Overview {
        c,
        alarms: vec![c.t1("alarm-catalogue", "days", 1_234u64)],
        tiles: vec![Tile {
            figure: c.decimal(61.25, 1),
            what: c.t("tile-score"),
            href: "/machines?sort=-exposure".into(),
            look: Look::Warning,
        }],
        closing_headline: c.t2("closing-headline", "count", 5u64, "share", "81.5%"),
        closing: vec![ClosingRow {
            kb: "KB4540673".into(),
            href: Section::Updates.item("4540673"),
            name: "March 2020 Security Updates".into(),
            machines: c.number(12_000u64),
            exploited: c.number(2u64),
            share: "40.0%".into(),
            so_far: "40.0%".into(),
        }],
        without_fix: None,
        charts: vec![charts::bars(
            &c.t("chart-states"),
            &c.t("unit-machines"),
            &bars
        )],
        freshness: vec![("fresh-day", "1 / 2".into())],
    }));
}

#[test]
fn one_thing_with_reasons() {
    let c = &frame(Language::English, Section::Machines, "/machines/pc-1");
    let above = Link {
        text: c.t("nav-machines"),
        href: "/machines".into(),
    };
    let all = [
        ("missing", c.t1("tab-missing", "count", 1u64)),
        ("history", c.t("tab-history")),
    ];
    let (shown_tab, tabs) = tabs("/machines/pc-1", &Asked::default(), &all);
    assert_eq!(shown_tab, "missing");
    let mut detail = Detail::new(c, above, "<b>pc-1</b>");
    detail.facts = vec![
        ("col-exploited", Cell::Flag(true)),
        ("col-tags", Cell::List(vec!["<i>".into()])),
    ];
    detail.tabs = tabs;
    detail.reasons = vec![Reason {
        kb: "4540673".into(),
        href: Section::Updates.item("4540673"),
        name: "March 2020 Security Updates".into(),
        verdict: "verdict-missing",
        look: Look::Bad,
        because: vec!["build 1 is below 2".into()],
        about: "cumulative updates".into(),
    }];
    insta::assert_snapshot!(shown(&detail));
}

#[test]
fn a_problem_before_anybody_is_known() {
    let portal = Arc::new(Portal::new().unwrap());
    let c = &Frame::new(portal, Language::English, Theme::System, "/".into());
    let html = shown(&Problem {
        c,
        title: c.t("problem-sign-in"),
        words: c.t("problem-sign-in-words"),
    });
    assert!(!html.contains("<nav"), "nothing of the portal is told");
    assert!(html.contains("<h1>Sign in first</h1>"));
}
