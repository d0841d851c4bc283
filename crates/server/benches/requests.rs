//! `getmissingkbs` of the software that lacks updates on the most machines, over HTTP with a verified token, at ten
//! thousand and at a million machines; beside it, in the same run and with the same load tool, a bare handler of the
//! same web framework that returns the same bytes.
//!
//! The load comes from 'wrk' (Debian's package of that name).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    reason = "a bench"
)]

mod support;

use std::path::Path;
use std::process::Command;

use axum::Router;
use axum::body::Bytes;
use axum::http::header;
use axum::routing::get;
use kbgap_edge::Edge;
use kbgap_server::Settings;
use kbgap_store::Location;
use serde_json::{Value, json};
use support::{TENANT, number};
use tokio::net::TcpListener;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let place = support::Place::new();
    runtime.block_on(run(place.path()));
}

async fn run(place: &Path) {
    assert!(
        Command::new("wrk").arg("-v").output().is_ok(),
        "wrk is not installed: apt-get install wrk"
    );
    let few = number("KBGAP_BENCH_FEW", 10_000);
    let many = number("KBGAP_BENCH_MACHINES", 1_000_000);
    let rounds = number("KBGAP_BENCH_ROUNDS", 5);
    let small = measure(place, few, rounds).await;
    let large = measure(place, many, rounds).await;
    let cost = |figures: &Value| 1.0 / figures["requestsPerSecond"].as_f64().unwrap();
    let growth = cost(&large) / cost(&small);
    for figures in [&small, &large] {
        for (name, value) in figures.as_object().unwrap() {
            println!("  {name:<24} {value}");
        }
        println!();
    }
    println!("a request at {many} machines costs {growth:.3} of one at {few}");
    let growth = (growth * 1000.0).round() / 1000.0;
    println!(
        "{}",
        json!({ "bench": "requests", "few": small, "many": large, "costManyToFew": growth })
    );
}

/// A server on a fleet of some size, and the bare one, by turns.
async fn measure(place: &Path, machines: u32, rounds: u32) -> Value {
    let (catalog, _) = support::catalogs(place);
    let location = Location::Sqlite(place.join(format!("fleet-{machines}.db")));
    let store = support::store(&location).await;
    support::fill(&store, machines).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let service = support::service(
        store.clone(),
        support::assessor(&catalog),
        Settings::at(url.clone()),
    )
    .await;
    let token = support::token(&store, &url, TENANT).await;
    let software = support::largest(&service.machines_of(TENANT).unwrap());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(kbgap_server::serve(
        service,
        listener,
        Edge::default(),
        async {
            let _ = stopped.await;
        },
    ));
    let path = format!("/api/Software/{}/getmissingkbs", software.as_str());
    let client = reqwest::Client::new();
    let answer = client.get(format!("{url}{path}")).bearer_auth(&token);
    let answer = answer.send().await.unwrap().error_for_status().unwrap();
    let body = answer.bytes().await.unwrap();
    let bare = bare(body.clone()).await;
    let (mut own_best, mut bare_best) = (Load::default(), Load::default());
    let mut ratios = Vec::new();
    for _ in 0..rounds {
        let bare = load(&format!("{bare}{path}"), &token).await;
        let own = load(&format!("{url}{path}"), &token).await;
        ratios.push(own.rate / bare.rate);
        own_best.better(own);
        bare_best.better(bare);
    }
    drop(stop);
    server.await.unwrap().unwrap();
    store.close().await;
    ratios.sort_by(f64::total_cmp);
    let round = |number: f64| (number * 1000.0).round() / 1000.0;
    json!({
        "machines": machines, "software": software.as_str(), "bytes": body.len(),
        "requestsPerSecond": own_best.rate.round(), "bareRequestsPerSecond": bare_best.rate.round(),
        "ratio": round(own_best.rate / bare_best.rate), "medianRatio": round(ratios[ratios.len() / 2]),
        "p99Milliseconds": own_best.p99, "bareP99Milliseconds": bare_best.p99,
        "p99Ratio": round(own_best.p99 / bare_best.p99),
    })
}

/// A handler that returns bytes, and nothing around it.
async fn bare(body: Bytes) -> String {
    let answer = move || {
        let body = body.clone();
        async move { ([(header::CONTENT_TYPE, "application/json")], body) }
    };
    let routes = Router::new().route("/api/Software/{id}/getmissingkbs", get(answer));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    url
}

/// What a load tool measured.
#[derive(Debug, Clone, Copy, Default)]
struct Load {
    rate: f64,
    p99: f64,
}

impl Load {
    /// Keeps the higher rate and the shorter time.
    fn better(&mut self, other: Self) {
        let first = self.rate == 0.0;
        self.rate = self.rate.max(other.rate);
        self.p99 = if first {
            other.p99
        } else {
            self.p99.min(other.p99)
        };
    }
}

async fn load(url: &str, token: &str) -> Load {
    let mut wrk = Command::new("wrk");
    wrk.args(["-t1", "-c16", "-d4s", "--latency", "-H"])
        .arg(format!("Authorization: Bearer {token}"))
        .arg(url);
    let output = tokio::task::spawn_blocking(move || wrk.output());
    let output = output.await.unwrap().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains("Non-2xx"), "{text}");
    let after = |label: &str| {
        let line = text
            .lines()
            .find(|line| line.trim_start().starts_with(label));
        let line = line.unwrap_or_else(|| panic!("{text}"));
        line.trim_start()[label.len()..].trim().to_owned()
    };
    let p99 = after("99%");
    let (number, unit) = p99.split_at(p99.find(|c: char| c.is_alphabetic()).unwrap());
    let scale = match unit {
        "us" => 0.001,
        "ms" => 1.0,
        _ => 1000.0,
    };
    Load {
        rate: after("Requests/sec:").parse().unwrap(),
        p99: number.parse::<f64>().unwrap() * scale,
    }
}
