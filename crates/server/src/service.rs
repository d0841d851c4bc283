//! What the routes share.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::{SignedDuration, Timestamp};
use kbgap_assessment::Assessor;
use kbgap_catalog::Texts;
use kbgap_export::{ExportStore, Exporter, SealKey, SealKeys};
use kbgap_fleet::{Ages, Fleet, Snapshot, SoftwareNames};
use kbgap_identity::{Audiences, KeyError, SigningKey, TokenIssuer, Verifier};
use kbgap_odata::edm::SchemaError;
use kbgap_store::{SigningKeyRow, Store, StoreError};
use tokio::sync::Semaphore;

use crate::api::openapi::OpenApi;
use crate::api::{Answers, Documents, Model};
use crate::history::Detection;
use crate::intake::Intake;
use crate::limits::Limits;
use crate::tenant::Tenant;

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
    /// How often a sender may send reports in a minute.
    pub sends_a_minute: NonZeroU32,
    /// How long it is kept which states machines were in.
    pub keep_history: SignedDuration,
    /// How much further back than asked for changes are told: one is written a little after the moment it is of, and a
    /// client's clock may differ. A change told twice does no harm.
    pub delta_overlap: SignedDuration,
    /// After what time without a report a machine is inactive, and after what time it counts no more.
    pub ages: Ages,
    /// Where exports are written: a folder, or the URL of a bucket; in memory where it is not said.
    pub exports: Option<String>,
}

/// What Microsoft publishes, as a service answers by it.
#[derive(Clone)]
pub struct Published {
    /// Assesses by it.
    pub assessor: Arc<Assessor>,
    /// What people read of its vulnerabilities.
    pub texts: Arc<Texts>,
}

impl From<Arc<Assessor>> for Published {
    /// Without texts.
    fn from(assessor: Arc<Assessor>) -> Self {
        Self {
            assessor,
            texts: Arc::default(),
        }
    }
}

/// Everything a request needs: store, fleets by tenant, tokens.
pub struct Service {
    pub(crate) store: Store,
    pub(crate) settings: Settings,
    pub(crate) issuer: TokenIssuer,
    pub(crate) verifier: Verifier,
    /// Bounds how many secrets are checked at once: each takes a core and 19 MiB for a while.
    pub(crate) secret_checks: Semaphore,
    /// Bounds how many senders' reports are taken in at once.
    pub(crate) intake_turns: Arc<Semaphore>,
    pub(crate) limits: Limits,
    pub(crate) answers: Answers,
    /// What the API answers with.
    pub(crate) model: Arc<Model>,
    pub(crate) documents: Documents,
    pub(crate) open_api: OpenApi,
    /// What all pages of the portal share.
    pub(crate) portal: Arc<kbgap_portal::Portal>,
    /// Writes exports as files.
    pub(crate) exports: Exporter,
    /// Seals the links to them.
    pub(crate) seals: SealKeys,
    published: ArcSwap<Published>,
    names: Arc<SoftwareNames>,
    tenants: RwLock<HashMap<Box<str>, Arc<Tenant>>>,
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
    /// The place of exports cannot be opened.
    #[error("exports: {0}")]
    Exports(#[from] kbgap_export::StoreError),
    /// A seal has no version.
    #[error(transparent)]
    Seal(#[from] kbgap_export::BadVersion),
    /// The words of the portal do not hold together.
    #[error(transparent)]
    Portal(#[from] kbgap_portal::PortalError),
    /// The description of the API does not hold together.
    #[error(transparent)]
    Model(#[from] SchemaError),
}

/// How many senders' reports are taken in at once; the others wait.
const INTAKE_TURNS: usize = 8;
/// How long changes are kept: a server that was away for longer reads all machines again.
const KEEP_CHANGES: SignedDuration = SignedDuration::from_hours(2 * 24);
/// How long the states machines were in are kept: half a year, as Defender does.
const KEEP_HISTORY: SignedDuration = SignedDuration::from_hours(180 * 24);
/// How much further back than asked for changes are told.
const DELTA_OVERLAP: SignedDuration = SignedDuration::from_mins(2);
/// How often a sender may send reports, each time as many as it likes.
const SENDS_A_MINUTE: NonZeroU32 = NonZeroU32::new(6_000).unwrap();
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
            keep_history: KEEP_HISTORY,
            delta_overlap: DELTA_OVERLAP,
            sends_a_minute: SENDS_A_MINUTE,
            ages: Ages::default(),
            exports: None,
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
        published: impl Into<Published>,
        names: Arc<SoftwareNames>,
        settings: Settings,
    ) -> Result<Arc<Self>, StartError> {
        let published = published.into();
        let assessor = published.assessor.clone();
        let keys = signing_keys(&store).await?;
        let newest = keys.first().ok_or(KeyError::Generate)?.clone();
        let seals = seals(&store).await?;
        let exports = match &settings.exports {
            Some(place) => ExportStore::open(place, std::iter::empty::<(String, String)>())?,
            None => ExportStore::in_memory(),
        };
        let service = Self {
            issuer: TokenIssuer::new(settings.issuer_url(), newest),
            verifier: Verifier::new(
                settings.issuer_url(),
                keys,
                Audiences::with([settings.issuer_url().to_owned()]),
            ),
            secret_checks: Semaphore::new(SECRET_CHECKS),
            intake_turns: Arc::new(Semaphore::new(INTAKE_TURNS)),
            limits: Limits::a_minute(settings.sends_a_minute),
            answers: Answers::default(),
            model: Arc::new(Model::new()?),
            documents: Documents::default(),
            open_api: OpenApi::default(),
            portal: Arc::new(kbgap_portal::Portal::new()?),
            exports: Exporter::new(exports, kbgap_export::Settings::default()),
            seals,
            published: ArcSwap::from_pointee(published),
            names,
            tenants: RwLock::new(HashMap::new()),
            store,
            settings,
        };
        service.load_tenants(&assessor).await?;
        Ok(Arc::new(service))
    }

    /// Assesses every machine anew, against another catalog. Requests are answered meanwhile, from the one before.
    pub async fn use_catalog(self: &Arc<Self>, published: impl Into<Published>) {
        let published = published.into();
        let assessor = published.assessor.clone();
        self.published.store(Arc::new(published));
        self.on_fleets(move |fleet| {
            if let Err(error) = fleet.use_catalog(&assessor) {
                tracing::error!(%error, "the machines cannot be assessed anew: the catalogue before stays in use");
            }
        })
        .await;
    }

    /// Takes over what other processes wrote to the store; `true` where there was something.
    pub async fn follow(&self) -> Result<bool, StoreError> {
        let mut any = false;
        for tenant in self.tenants() {
            any |= tenant.follow().await?;
        }
        Ok(any)
    }

    /// Writes what was found for states that are new, or are assessed anew, into the history.
    pub async fn record(&self) -> Result<(), StoreError> {
        for tenant in self.tenants() {
            tenant.record().await?;
        }
        Ok(())
    }

    /// Drops exports that are too old.
    pub async fn sweep(&self, now: Timestamp) -> Result<(), kbgap_export::StoreError> {
        let swept = self.exports.sweep(now, kbgap_export::Retention::default());
        let swept = swept.await?;
        tracing::debug!(
            exports = swept.exports,
            files = swept.files,
            "old exports are gone"
        );
        Ok(())
    }

    /// Drops what is kept for a time only: changes that every server has followed long ago, and the history of what
    /// machines were like before.
    pub async fn trim(&self, now: Timestamp) -> Result<(), StoreError> {
        for tenant in self.tenants() {
            self.store
                .trim_changes(tenant.id(), now - KEEP_CHANGES)
                .await?;
            self.store
                .trim_history(tenant.id(), now - self.settings.keep_history)
                .await?;
        }
        Ok(())
    }

    /// What people read of the vulnerabilities of a catalogue, where it is the one in use: while another one is taken into
    /// use, a snapshot may still be of the one before.
    pub(crate) fn texts_of(&self, assessor: &Arc<Assessor>) -> Option<Arc<Texts>> {
        let published = self.published.load();
        Arc::ptr_eq(&published.assessor, assessor).then(|| published.texts.clone())
    }

    /// The machines of a tenant as they are now; `None` where there is no such tenant.
    pub fn machines_of(&self, tenant: &str) -> Option<Arc<Snapshot>> {
        Some(self.served(tenant)?.fleet().snapshot())
    }

    /// Takes in reports of a tenant's machines; `None` where there is no such tenant.
    pub fn intake(&self, tenant: &str) -> Option<Intake> {
        Some(self.served(tenant)?.intake().clone())
    }

    /// What was found on a machine since it is known, each for how long; `None` where there is no such tenant or
    /// machine.
    pub async fn history(
        &self,
        tenant: &str,
        id_or_name: &str,
    ) -> Result<Option<Vec<Detection>>, StoreError> {
        let Some(tenant) = self.served(tenant) else {
            return Ok(None);
        };
        let Some(machine) = tenant.fleet().snapshot().machine(id_or_name) else {
            return Ok(None);
        };
        tenant.history(&machine.id.to_string()).await.map(Some)
    }

    /// Reads the tenants.
    async fn load_tenants(&self, assessor: &Arc<Assessor>) -> Result<(), StoreError> {
        for tenant in self.store.tenants().await? {
            let (names, ages) = (self.names.clone(), self.settings.ages);
            let loaded =
                Tenant::load(&self.store, &tenant.id, assessor.clone(), names, ages).await?;
            let mut tenants = self.tenants.write().unwrap_or_else(PoisonError::into_inner);
            tenants.insert(tenant.id.into(), loaded);
        }
        Ok(())
    }

    /// Lets machines leave the counts that were not seen for too long.
    pub async fn tick(self: &Arc<Self>, now: Timestamp) {
        self.on_fleets(move |fleet| fleet.tick(now)).await;
    }

    /// Does work that takes long on each fleet, beside the requests.
    async fn on_fleets(self: &Arc<Self>, work: impl Fn(&Fleet) + Send + 'static) {
        let service = self.clone();
        let work = tokio::task::spawn_blocking(move || {
            for tenant in service.tenants() {
                work(tenant.fleet());
            }
        });
        if let Err(error) = work.await {
            tracing::error!(%error, "work on the machines failed");
        }
    }

    /// How many machines there are, over all tenants.
    pub fn machines(&self) -> u64 {
        let tenants = self.tenants().into_iter();
        tenants
            .map(|tenant| tenant.fleet().snapshot().figures().machines)
            .sum()
    }

    /// A tenant that is served, by its id.
    pub(crate) fn served(&self, tenant: &str) -> Option<Arc<Tenant>> {
        let tenants = self.tenants.read().unwrap_or_else(PoisonError::into_inner);
        tenants.get(tenant).cloned()
    }

    /// The tenant of an id or a name, as a client wrote it in a path.
    pub(crate) async fn tenant(
        &self,
        id_or_name: &str,
    ) -> Result<Option<kbgap_store::Tenant>, StoreError> {
        let tenants = self.store.tenants().await?;
        Ok(tenants.into_iter().find(|tenant| {
            tenant.id.eq_ignore_ascii_case(id_or_name)
                || tenant.name.eq_ignore_ascii_case(id_or_name)
        }))
    }

    fn tenants(&self) -> Vec<Arc<Tenant>> {
        let tenants = self.tenants.read().unwrap_or_else(PoisonError::into_inner);
        tenants.values().cloned().collect()
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

/// The seals of links: made from the keys that all servers of a store share, so that each honors the links of the others.
async fn seals(store: &Store) -> Result<SealKeys, StartError> {
    const PURPOSE: &str = "kbgap 2026 links to exports";
    let mut seals: Option<SealKeys> = None;
    for row in store.signing_keys().await? {
        let secret = blake3::derive_key(PURPOSE, &row.pkcs8);
        let version = blake3::hash(row.kid.as_bytes()).to_hex();
        let key = SealKey::new(&version[..16], &secret)?;
        seals = Some(match seals {
            None => SealKeys::new(key),
            Some(newer) => newer.with_previous(key),
        });
    }
    seals.ok_or_else(|| KeyError::Generate.into())
}
