//! What the routes share.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use kbgap_assessment::Assessor;
use kbgap_fleet::Fleet;
use kbgap_identity::{Audiences, KeyError, SigningKey, TokenIssuer, Verifier};
use kbgap_store::{SigningKeyRow, Store, StoreError, Tenant};
use tokio::sync::Semaphore;

use crate::reports;

/// What an operator decides.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The URL clients know the service by, where it is not the one they call.
    pub public_url: Option<String>,
    /// The address listened on, in whose name tokens are issued without a public URL.
    pub local_url: String,
    /// The largest body taken, in bytes.
    pub max_body: usize,
    /// How long a request may take.
    pub request_timeout: Duration,
    /// How many requests are worked on at once.
    pub max_requests: usize,
}

/// Everything a request needs: store, fleets by tenant, tokens.
pub struct Service {
    pub(crate) store: Store,
    pub(crate) settings: Settings,
    pub(crate) issuer: TokenIssuer,
    pub(crate) verifier: Verifier,
    /// Bounds how many secrets are checked at once: each takes a core and 19 MiB for a while.
    pub(crate) secret_checks: Semaphore,
    fleets: RwLock<HashMap<Box<str>, Arc<Fleet>>>,
}

/// Why the service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A signing key fails.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// How many secrets are checked at once.
const SECRET_CHECKS: usize = 2;

impl Settings {
    /// What an operator who decides nothing gets, at the URL listened on.
    pub fn at(local_url: String) -> Self {
        Self {
            public_url: None,
            local_url,
            max_body: 64 << 20,
            request_timeout: Duration::from_mins(1),
            max_requests: 512,
        }
    }

    /// The URL tokens are issued in the name of.
    pub fn issuer_url(&self) -> &str {
        self.public_url.as_deref().unwrap_or(&self.local_url)
    }
}

impl Service {
    /// Reads keys, tenants and reports from the store; a first start makes a signing key.
    pub async fn start(
        store: Store,
        assessor: Arc<Assessor>,
        settings: Settings,
    ) -> Result<Arc<Self>, StartError> {
        let keys = signing_keys(&store).await?;
        let newest = keys.first().ok_or(KeyError::Generate)?.clone();
        let service = Self {
            issuer: TokenIssuer::new(settings.issuer_url(), newest),
            verifier: Verifier::new(
                settings.issuer_url(),
                keys,
                Audiences::with([settings.issuer_url().to_owned()]),
            ),
            secret_checks: Semaphore::new(SECRET_CHECKS),
            fleets: RwLock::new(HashMap::new()),
            store,
            settings,
        };
        for tenant in service.store.tenants().await? {
            let fleet = Arc::new(Fleet::new(assessor.clone()));
            service.read_reports(&tenant.id, &fleet).await?;
            let mut fleets = service
                .fleets
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            fleets.insert(tenant.id.into(), fleet);
        }
        Ok(Arc::new(service))
    }

    /// Assesses every machine anew, against another catalog.
    pub fn use_catalog(&self, assessor: &Arc<Assessor>) {
        for (_, fleet) in self.fleets() {
            fleet.use_catalog(assessor.clone());
        }
    }

    /// Reads every report again, after another process wrote to the store.
    pub async fn read_again(&self) -> Result<(), StoreError> {
        for (tenant, fleet) in self.fleets() {
            self.read_reports(&tenant, &fleet).await?;
        }
        Ok(())
    }

    /// How many machines there are, over all tenants.
    pub fn machines(&self) -> usize {
        self.fleets().iter().map(|(_, fleet)| fleet.len()).sum()
    }

    /// The fleet of a tenant.
    pub(crate) fn fleet(&self, tenant: &str) -> Option<Arc<Fleet>> {
        let fleets = self.fleets.read().unwrap_or_else(PoisonError::into_inner);
        fleets.get(tenant).cloned()
    }

    /// The tenant of an id or a name, as a client wrote it in a path.
    pub(crate) async fn tenant(&self, id_or_name: &str) -> Result<Option<Tenant>, StoreError> {
        let tenants = self.store.tenants().await?;
        Ok(tenants.into_iter().find(|tenant| {
            tenant.id.eq_ignore_ascii_case(id_or_name)
                || tenant.name.eq_ignore_ascii_case(id_or_name)
        }))
    }

    fn fleets(&self) -> Vec<(Box<str>, Arc<Fleet>)> {
        let fleets = self.fleets.read().unwrap_or_else(PoisonError::into_inner);
        let fleets = fleets.iter();
        fleets
            .map(|(id, fleet)| (id.clone(), fleet.clone()))
            .collect()
    }

    async fn read_reports(&self, tenant: &str, fleet: &Fleet) -> Result<(), StoreError> {
        let mut after: Option<String> = None;
        loop {
            let page = self.store.reports_after(tenant, after.as_deref()).await?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = Some(last.machine.clone());
            for stored in &page {
                match reports::read(stored) {
                    Ok(report) => {
                        if let Ok(machine) = reports::machine(&report) {
                            fleet.put(machine);
                        }
                    }
                    Err(error) => {
                        tracing::error!(machine = %stored.machine, %error, "a stored report is damaged and left out");
                    }
                }
            }
        }
    }
}

async fn signing_keys(store: &Store) -> Result<Vec<SigningKey>, StartError> {
    let mut rows = store.signing_keys().await?;
    if rows.is_empty() {
        let key = SigningKey::generate()?;
        let row = SigningKeyRow {
            kid: key.kid().to_owned(),
            pkcs8: key.pkcs8().to_vec(),
            created_at: Timestamp::now(),
        };
        store.put_signing_key(&row).await?;
        rows.push(row);
    }
    let keys = rows.iter().map(|row| SigningKey::from_pkcs8(&row.pkcs8));
    Ok(keys.collect::<Result<_, _>>()?)
}
