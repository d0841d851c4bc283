//! `kbgap serve`: the service, and its taking over of what other commands change.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use kbgap_assessment::Assessor;
use kbgap_catalog::{Catalog, Compiler, Day, Texts};
use kbgap_fleet::SoftwareNames;
use kbgap_server::{DEFAULT_TENANT, Published, Service};
use kbgap_store::Store;
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

use crate::catalog;
use crate::cli::ServeArgs;
use crate::data_dir::{self, DataDir};
use crate::settings::Settings;
use crate::{names, output, setup};

/// How often changes by other commands are looked for.
const LOOK: Duration = Duration::from_millis(250);
/// For how long documents must not have changed before they are compiled: an import changes one after the other, and
/// compiles them itself where it runs beside the server.
const SETTLED: Duration = Duration::from_secs(5);
/// How often it is looked which machines were not seen for too long.
const TICK: SignedDuration = SignedDuration::from_mins(1);
/// How often what is new for the history is written.
const RECORD: Duration = Duration::from_secs(1);
/// How often what is kept for a time only is dropped.
const TRIM: SignedDuration = SignedDuration::from_hours(6);

pub(crate) fn run(args: &ServeArgs, settings: &Settings) -> anyhow::Result<ExitCode> {
    log(args.log_json);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(serve(settings))?;
    Ok(ExitCode::SUCCESS)
}

/// Logs to standard error, as much as `KBGAP_LOG` says.
pub(crate) fn log(json: bool) {
    let filter = EnvFilter::try_from_env("KBGAP_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    if json {
        log.json().init();
    } else {
        log.init();
    }
}

async fn serve(settings: &Settings) -> anyhow::Result<()> {
    let names = SoftwareNames::by_rules(names::rules(settings.software_rules.as_deref())?);
    let data_dir = DataDir::of(settings);
    let store = data_dir.store().await?;
    let source = CatalogFile {
        data_dir: data_dir.clone(),
        as_of: settings.as_of,
    };
    if !source.data_dir.has_catalog() && store.catalog_sequence().await? > 0 {
        source.compile(&store).await?;
    }
    let seen = source.modified();
    let published = source.published(&store).await?;
    let tenant = setup::tenant(&store, DEFAULT_TENANT).await?;
    if let Some(client) = setup::first_client(&store, &tenant).await? {
        output::note(&format!(
            "This is the first start. A client was created:\n{client}"
        ));
    }
    let listener = TcpListener::bind(&settings.listen).await.with_context(|| {
        format!(
            "cannot listen on {}: is another server there?",
            settings.listen
        )
    })?;
    let address = listener.local_addr()?;
    let edge = settings.edge_at(address)?;
    let url = format!("{}://{address}", settings.scheme());
    let service = Service::start(
        store.clone(),
        published,
        Arc::new(names),
        kbgap_server::Settings {
            public_urls: settings.edge.public_urls.clone(),
            trusted_proxies: settings.edge.trusted_proxies.clone(),
            request_timeout: settings.edge.request_timeout,
            rate_limits: settings.edge.rate_limits.clone(),
            exports: Some(settings.exports.clone()),
            keep_audit: SignedDuration::from_hours(i64::from(settings.keep_audit) * 24),
            issuers: settings.tokens.issuers.clone(),
            key_rotation: settings.tokens.key_rotation,
            ..kbgap_server::Settings::at(url.clone())
        },
    )
    .await?;
    tracing::info!(machines = service.machines(), "serving on {url}");
    let following = tokio::spawn(follow(service.clone(), store.clone(), source, seen));
    let upkeep = tokio::spawn(upkeep(service.clone()));
    kbgap_server::serve(service.clone(), listener, edge, stop_signal()).await?;
    following.abort();
    upkeep.abort();
    service.flush_audit().await;
    store.close().await;
    tracing::info!("stopped");
    Ok(())
}

/// Waits until the process is asked to stop.
pub(crate) async fn stop_signal() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    // Where no signal can be waited for, the process runs until it is killed.
    if interrupt.await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// The compiled catalogue as a server uses it.
#[derive(Clone)]
struct CatalogFile {
    data_dir: DataDir,
    as_of: Option<Day>,
}

impl CatalogFile {
    /// Compiles what the database holds, which may have been imported by another machine.
    async fn compile(&self, store: &Store) -> anyhow::Result<()> {
        tracing::info!("compiling the documents of the database");
        let (store, data_dir) = (store.clone(), self.data_dir.clone());
        let runtime = tokio::runtime::Handle::current();
        let compiled = tokio::task::spawn_blocking(move || {
            runtime.block_on(catalog::compile(&store, &data_dir))
        });
        compiled.await??;
        Ok(())
    }

    fn modified(&self) -> Option<SystemTime> {
        std::fs::metadata(self.data_dir.catalog())
            .and_then(|m| m.modified())
            .ok()
    }

    /// The catalogue as of the day in force; an empty one where nothing was imported yet.
    async fn published(&self, store: &Store) -> anyhow::Result<Published> {
        let path = self.data_dir.catalog();
        let (catalog, texts): (Catalog, Texts) = if path.exists() {
            let revisions = match self.as_of {
                Some(day) => catalog::of_revisions_at(store, day).await?,
                None => None,
            };
            if let Some(whole) = revisions {
                whole
            } else {
                let (catalog, texts) = data_dir::read_whole(&path)?;
                (catalog::at(catalog, self.as_of), texts)
            }
        } else {
            tracing::warn!(
                "there is no catalogue yet: run 'kbgap catalog import' or 'kbgap catalog sync'; it is taken over at once"
            );
            Compiler::new().finish()
        };
        Ok(Published {
            assessor: Arc::new(Assessor::new(Arc::new(catalog))),
            texts: Arc::new(texts),
        })
    }
}

/// Takes over what others change: the catalogue, and machines in the store.
async fn follow(
    service: Arc<Service>,
    store: Store,
    source: CatalogFile,
    mut seen: Option<SystemTime>,
) {
    let mut documents = Documents::default();
    loop {
        tokio::time::sleep(LOOK).await;
        if let Err(error) = documents.follow(&store, &source).await {
            tracing::error!(%error, "the documents of the database cannot be compiled");
        }
        let modified = source.modified();
        if modified.is_some() && modified != seen {
            seen = modified;
            match source.published(&store).await {
                Ok(published) => {
                    service.use_catalog(published).await;
                    tracing::info!("another catalogue is in use");
                }
                Err(error) => {
                    tracing::error!(%error, "the new catalogue cannot be used; the old one stays");
                }
            }
        }
        match service.follow().await {
            Ok(true) => tracing::info!(machines = service.machines(), "reports taken over"),
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "the store does not answer"),
        }
    }
}

/// The documents in the database, which others may import.
#[derive(Default)]
struct Documents {
    /// The number of their last change, and when it was first seen.
    last: Option<(i64, Instant)>,
    /// The number they were last compiled of, or were found to be.
    compiled: Option<i64>,
}

impl Documents {
    /// Compiles them where they changed and nobody else does so in this data directory.
    async fn follow(&mut self, store: &Store, source: &CatalogFile) -> anyhow::Result<()> {
        let sequence = store.catalog_sequence().await?;
        if self.compiled == Some(sequence) || sequence == 0 {
            return Ok(());
        }
        let (_, since) = match self.last {
            Some(last) if last.0 == sequence => last,
            _ => *self.last.insert((sequence, Instant::now())),
        };
        if since.elapsed() < SETTLED {
            return Ok(());
        }
        self.compiled = Some(sequence);
        if !source.data_dir.is_compiled_of(sequence) {
            source.compile(store).await?;
        }
        Ok(())
    }
}

/// Lets time pass: writes the history, lets silent machines leave the counts, and drops what is kept for a time only.
async fn upkeep(service: Arc<Service>) {
    let mut ticked = Timestamp::UNIX_EPOCH;
    let mut trimmed = Timestamp::UNIX_EPOCH;
    loop {
        if let Err(error) = service.record().await {
            tracing::error!(%error, "the history cannot be written; it will be later");
        }
        let now = Timestamp::now();
        if let Err(error) = service.follow_keys(now).await {
            tracing::error!(%error, "the keys of tokens cannot be read; those known stay in use");
        }
        if now.duration_since(ticked) >= TICK {
            ticked = now;
            if let Err(error) = service.rotate_keys(now).await {
                tracing::error!(%error, "the keys of tokens cannot be exchanged; they will be later");
            }
            service.tick(now).await;
        }
        if now.duration_since(trimmed) >= TRIM {
            trimmed = now;
            if let Err(error) = service.sweep(now).await {
                tracing::error!(%error, "old exports cannot be dropped; they will be later");
            }
            if let Err(error) = service.trim(now).await {
                tracing::error!(%error, "what is out of date cannot be dropped; it will be later");
            }
        }
        tokio::time::sleep(RECORD).await;
    }
}
