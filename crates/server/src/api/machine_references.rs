//! Machines in short, as the lists of others refer to them (API specification, section 2.6).

use std::sync::Arc;

use axum::response::Response;
use kbgap_fleet::{Machine, Snapshot};

use super::ask::Ask;
use super::model::{Group, MachineReference, Model};
use super::respond::{self, Named, PAGE};
use crate::envelope::ApiError;

/// What Defender calls the group of machines that are in none.
const UNASSIGNED: &str = "UnassignedGroup";

/// Answers some machines.
pub(super) fn answer(
    ask: &Ask,
    model: &Model,
    fleet: &Snapshot,
    machines: Vec<Machine>,
) -> Result<Response, ApiError> {
    let rows = machines.into_iter().map(|machine| of(fleet, &machine));
    let rows: Vec<MachineReference> = rows.collect();
    let named = Named::collection_of(&model.machine_reference);
    respond::rows(ask, model, &model.machine_reference, &named, PAGE, &*rows)
}

fn of(fleet: &Snapshot, machine: &Machine) -> MachineReference {
    MachineReference {
        id: machine.id.to_string().into(),
        name: machine.name.as_deref().map(Into::into),
        os_platform: machine
            .windows
            .as_ref()
            .map(|windows| windows.os_platform().into()),
        tags: machine.tags.clone(),
        group: group(fleet, machine),
    }
}

/// The device group of a machine.
pub(super) fn group(fleet: &Snapshot, machine: &Machine) -> Group {
    named(fleet, machine.group.as_ref())
}

/// A device group by its name; groups are numbered in the order of their names, and what is in none is in number 0,
/// which has a name of its own (API specification, section 2.6).
pub(super) fn named(fleet: &Snapshot, name: Option<&Arc<str>>) -> Group {
    let number = name.and_then(|name| fleet.group_number(name));
    Group {
        id: number.unwrap_or_default(),
        name: Some(name.cloned().unwrap_or_else(|| UNASSIGNED.into())),
    }
}
