//! One tenant asks for five times what it may; ten others ask for what they may. How long the others wait at most (p99),
//! beside it and alone: by turns in the same run, by the same clients. The limits are Defender's.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a bench"
)]

mod support;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kbgap_edge::Edge;
use kbgap_fleet::SoftwareNames;
use kbgap_inventory::SoftwareRules;
use kbgap_server::{Intake, RateLimits, Service, Settings};
use kbgap_store::{Location, Store, Tenant};
use serde_json::{Value, json};
use support::{TENANT, number};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// How many tenants there are beside the one that asks for too much.
const OTHERS: u32 = 10;
/// By how much that one asks for more than it may.
const EXCESS: f64 = 5.0;
/// What the others ask for of what they may.
const MODERATE: f64 = 0.9;

/// A path, and how many requests a minute of its kind Defender allows.
type Kind = (&'static str, f64);

const GREEDY: [Kind; 4] = [
    ("/api/machines?$top=2000", 100.0),
    ("/api/vulnerabilities?$top=2000", 100.0),
    (
        "/api/machines/SoftwareVulnerabilitiesByMachine?pageSize=5000",
        30.0,
    ),
    ("/api/machines/SoftwareVulnerabilitiesExport", 5.0),
];
const MODEST: [Kind; 2] = [
    ("/api/machines?$top=100", 100.0),
    ("/api/Software/microsoft-_-windows_11/getmissingkbs", 100.0),
];

fn main() {
    let runtime = || {
        tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    let (serving, asking) = (runtime(), runtime());
    let place = support::Place::new();
    let (url, tokens) = serving.block_on(serve(place.path()));
    asking.block_on(run(&url, &tokens));
}

/// A service with all tenants; its URL, and a token of each, that of the greedy one first.
async fn serve(place: &Path) -> (String, Vec<String>) {
    let (catalog, _) = support::catalogs(place);
    let location = Location::Sqlite(place.join("fairness.db"));
    let store = support::store(&location).await;
    support::fill(&store, number("KBGAP_BENCH_MACHINES", 20_000)).await;
    let mut tenants = vec![TENANT.to_owned()];
    for other in 0..OTHERS {
        tenants.push(another(&store, other).await);
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let settings = Settings {
        rate_limits: RateLimits::DEFENDER,
        ..Settings::at(url.clone())
    };
    let names = Arc::new(SoftwareNames::by_rules(SoftwareRules::built_in().unwrap()));
    let assessor = support::assessor(&catalog);
    let service = Service::start(store.clone(), assessor, names, settings).await;
    let service = service.unwrap();
    tokio::spawn(kbgap_server::serve(
        service,
        listener,
        Edge::default(),
        std::future::pending(),
    ));
    let mut tokens = Vec::new();
    for tenant in &tenants {
        tokens.push(support::token(&store, &url, tenant).await);
    }
    (url, tokens)
}

/// Another tenant, with machines of its own.
async fn another(store: &Store, number: u32) -> String {
    const MACHINES: u32 = 1_000;
    let id = format!("6f1d2c1e-0c56-4a7e-9d0a-{number:012}");
    if !store
        .tenants()
        .await
        .unwrap()
        .iter()
        .any(|tenant| tenant.id == id)
    {
        let tenant = Tenant {
            id: id.clone(),
            name: format!("other-{number}"),
            created_at: Timestamp::now(),
        };
        store.create_tenant(&tenant).await.unwrap();
        let reports = support::reports(&support::fleet(MACHINES), 0, MACHINES);
        let intake = Intake::without_fleet(store.clone(), &id);
        intake.take(reports).await.unwrap();
    }
    id
}

async fn run(url: &str, tokens: &[String]) {
    let (greedy, others) = tokens.split_first().unwrap();
    let rounds = number("KBGAP_BENCH_ROUNDS", 3);
    let time = Duration::from_secs(number("KBGAP_BENCH_SECONDS", 60).into());
    let modest = async || {
        let mut asked = JoinSet::new();
        for (at, token) in others.iter().enumerate() {
            let client = Caller::new(url, token);
            let late = Duration::from_millis(37 * at as u64);
            asked.spawn(client.ask(&MODEST, MODERATE, late, time));
        }
        Answers::all(asked.join_all().await)
    };
    // What is worked out at first use is there.
    Caller::new(url, greedy)
        .ask(&GREEDY, MODERATE, Duration::ZERO, Duration::from_secs(2))
        .await;
    let mut ratios = Vec::new();
    let (mut alone_best, mut beside_best) = (f64::MAX, f64::MAX);
    let mut refused = Answers::default();
    for _ in 0..rounds {
        let alone = modest().await;
        let asking =
            tokio::spawn(Caller::new(url, greedy).ask(&GREEDY, EXCESS, Duration::ZERO, time));
        let beside = modest().await;
        refused = Answers::all([refused, asking.await.unwrap()]);
        assert_eq!(
            (alone.refused, beside.refused),
            (0, 0),
            "the others were refused"
        );
        ratios.push(beside.p99() / alone.p99());
        alone_best = alone_best.min(alone.p99());
        beside_best = beside_best.min(beside.p99());
    }
    ratios.sort_by(f64::total_cmp);
    let round = |number: f64| (number * 1000.0).round() / 1000.0;
    let figures = json!({
        "bench": "fairness", "others": OTHERS, "excess": EXCESS, "rounds": rounds, "seconds": time.as_secs(),
        "aloneP99Milliseconds": round(alone_best), "besideP99Milliseconds": round(beside_best),
        "ratio": round(beside_best / alone_best), "medianRatio": round(ratios[ratios.len() / 2]),
        "greedyAnswered": refused.waited.len(), "greedyRefused": refused.refused,
    });
    table(&figures);
    println!("{figures}");
}

fn table(figures: &Value) {
    for (name, value) in figures.as_object().unwrap() {
        println!("  {name:<24} {value}");
    }
}

/// How long answers took, in milliseconds, and how many requests were refused.
#[derive(Default)]
struct Answers {
    waited: Vec<f64>,
    refused: usize,
}

impl Answers {
    fn all(several: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Self::default();
        for one in several {
            all.waited.extend(one.waited);
            all.refused += one.refused;
        }
        all
    }

    fn p99(&self) -> f64 {
        let mut waited = self.waited.clone();
        waited.sort_by(f64::total_cmp);
        waited[(waited.len() as f64 * 0.99) as usize]
    }
}

/// A client of a tenant.
#[derive(Clone)]
struct Caller {
    http: reqwest::Client,
    url: Arc<str>,
    token: Arc<str>,
}

impl Caller {
    fn new(url: &str, token: &str) -> Self {
        Self {
            http: reqwest::Client::new(),
            url: url.into(),
            token: token.into(),
        }
    }

    /// Asks at even times, so many times of what is allowed, whether or not what was asked before is answered.
    async fn ask(
        self,
        kinds: &'static [Kind],
        times: f64,
        late: Duration,
        time: Duration,
    ) -> Answers {
        let begin = Instant::now() + late;
        let mut asking = JoinSet::new();
        for (path, a_minute) in kinds {
            let own = self.clone();
            asking.spawn(async move {
                let every = Duration::from_secs_f64(60.0 / (a_minute * times));
                let mut asked = JoinSet::new();
                let mut at = begin;
                while at < begin + time {
                    sleep_until(at).await;
                    asked.spawn(own.clone().once(path, at));
                    at += every;
                }
                Answers::all(asked.join_all().await)
            });
        }
        Answers::all(asking.join_all().await)
    }

    /// The time counts from when the request was due.
    async fn once(self, path: &str, due: Instant) -> Answers {
        let request = self.http.get(format!("{}{path}", self.url));
        let answer = request.bearer_auth(&self.token).send().await.unwrap();
        let status = answer.status();
        answer.bytes().await.unwrap();
        let mut answers = Answers::default();
        match status.as_u16() {
            200 => answers.waited.push(due.elapsed().as_secs_f64() * 1000.0),
            429 => answers.refused += 1,
            status => panic!("{path}: {status}"),
        }
        answers
    }
}
