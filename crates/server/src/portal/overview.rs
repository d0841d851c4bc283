//! The overview.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use kbgap_catalog::document::Severity;
use kbgap_catalog::{Catalog, Day};
use kbgap_fleet::{Closing, ExposureLevel, Standing, Standings, UpdateClosing};
use kbgap_identity::Permission;
use kbgap_portal::charts::{self, Bar, Chart, Tone};
use kbgap_portal::pages::{ClosingRow, Overview, Tile};
use kbgap_portal::{Frame, Look, Section};

use super::answer;
use super::problem::Problem;
use super::reader::Reader;
use super::software::f64_of;
use crate::api::Views;
use crate::service::Service;

/// What the overview shows is of several routes of the API; this one says most of it.
const OVERVIEW: &[Permission] = &[Permission::SoftwareRead];
/// What share of what is open the updates named first are to close, in percent.
const ENOUGH: u64 = 80;
/// How many they are at most.
const NAMED: usize = 10;
/// How many updates are drawn.
const TOP: usize = 8;
/// After how many days without a new document the catalogue is too old: Microsoft publishes one a month.
const CATALOGUE_DAYS: i32 = 35;
/// After how many hours without a report something is wrong with the collectors.
const REPORT_HOURS: i64 = 24;
/// How far back the score is drawn.
const SCORES: SignedDuration = SignedDuration::from_hours(90 * 24);

/// `GET /`
pub(super) async fn page(
    State(service): State<Arc<Service>>,
    reader: Reader,
) -> Result<Response, Problem> {
    let reader = reader.reading(Section::Overview);
    let views = reader.views(&service, OVERVIEW)?;
    let tenant = reader.tenant(&service, OVERVIEW)?;
    let now = Timestamp::now();
    // What is kept is of all machines.
    let scores = if reader.sees_all() {
        tenant.exposure_scores(now - SCORES).await
    } else {
        Ok(Vec::new())
    };
    let scores = scores.map_err(|error| Problem::store(&reader.frame, &error))?;
    answer::in_background(move || {
        let c = &reader.frame;
        let fleet = &views.machines;
        let (closing, standings) = (fleet.closing(), fleet.standings(now));
        let catalog = fleet.assessor().catalog();
        let first = closing.first(ENOUGH, NAMED);
        let closed: u64 = first.iter().map(|update| update.closes).sum();
        let headline = c.t2(
            "closing-headline",
            "count",
            first.len(),
            "share",
            share(c, closed, closing.open),
        );
        let without_fix = (closing.without_fix > 0).then(|| {
            let share = share(c, closing.without_fix, closing.open);
            c.t1("closing-without-fix", "share", share)
        });
        let mut charts = vec![states(c, &standings)];
        if scores.len() > 1 {
            charts.insert(0, score_line(c, &scores));
        }
        if !closing.updates.is_empty() {
            charts.extend(of_updates(c, catalog, &closing, now));
        }
        let (alarms, freshness) = freshness(c, catalog, &standings, fleet.figures().machines, now);
        Ok(answer::page(&Overview {
            c,
            alarms,
            tiles: tiles(c, &views, &closing),
            closing_headline: headline,
            closing: closing_rows(c, catalog, &closing, first),
            without_fix,
            charts,
            freshness,
        }))
    })
    .await
}

fn tiles(c: &Frame, views: &Views, closing: &Closing) -> Vec<Tile> {
    let exposures = views.exposures();
    let score = views.scores().all;
    let catalog = views.machines.assessor().catalog();
    let open = exposures.vulnerabilities();
    let exploited = open.keys().filter(|at| {
        let exploit = catalog.vulnerability(**at).exploit.as_ref();
        exploit.is_some_and(|exploit| exploit.exploited)
    });
    let exploited = exploited.count();
    let missing = closing.updates.len();
    let look = |bad: bool| if bad { Look::Bad } else { Look::Good };
    vec![
        Tile {
            figure: c.decimal(score, 1),
            what: c.t("tile-score"),
            href: "/machines?sort=-exposure".to_owned(),
            look: match ExposureLevel::of(score) {
                ExposureLevel::None => Look::Good,
                ExposureLevel::Low => Look::Plain,
                ExposureLevel::Medium => Look::Warning,
                ExposureLevel::High => Look::Bad,
            },
        },
        Tile {
            figure: c.number(missing),
            what: c.t1("tile-missing-updates", "count", missing),
            href: "/updates".to_owned(),
            look: look(missing > 0),
        },
        Tile {
            figure: c.number(open.len()),
            what: c.t1("tile-weaknesses", "count", open.len()),
            href: "/weaknesses?open=here".to_owned(),
            look: look(!open.is_empty()),
        },
        Tile {
            figure: c.number(exploited),
            what: c.t("tile-exploited"),
            href: "/weaknesses?open=here&exploited=yes".to_owned(),
            look: look(exploited > 0),
        },
    ]
}

fn closing_rows(
    c: &Frame,
    catalog: &Catalog,
    closing: &Closing,
    first: &[UpdateClosing],
) -> Vec<ClosingRow> {
    let mut so_far = 0;
    let rows = first.iter().map(|update| {
        let kb = catalog.update(update.update).kb;
        so_far += update.closes;
        ClosingRow {
            kb: kb.to_string(),
            href: Section::Updates.item(&kb.number().to_string()),
            name: catalog.update_name(update.update).to_owned(),
            machines: c.number(update.machines),
            exploited: c.number(update.exploited),
            share: share(c, update.closes, closing.open),
            so_far: share(c, so_far, closing.open),
        }
    });
    rows.collect()
}

/// A part of a whole, in percent: never all of it where something is left.
fn share(c: &Frame, part: u64, whole: u64) -> String {
    let percent = 100.0 * f64_of(part) / f64_of(whole.max(1));
    let percent = if part < whole {
        percent.min(99.9)
    } else {
        percent
    };
    format!("{}%", c.decimal(percent, 1))
}

fn bar(label: String, value: u64, c: &Frame, tone: Tone) -> Bar {
    Bar {
        label,
        value: f64_of(value),
        shown: c.number(value),
        tone,
    }
}

fn states(c: &Frame, standings: &Standings) -> Chart {
    let bars = [
        (Standing::UpToDate, "state-up-to-date", Tone::Good),
        (Standing::Missing, "state-missing", Tone::Bad),
        (Standing::CannotTell, "state-unknown", Tone::Warning),
        (Standing::Inactive, "state-inactive", Tone::Faint),
    ]
    .map(|(standing, label, tone)| bar(c.t(label), standings.count(standing), c, tone));
    charts::bars(&c.t("chart-states"), &c.t("unit-machines"), &bars)
}

/// The charts of missing updates: by severity, by age, and those on top.
fn of_updates(c: &Frame, catalog: &Catalog, closing: &Closing, now: Timestamp) -> [Chart; 4] {
    let updates = &closing.updates;
    let of = |severity: Option<Severity>| {
        let own = updates.iter().filter(|update| update.severity == severity);
        own.count() as u64
    };
    let by_severity = [
        (Some(Severity::Critical), "severity-critical", Tone::Bad),
        (
            Some(Severity::Important),
            "severity-important",
            Tone::Warning,
        ),
        (Some(Severity::Moderate), "severity-moderate", Tone::Warning),
        (Some(Severity::Low), "severity-low", Tone::Plain),
        (None, "severity-unknown", Tone::Faint),
    ]
    .map(|(severity, label, tone)| bar(c.t(label), of(severity), c, tone));
    let today = Day::of_timestamp(now);
    let ages = [30, 90, 365].map(|days| today.plus(-days));
    let bucket = |update: &UpdateClosing| {
        let released = catalog.update(update.update).released;
        ages.iter().filter(|age| released < **age).count()
    };
    let by_age = [
        ("age-month", Tone::Plain),
        ("age-quarter", Tone::Warning),
        ("age-year", Tone::Warning),
        ("age-older", Tone::Bad),
    ];
    let by_age: Vec<Bar> = by_age
        .into_iter()
        .enumerate()
        .map(|(at, (label, tone))| {
            let own = updates.iter().filter(|update| bucket(update) == at);
            bar(c.t(label), own.count() as u64, c, tone)
        })
        .collect();
    let top = |of: fn(&UpdateClosing) -> u64| -> Vec<Bar> {
        let mut top: Vec<&UpdateClosing> = updates.iter().filter(|one| of(one) > 0).collect();
        top.sort_by_key(|update| std::cmp::Reverse(of(update)));
        let top = top.into_iter().take(TOP);
        top.map(|update| {
            let kb = catalog.update(update.update).kb;
            bar(kb.to_string(), of(update), c, Tone::Plain)
        })
        .collect()
    };
    let (unit, machines) = (c.t("unit-updates"), c.t("unit-machines"));
    [
        charts::bars(&c.t("chart-severity"), &unit, &by_severity),
        charts::bars(&c.t("chart-age"), &unit, &by_age),
        charts::bars(&c.t("chart-top"), &machines, &top(|update| update.machines)),
        charts::bars(
            &c.t("chart-exploited"),
            &c.t("unit-cves"),
            &top(|update| update.exploited as u64),
        ),
    ]
}

fn score_line(c: &Frame, scores: &[(Timestamp, f64)]) -> Chart {
    let begin = scores.first().map_or(Timestamp::UNIX_EPOCH, |(at, _)| *at);
    let end = scores.last().map_or(begin, |(at, _)| *at);
    let seconds = |to: Timestamp| f64_of(to.duration_since(begin).as_secs().unsigned_abs());
    let whole = seconds(end).max(1.0);
    // A point a few pixels apart is enough, and keeps the page small.
    let step = scores.len().div_ceil(90).max(1);
    let points = scores.iter().step_by(step).map(|(at, score)| {
        let bar = Bar {
            label: c.moment(*at),
            value: *score,
            shown: c.decimal(*score, 1),
            tone: Tone::Plain,
        };
        (seconds(*at) / whole, bar)
    });
    let points: Vec<(f64, Bar)> = points.collect();
    charts::line(&c.t("chart-score"), &c.t("unit-score"), &points)
}

/// How new everything is, and what of it should alarm.
fn freshness(
    c: &Frame,
    catalog: &Catalog,
    standings: &Standings,
    machines: u64,
    now: Timestamp,
) -> (Vec<String>, Vec<(&'static str, String)>) {
    let (mut alarms, mut facts) = (Vec::new(), Vec::new());
    let documents = catalog.documents().iter();
    let newest = documents.clone().max_by_key(|document| document.released);
    match newest {
        None => alarms.push(c.t("alarm-no-catalogue")),
        Some(newest) => {
            let today = Day::of_timestamp(now);
            if newest.released.plus(CATALOGUE_DAYS) < today {
                let age = now.duration_since(newest.released.midnight()).as_hours() / 24;
                alarms.push(c.t1("alarm-catalogue", "days", age.unsigned_abs()));
            }
            let named = format!("{} ({})", newest.title, c.day(newest.released));
            facts.push(("fresh-catalogue", named));
        }
    }
    if let Some(revised) = documents.map(|document| document.revised).max() {
        facts.push(("fresh-revised", c.day(revised)));
    }
    match standings.newest_report {
        None if machines == 0 => alarms.push(c.t("alarm-no-machines")),
        None => {}
        Some(newest) => {
            let hours = now.duration_since(newest).as_hours();
            if hours >= REPORT_HOURS {
                alarms.push(c.t1("alarm-reports", "hours", hours.unsigned_abs()));
            }
            facts.push(("fresh-report", c.moment(newest)));
        }
    }
    let within = standings.within_a_day;
    let within = format!("{} / {}", c.number(within), c.number(machines));
    facts.push(("fresh-day", within));
    (alarms, facts)
}
