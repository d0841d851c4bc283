//! Lists of machines. They are never gone through as a whole: a page costs the same however many there are.

use std::ops::ControlFlow;
use std::sync::Arc;

use axum::response::Response;
use jiff::Timestamp;
use kbgap_fleet::{Machine, MachineOrder, MachinePage, Selection, Standing};
use kbgap_portal::{ApiCall, Asked, Cell, Choice, Column, Filter, Frame, Look, Section, Table};

use super::answer::{self, File};
use super::reader::Reader;
use crate::api::Views;

/// How many groups and tags there are to choose from.
const CHOICES: usize = 200;
/// How many machines are written at once into a file.
const PIECE: usize = 5_000;

/// What is listed: machines, and the route of the API that gives them.
struct Listed {
    selection: Option<Selection>,
    search: String,
    order: (MachineOrder, bool),
}

/// The page asked for of some machines; or all of them as a file.
pub(super) fn of(
    reader: &Reader,
    views: &Arc<Views>,
    machines: Selection,
    caption: String,
    path: &str,
    api: &str,
) -> ControlFlow<Response, Table> {
    table(reader, views, Some(machines), caption, path, api)
}

/// The same of every machine.
pub(super) fn all(
    reader: &Reader,
    views: &Arc<Views>,
    caption: String,
    path: &str,
) -> ControlFlow<Response, Table> {
    table(reader, views, None, caption, path, "/api/machines")
}

fn table(
    reader: &Reader,
    views: &Arc<Views>,
    machines: Option<Selection>,
    caption: String,
    path: &str,
    api: &str,
) -> ControlFlow<Response, Table> {
    let (c, asked) = (&reader.frame, &reader.asked);
    let now = Timestamp::now();
    let is_all = machines.is_none();
    let (key, order, descending) = order(asked);
    let listed = Listed {
        selection: narrowed(views, asked, machines, now),
        search: asked.search.clone(),
        order: (order, descending),
    };
    if let Some(download) = reader.download() {
        let views = views.clone();
        let mut file = File::new(download, columns());
        return ControlFlow::Break(answer::streamed(path, download, move |send| {
            let mut skip = 0;
            loop {
                let page = listed.page(&views, skip, PIECE);
                let read = page.machines.len();
                let rows: Vec<Vec<Cell>> = page
                    .machines
                    .iter()
                    .map(|machine| row(&views, machine, now))
                    .collect();
                let mut body = Vec::new();
                if !rows.is_empty() {
                    file.write(&mut body, &rows);
                }
                skip += read;
                let is_last = read < PIECE;
                if is_last {
                    file.end(&mut body);
                }
                if !send(body) || is_last {
                    return;
                }
            }
        }));
    }
    let skip = usize::try_from(asked.page * Table::PAGE).unwrap_or(usize::MAX);
    #[expect(clippy::cast_possible_truncation, reason = "a page is some rows")]
    let page = listed.page(views, skip, Table::PAGE as usize);
    let rows = page.machines.iter();
    ControlFlow::Continue(Table {
        caption,
        path: path.to_owned(),
        asked: asked.clone(),
        columns: columns(),
        order: Some((
            if listed.search.is_empty() {
                key
            } else {
                "computerDnsName"
            },
            descending,
        )),
        filters: filters(c, views),
        search: Some(c.t("machines-search")),
        rows: rows.map(|machine| row(views, machine, now)).collect(),
        total: page.total,
        api: api_call(api, asked, is_all),
    })
}

impl Listed {
    fn page(&self, views: &Views, skip: usize, count: usize) -> MachinePage {
        let fleet = &views.machines;
        let selection = self.selection.as_ref();
        let (order, descending) = self.order;
        if self.search.is_empty() {
            return fleet.machines_of_page(selection, order, descending, skip, count);
        }
        let page = fleet.machines_named(&self.search, selection, descending, skip, count);
        if page.total > 0 {
            return page;
        }
        // No name begins so: it may be an id.
        let found = fleet.machine(&self.search);
        let among = |machine: &Machine| {
            let of_it = fleet.selection_of(&machine.id);
            selection.is_none_or(|selection| !of_it.among(selection).is_empty())
        };
        let found: Vec<Machine> = found.into_iter().filter(among).collect();
        let total = found.len() as u64;
        MachinePage {
            machines: found.into_iter().skip(skip).take(count).collect(),
            total,
        }
    }
}

/// The order asked for: of names, unless told.
fn order(asked: &Asked) -> (&'static str, MachineOrder, bool) {
    let (key, descending) = asked
        .order
        .as_ref()
        .map_or(("", false), |(key, descending)| (key.as_str(), *descending));
    match key {
        "lastSeen" => ("lastSeen", MachineOrder::LastSeen, descending),
        "exposure" => ("exposure", MachineOrder::Exposure, descending),
        "computerDnsName" => ("computerDnsName", MachineOrder::Name, descending),
        _ => ("computerDnsName", MachineOrder::Name, false),
    }
}

/// What the filters leave of some machines, or of all.
fn narrowed(
    views: &Views,
    asked: &Asked,
    machines: Option<Selection>,
    now: Timestamp,
) -> Option<Selection> {
    let fleet = &views.machines;
    let state = asked.value("state").and_then(standing_of);
    let filters = [
        state.map(|standing| fleet.standing_so(standing, now)),
        asked.value("os").map(|name| fleet.on_platform(name)),
        asked.value("group").map(|name| fleet.in_group(name)),
        asked.value("tag").map(|name| fleet.tagged(name)),
    ];
    let mut all = machines.into_iter().chain(filters.into_iter().flatten());
    let first = all.next()?;
    Some(all.fold(first, |selection, filter| selection.among(&filter)))
}

fn columns() -> Vec<Column> {
    let column = |key, label, numeric, sortable| Column {
        key,
        label,
        numeric,
        sortable,
    };
    vec![
        column("computerDnsName", "col-machine", false, true),
        column("state", "col-state", false, false),
        column("osPlatform", "col-os", false, false),
        column("osBuild", "col-build", false, false),
        column("rbacGroupName", "col-group", false, false),
        column("machineTags", "col-tags", false, false),
        column("exposure", "col-exposure", true, true),
        column("lastSeen", "col-last-seen", false, true),
        column("id", "fact-id", false, false),
    ]
}

fn row(views: &Views, machine: &Machine, now: Timestamp) -> Vec<Cell> {
    let fleet = &views.machines;
    let windows = machine.windows.as_ref();
    let id = machine.id.to_string();
    let name = machine.name.as_deref().unwrap_or(&id);
    let build = windows.and_then(kbgap_fleet::WindowsFacts::build);
    vec![
        Cell::link(name, Section::Machines.item(&id)),
        fleet
            .standing(&machine.id, now)
            .map_or(Cell::Nothing, standing),
        Cell::text(windows.map(kbgap_fleet::WindowsFacts::os_platform)),
        Cell::text(build.map(|build| build.to_string())),
        Cell::text(machine.group.as_deref()),
        Cell::List(machine.tags.iter().map(ToString::to_string).collect()),
        fleet
            .score_of_machine(&machine.id)
            .map_or(Cell::Nothing, |score| Cell::Decimal(score, 1)),
        Cell::Moment(machine.last_seen),
        Cell::Text(id),
    ]
}

/// A standing in words.
pub(super) fn standing(standing: Standing) -> Cell {
    let (value, label, look) = match standing {
        Standing::UpToDate => ("upToDate", "state-up-to-date", Look::Good),
        Standing::Missing => ("missing", "state-missing", Look::Bad),
        Standing::CannotTell => ("cannotTell", "state-unknown", Look::Warning),
        Standing::Inactive => ("inactive", "state-inactive", Look::Plain),
    };
    Cell::Word { value, label, look }
}

fn standing_of(value: &str) -> Option<Standing> {
    let mut all = Standing::ALL.into_iter();
    all.find(|one| matches!(standing(*one), Cell::Word { value: own, .. } if own == value))
}

fn filters(c: &Frame, views: &Views) -> Vec<Filter> {
    let states = Standing::ALL
        .into_iter()
        .filter_map(|one| match standing(one) {
            Cell::Word { value, label, .. } => Some(Choice {
                value: value.to_owned(),
                text: c.t(label),
            }),
            _ => None,
        });
    let plain = |name: &str| Choice {
        value: name.to_owned(),
        text: name.to_owned(),
    };
    let fleet = &views.machines;
    let (groups, tags) = (fleet.groups(), fleet.tags());
    let named = |names: Vec<&Arc<str>>| -> Vec<Choice> {
        names
            .into_iter()
            .take(CHOICES)
            .map(|name| plain(name))
            .collect()
    };
    [
        ("state", "filter-state", states.collect()),
        (
            "os",
            "filter-os",
            fleet.platforms().into_iter().map(plain).collect(),
        ),
        ("group", "filter-group", named(groups.keys().collect())),
        ("tag", "filter-tag", named(tags.keys().collect())),
    ]
    .map(|(key, label, choices): (&str, &str, Vec<Choice>)| Filter {
        key,
        label,
        choices,
    })
    .into_iter()
    .filter(|filter| !filter.choices.is_empty())
    .collect()
}

/// The API's call: machines can be narrowed there by most of this, references to machines by nothing.
fn api_call(route: &str, asked: &Asked, is_all: bool) -> ApiCall {
    let quoted = |text: &str| text.replace('\'', "''");
    let mut conditions: Vec<String> = Vec::new();
    if let Some(os) = asked.value("os") {
        conditions.push(format!("osPlatform eq '{}'", quoted(os)));
    }
    if let Some(tag) = asked.value("tag") {
        conditions.push(format!("machineTags/any(tag: tag eq '{}')", quoted(tag)));
    }
    let unknown = ["state", "group"];
    let other = unknown.iter().any(|name| asked.value(name).is_some());
    let exact = if is_all {
        !other && asked.search.is_empty()
    } else {
        !other && asked.search.is_empty() && conditions.is_empty()
    };
    let url = if is_all && !conditions.is_empty() {
        format!("GET {route}?$filter={}", conditions.join(" and "))
    } else {
        format!("GET {route}")
    };
    ApiCall { url, exact }
}
