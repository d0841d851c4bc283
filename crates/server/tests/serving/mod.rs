//! A running service on a store, and requests to it.
#![allow(dead_code, reason = "each test uses some of it")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use jiff::Timestamp;
use kbgap_assessment::Assessor;
use kbgap_catalog::Compiler;
use kbgap_edge::Edge;
use kbgap_fleet::SoftwareNames;
use kbgap_identity::{Client, Permission, SigningKey, TokenIssuer};
use kbgap_inventory::SoftwareRules;
use kbgap_server::{Service, Settings, serve};
use kbgap_store::{Location, Store, Tenant};
use reqwest::{RequestBuilder, Response};
use tokio::net::TcpListener;

pub(crate) const TENANT: &str = "6f1d2c1e-0c56-4a7e-9d0a-6a4b6a2f9d12";
const AUDIENCE: &str = "https://api.securitycenter.microsoft.com";

static POSTGRES: LazyLock<Mutex<kbgap_postgres::Server>> =
    LazyLock::new(|| Mutex::new(kbgap_postgres::Server::start().unwrap()));

/// A database of its own; a file lasts as long as its folder.
pub(crate) struct Place {
    pub(crate) location: Location,
    _folder: Option<tempfile::TempDir>,
}

impl Place {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            location: Location::Sqlite(folder.path().join("kbgap.db")),
            _folder: Some(folder),
        }
    }

    pub(crate) fn postgres() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("serving_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let server = POSTGRES.lock().unwrap_or_else(PoisonError::into_inner);
        Self {
            location: server.create_database(&name).unwrap().parse().unwrap(),
            _folder: None,
        }
    }

    /// Opens the store, with its tenant.
    pub(crate) async fn store(&self) -> Store {
        let store = Store::open(&self.location).await.unwrap();
        if store.tenants().await.unwrap().is_empty() {
            let tenant = Tenant {
                id: TENANT.to_owned(),
                name: "default".to_owned(),
                created_at: Timestamp::now(),
            };
            store.create_tenant(&tenant).await.unwrap();
        }
        store
    }
}

/// An assessor that knows nothing.
pub(crate) fn nothing() -> Arc<Assessor> {
    let (catalog, _) = Compiler::new().finish();
    Arc::new(Assessor::new(Arc::new(catalog)))
}

/// A running service.
pub(crate) struct Running {
    pub(crate) service: Arc<Service>,
    pub(crate) url: String,
    store: Store,
    http: reqwest::Client,
}

impl Running {
    pub(crate) async fn start(store: &Store, assessor: Arc<Assessor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let names = Arc::new(SoftwareNames::by_rules(SoftwareRules::built_in().unwrap()));
        let settings = Settings::at(url.clone());
        let service = Service::start(store.clone(), assessor, names, settings);
        let service = service.await.unwrap();
        let stop = std::future::pending();
        tokio::spawn(serve(service.clone(), listener, Edge::default(), stop));
        Self {
            service,
            url,
            store: store.clone(),
            http: reqwest::Client::new(),
        }
    }

    pub(crate) async fn token(&self, permissions: &[Permission]) -> String {
        let key = self.store.signing_keys().await.unwrap().remove(0);
        let key = SigningKey::from_pkcs8(&key.pkcs8).unwrap();
        let client = Client {
            tenant: TENANT,
            id: "reader",
            name: "reader",
            proved_by: kbgap_identity::ProvedBy::Secret,
            permissions,
        };
        let issuer = TokenIssuer::new(&self.url, key);
        let token = issuer.issue(&client, AUDIENCE, Timestamp::now()).unwrap();
        token.access_token
    }

    pub(crate) fn request(&self, method: reqwest::Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    pub(crate) async fn get(&self, path: &str, token: Option<&str>) -> Response {
        let mut request = self.request(reqwest::Method::GET, path);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        request.send().await.unwrap()
    }
}
