//! `kbgap demo`: the main job, with facts of spring 2020 and a synthetic fleet.
//!
//! Nothing is imported and nothing is left behind: the store lives in a temporary folder.

mod facts;
mod fleet;
mod write;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use kbgap_assessment::Assessor;
use kbgap_catalog::Compiler;
use kbgap_edge::Edge;
use kbgap_fleet::SoftwareNames;
use kbgap_inventory::Observation;
use kbgap_server::{DEFAULT_TENANT, Incoming, Intake, Published, Service, Settings};
use kbgap_store::Store;
use tokio::net::TcpListener;

use crate::cli::{DemoArgs, TokenArgs};
use crate::data_dir::DataDir;
use crate::{names, output, serve, setup, token};
use fleet::Machines;

/// How many reports are stored together.
const BATCH: usize = 1000;

pub(crate) fn run(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    let machines = Machines::new(args.machines, args.seed)?;
    if let Some(file) = &args.write {
        write::reports(&machines, file)?;
        return Ok(ExitCode::SUCCESS);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(demonstrate(args, &machines))?;
    Ok(ExitCode::SUCCESS)
}

async fn demonstrate(args: &DemoArgs, machines: &Machines) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("no temporary folder can be made")?;
    let store = DataDir::new(folder.path()).store().await?;

    let mut compiler = Compiler::new();
    for document in facts::documents()? {
        compiler.add(document);
    }
    compiler.add_history(facts::history()?);
    let (catalog, texts) = compiler.finish();

    let tenant = setup::tenant(&store, DEFAULT_TENANT).await?;
    let machine_count = import(&store, &tenant.id, machines).await?;
    let client = setup::first_client(&store, &tenant)
        .await?
        .context("a new store has a client already")?;

    let listener = TcpListener::bind(&args.at)
        .await
        .with_context(|| format!("cannot listen on {}: choose another --at", args.at))?;
    let url = format!("http://{}", listener.local_addr()?);
    let published = Published {
        assessor: Arc::new(Assessor::new(Arc::new(catalog))),
        texts: Arc::new(texts),
    };
    let settings = Settings::at(url.clone());
    let service = Service::start(
        store,
        published,
        Arc::new(SoftwareNames::by_rules(names::rules(None)?)),
        settings,
    )
    .await?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(kbgap_server::serve(
        service,
        listener,
        Edge::default(),
        async move {
            tokio::select! {
                () = serve::stop_signal() => {}
                _ = stopped => {}
            }
        },
    ));

    let token = token::fetch(
        &url,
        &tenant.id,
        &TokenArgs {
            url: None,
            client_id: client.client.clone(),
            client_secret: client.secret.expose().to_owned(),
        },
        None,
    )
    .await?;
    let path = "/api/Software/microsoft-_-edge/getmissingkbs";
    if args.once {
        let answer = ask(&format!("{url}{path}"), &token).await?;
        writeln!(io::stdout().lock(), "{answer}")?;
        drop(stop);
    } else {
        let example = machines.example().unwrap_or_default();
        introduce(&url, path, &token, &client, machine_count, &example)?;
    }
    server.await??;
    Ok(())
}

/// Stores the machines' reports; how many were taken.
async fn import(store: &Store, tenant: &str, machines: &Machines) -> anyhow::Result<usize> {
    let bar = output::progress(machines.len(), "machines");
    let intake = Intake::without_fleet(store.clone(), tenant);
    let mut reports = machines.reports_of_today();
    let mut taken = 0;
    loop {
        let batch: Vec<Incoming> = reports
            .by_ref()
            .take(BATCH)
            .map(|report| Observation::from(report).into())
            .collect();
        if batch.is_empty() {
            break;
        }
        let count = batch.len();
        taken += intake.take(batch).await?.taken();
        bar.inc(count as u64);
    }
    bar.finish_and_clear();
    Ok(taken)
}

async fn ask(url: &str, token: &str) -> anyhow::Result<String> {
    let request = reqwest::Client::new().get(url).bearer_auth(token);
    let answer = request.send().await?.error_for_status()?;
    Ok(answer.text().await?)
}

fn introduce(
    url: &str,
    path: &str,
    token: &str,
    client: &setup::NewClient,
    machines: usize,
    example: &str,
) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "kbgap serves {machines} synthetic machines of spring 2020 at {url}"
    )?;
    writeln!(
        out,
        "\nWhich updates are missing for Microsoft Edge, and on how many machines?\n"
    )?;
    writeln!(
        out,
        "  curl -s -H 'Authorization: Bearer {token}' '{url}{path}'"
    )?;
    writeln!(out, "\nAnd on one machine?\n")?;
    writeln!(
        out,
        "  curl -s -H 'Authorization: Bearer {token}' '{url}/api/machines/{example}/getmissingkbs'"
    )?;
    writeln!(
        out,
        "\nClients of your own get their tokens with:\n\n{client}\n"
    )?;
    writeln!(out, "Ctrl-C ends the demonstration; nothing stays behind.")?;
    out.flush()
}
