//! Takes over what earlier versions stored of machines.

use kbgap_inventory::{MachineReport, Observation};
use kbgap_store::{FormerReport, Store, StoreError};

use crate::intake::{Incoming, Intake};

/// Takes the reports that earlier versions stored in like any others, and removes them where they were. Stopped in
/// between, it goes on at the next start. What cannot be read stays, and is named.
pub(crate) async fn take_over(store: &Store, tenant: &str) -> Result<(), StoreError> {
    let mut after = String::new();
    let mut all = 0;
    loop {
        let page = store.former_reports(tenant, &after).await?;
        let Some(last) = page.last() else {
            break;
        };
        after.clone_from(&last.machine);
        let read = page.iter().filter_map(observation);
        let (machines, batch): (Vec<&str>, Vec<Incoming>) = read.unzip();
        let intake = Intake::without_fleet(store.clone(), tenant);
        let summary = intake.take(batch).await?;
        let left = |at: usize| summary.rejected.iter().any(|left| left.index == at);
        let taken = machines.iter().enumerate().filter(|(at, _)| !left(*at));
        let taken: Vec<&str> = taken.map(|(_, machine)| *machine).collect();
        for left in &summary.rejected {
            let (machine, reason) = (machines[left.index], &left.reason);
            tracing::error!(machine, %reason, "a report of an earlier version stays where it is");
        }
        store.remove_former_reports(tenant, &taken).await?;
        all += taken.len();
    }
    if all > 0 {
        tracing::info!(
            tenant,
            machines = all,
            "the reports of an earlier version are taken over"
        );
    }
    Ok(())
}

fn observation(former: &FormerReport) -> Option<(&str, Incoming)> {
    let machine = former.machine.as_str();
    match serde_json::from_slice::<MachineReport>(&former.body) {
        Ok(report) => {
            let whole = Observation::Whole(MachineReport {
                id: Some(machine.into()),
                reported_at: Some(former.reported_at),
                ..report
            });
            Some((machine, whole.into()))
        }
        Err(error) => {
            tracing::error!(machine, %error, "a report of an earlier version is damaged and stays where it is");
            None
        }
    }
}
