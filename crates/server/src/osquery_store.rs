//! Where osquery's enroll secrets come from, and where its observations go: the store, and the tenants.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kbgap_inventory::Observation;
use kbgap_store::StoreError;

use crate::intake::Incoming;
use crate::osquery::{
    EnrollSecretRecord, EnrollSecrets, NotTaken, ObservationSink, Taken, Unavailable,
};
use crate::service::Service;

/// When a host comes again, where there is too much to do.
const BUSY: Duration = Duration::from_secs(10);

/// The service, as osquery's routes need it.
#[derive(Clone)]
pub(crate) struct OsqueryStore(pub(crate) Arc<Service>);

impl EnrollSecrets for OsqueryStore {
    async fn find(&self, id: &str) -> Result<Option<EnrollSecretRecord>, Unavailable> {
        let found = self.0.store.enroll_secret(id).await;
        let found = found.map_err(Unavailable::because)?;
        let record = found.map(|secret| {
            let hash = blake3::Hash::from_hex(&secret.secret_hash);
            hash.map(|hash| EnrollSecretRecord {
                id: secret.id.into(),
                tenant: secret.tenant.into(),
                hash,
            })
        });
        record.transpose().map_err(Unavailable::because)
    }
}

impl ObservationSink for OsqueryStore {
    async fn take(&self, tenant: &str, observations: Vec<Observation>) -> Result<Taken, NotTaken> {
        let Ok(_turn) = self.0.intake_turns.clone().try_acquire_owned() else {
            return Err(NotTaken::Busy { retry_after: BUSY });
        };
        let tenant = self.0.served(tenant).ok_or_else(|| {
            NotTaken::Failed(Unavailable::because("the tenant is not served here"))
        })?;
        let batch: Vec<Incoming> = observations.into_iter().map(Into::into).collect();
        let summary = tenant.intake().take(batch).await.map_err(|error| {
            if error.is_temporary() {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "osquery: not stored"
                );
                NotTaken::Busy { retry_after: BUSY }
            } else {
                NotTaken::Failed(Unavailable::because(error))
            }
        })?;
        // Acknowledged is only what is stored: the host sends the rest again.
        if let Some(left) = summary.rejected.first() {
            return Err(NotTaken::Failed(Unavailable::because(left.reason.clone())));
        }
        Ok(Taken {
            changed: summary.new + summary.changed,
            unchanged: summary.unchanged - summary.baseless,
            older: summary.older,
            baseless: summary.baseless,
        })
    }

    async fn last_seen(
        &self,
        tenant: &str,
        machine: &str,
    ) -> Result<Option<Timestamp>, Unavailable> {
        let found = self.0.store.machines_by_id(tenant, &[machine]).await;
        let found: Result<_, StoreError> = found;
        let row = found.map_err(Unavailable::because)?.pop().flatten();
        Ok(row.map(|row| row.last_seen))
    }
}
