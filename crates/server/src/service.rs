//! What the routes share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::{SignedDuration, Timestamp};
use kbgap_assessment::Assessor;
use kbgap_catalog::Texts;
use kbgap_export::{ExportStore, Exporter, SealKeys};
use kbgap_fleet::{Ages, Fleet, Snapshot, SoftwareNames};
use kbgap_identity::{Audiences, KeyError, RotationPolicy, TokenIssuer, Verifier};
use kbgap_odata::edm::SchemaError;
use kbgap_store::{Store, StoreError};
use tokio::sync::Semaphore;

use crate::api::openapi::OpenApi;
use crate::api::{Answers, Documents, Model, remediation_tasks};
use crate::audit::AuditLog;
use crate::front::{PublicUrl, TrustedProxies};
use crate::intake::Intake;
use crate::issuers::{self, BadIssuer, FetchError, IssuerSettings, Issuers};
use crate::limits::{Limits, RateLimits};
use crate::signing_keys::{self, Ring};
use crate::tenant::Tenant;

/// What an operator decides.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The URLs clients know the service by, where it is not whichever they call; tokens are issued in the name of the
    /// first one.
    pub public_urls: Vec<PublicUrl>,
    /// The proxies whose word is taken for where a request came from.
    pub trusted_proxies: TrustedProxies,
    /// The address listened on, in whose name tokens are issued without a public URL.
    pub local_url: String,
    /// The largest body taken, in bytes.
    pub max_body: usize,
    /// How long a request may take.
    pub request_timeout: Duration,
    /// How many requests are worked on at once.
    pub max_requests: usize,
    /// How many requests each may make.
    pub rate_limits: RateLimits,
    /// How long it is kept which states machines were in.
    pub keep_history: SignedDuration,
    /// How long the audit trail is kept.
    pub keep_audit: SignedDuration,
    /// How much further back than asked for changes are told: one is written a little after the moment it is of, and a
    /// client's clock may differ. A change told twice does no harm.
    pub delta_overlap: SignedDuration,
    /// After what time without a report a machine is inactive, and after what time it counts no more.
    pub ages: Ages,
    /// Where exports are written: a folder, or the URL of a bucket; in memory where it is not said.
    pub exports: Option<String>,
    /// The foreign issuers whose tokens are accepted.
    pub issuers: Vec<IssuerSettings>,
    /// How often the keys of tokens issued here are exchanged.
    pub key_rotation: RotationPolicy,
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
    pub(crate) verifier: Arc<Verifier>,
    pub(crate) issuers: Issuers,
    /// Bounds how many secrets are checked at once: each takes a core and 19 MiB for a while.
    pub(crate) secret_checks: Semaphore,
    /// Bounds how many senders' reports are taken in at once.
    pub(crate) intake_turns: Arc<Semaphore>,
    pub(crate) limits: Limits,
    pub(crate) audit: AuditLog,
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
    seals: ArcSwap<SealKeys>,
    /// The keys of tokens issued here, as they were read last.
    ring: Mutex<Arc<Ring>>,
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
    /// A foreign issuer is described wrongly.
    #[error(transparent)]
    Issuer(#[from] BadIssuer),
    /// Foreign issuers cannot be asked.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The words of the portal do not hold together.
    #[error(transparent)]
    Portal(#[from] kbgap_portal::PortalError),
    /// The description of the API does not hold together.
    #[error(transparent)]
    Model(#[from] SchemaError),
}

/// The name of the tenant for those who never need two.
pub const DEFAULT_TENANT: &str = "default";
/// How many senders' reports are taken in at once; the others wait.
const INTAKE_TURNS: usize = 8;
/// How long changes are kept: a server that was away for longer reads all machines again.
const KEEP_CHANGES: SignedDuration = SignedDuration::from_hours(2 * 24);
/// How long the states machines were in are kept: half a year, as Defender does.
const KEEP_HISTORY: SignedDuration = SignedDuration::from_hours(180 * 24);
/// How long the audit trail is kept: somewhat over a year.
const KEEP_AUDIT: SignedDuration = SignedDuration::from_hours(400 * 24);
/// How long scores are kept: two years.
const KEEP_SCORES: SignedDuration = SignedDuration::from_hours(2 * 365 * 24);
/// How much further back than asked for changes are told.
const DELTA_OVERLAP: SignedDuration = SignedDuration::from_mins(2);
/// How many secrets are checked at once.
const SECRET_CHECKS: usize = 2;

impl Settings {
    /// What an operator who decides nothing gets, at the URL listened on.
    pub fn at(local_url: String) -> Self {
        Self {
            public_urls: Vec::new(),
            trusted_proxies: TrustedProxies::default(),
            local_url,
            max_body: 64 << 20,
            request_timeout: Duration::from_mins(1),
            max_requests: 512,
            keep_history: KEEP_HISTORY,
            keep_audit: KEEP_AUDIT,
            rate_limits: RateLimits::default(),
            delta_overlap: DELTA_OVERLAP,
            ages: Ages::default(),
            exports: None,
            issuers: Vec::new(),
            key_rotation: RotationPolicy::default(),
        }
    }

    /// The URLs the service is known by.
    fn urls(&self) -> Vec<String> {
        match &*self.public_urls {
            [] => vec![self.local_url.clone()],
            urls => urls.iter().map(|url| url.text().to_owned()).collect(),
        }
    }

    /// The URL tokens are issued in the name of.
    pub fn issuer_url(&self) -> &str {
        let public = self.public_urls.first();
        public.map_or(&self.local_url, PublicUrl::text)
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
        let ring = Ring::first(&store, Timestamp::now()).await?;
        let verifier = Arc::new(Verifier::new(
            settings.issuer_url(),
            ring.verifying(),
            Audiences::with(settings.urls()),
        ));
        let foreign = issuers::configured(&settings.issuers, settings.issuer_url())?;
        let exports = match &settings.exports {
            Some(place) => ExportStore::open(place, std::iter::empty::<(String, String)>())?,
            None => ExportStore::in_memory(),
        };
        let service = Self {
            issuer: TokenIssuer::new(settings.issuer_url(), ring.signing()?),
            issuers: Issuers::start(foreign, &store, &verifier)?,
            verifier,
            secret_checks: Semaphore::new(SECRET_CHECKS),
            intake_turns: Arc::new(Semaphore::new(INTAKE_TURNS)),
            limits: Limits::new(&settings.rate_limits),
            audit: AuditLog::start(store.clone()),
            answers: Answers::default(),
            model: Arc::new(Model::new()?),
            documents: Documents::default(),
            open_api: OpenApi::default(),
            portal: Arc::new(kbgap_portal::Portal::new()?),
            exports: Exporter::new(exports, kbgap_export::Settings::default()),
            seals: ArcSwap::from_pointee(ring.seals()?),
            ring: Mutex::new(Arc::new(ring)),
            published: ArcSwap::from_pointee(published),
            names,
            tenants: RwLock::new(HashMap::new()),
            store,
            settings,
        };
        service.load_tenants().await?;
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

    /// Takes over what other processes wrote to the store, new tenants too; `true` where there was something.
    pub async fn follow(&self) -> Result<bool, StoreError> {
        let mut any = self.load_tenants().await?;
        for tenant in self.tenants() {
            any |= tenant.follow().await?;
        }
        Ok(any)
    }

    /// Uses the keys of tokens that are to be used by now: others may have been made, and each has its time.
    pub async fn follow_keys(&self, now: Timestamp) -> Result<(), StartError> {
        let known = self.ring().clone();
        if let Some(ring) = known.newer(&self.store, now).await? {
            // Verified before it signs: other servers are as far, or will be in a moment.
            self.verifier.use_keys(ring.verifying());
            self.seals.store(Arc::new(ring.seals()?));
            self.issuer.use_key(ring.signing()?);
            *self.ring() = Arc::new(ring);
        }
        Ok(())
    }

    /// Exchanges the keys of tokens, where it is time.
    pub async fn rotate_keys(&self, now: Timestamp) -> Result<(), StartError> {
        signing_keys::rotate(&self.store, &self.settings.key_rotation, now).await
    }

    fn ring(&self) -> std::sync::MutexGuard<'_, Arc<Ring>> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The seals of links to exports.
    pub(crate) fn seals(&self) -> SealKeys {
        SealKeys::clone(&self.seals.load())
    }

    /// Writes what was found for states that are new, or are assessed anew, into the history.
    pub async fn record(&self) -> Result<(), StoreError> {
        for tenant in self.tenants() {
            tenant.record().await?;
        }
        Ok(())
    }

    /// Keeps the exposure scores of all machines and of each device group, where they changed: one an hour.
    pub async fn keep_scores(&self, now: Timestamp) -> Result<(), StoreError> {
        for tenant in self.tenants() {
            tenant.keep_scores(now).await?;
        }
        Ok(())
    }

    /// Completes the remediation tasks that are done on every machine they are about.
    pub async fn complete_tasks(&self, now: Timestamp) -> Result<(), StoreError> {
        for tenant in self.tenants() {
            let fleet = tenant.fleet().snapshot();
            remediation_tasks::complete_done(&self.store, tenant.id(), fleet, now).await?;
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

    /// Drops what is kept for a time only: changes that every server has followed long ago, the history of what machines
    /// were like before, assertions that are out of date, and the audit trail.
    pub async fn trim(&self, now: Timestamp) -> Result<(), StoreError> {
        for tenant in self.tenants() {
            self.store
                .trim_changes(tenant.id(), now - KEEP_CHANGES)
                .await?;
            self.store
                .trim_history(tenant.id(), now - self.settings.keep_history)
                .await?;
            self.store
                .trim_scores(tenant.id(), now - KEEP_SCORES)
                .await?;
        }
        self.store.trim_sign_ins(now).await?;
        self.store.trim_assertions(now).await?;
        let keep_audit = now - self.settings.keep_audit;
        self.store.trim_audit(keep_audit).await
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

    /// Reads the tenants that are not served yet; `true` where there were any.
    async fn load_tenants(&self) -> Result<bool, StoreError> {
        let mut any = false;
        for tenant in self.store.tenants().await? {
            if self.served(&tenant.id).is_some() {
                continue;
            }
            let (names, ages) = (self.names.clone(), self.settings.ages);
            let assessor = self.published.load().assessor.clone();
            let loaded = Tenant::load(&self.store, &tenant.id, assessor, names, ages).await?;
            let mut tenants = self.tenants.write().unwrap_or_else(PoisonError::into_inner);
            tenants.insert(tenant.id.into(), loaded);
            any = true;
        }
        Ok(any)
    }

    /// Waits until what was recorded for the audit trail is written: before the store is closed.
    pub async fn flush_audit(&self) {
        self.audit.flush().await;
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

    /// The tenant of an id or a name, as a client wrote it in a path. Clients that know none write `common` or
    /// `organizations`, which is the default one.
    pub(crate) async fn tenant(
        &self,
        id_or_name: &str,
    ) -> Result<Option<kbgap_store::Tenant>, StoreError> {
        let any = ["common", "organizations"];
        let any = any.iter().any(|any| any.eq_ignore_ascii_case(id_or_name));
        let wanted = if any { DEFAULT_TENANT } else { id_or_name };
        let tenants = self.store.tenants().await?;
        Ok(tenants.into_iter().find(|tenant| tenant.is(wanted)))
    }

    fn tenants(&self) -> Vec<Arc<Tenant>> {
        let tenants = self.tenants.read().unwrap_or_else(PoisonError::into_inner);
        tenants.values().cloned().collect()
    }
}
