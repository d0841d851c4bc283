//! The first start: a tenant, and a client whose secret is shown once.

use jiff::Timestamp;
use kbgap_identity::{ClientSecret, Permission};
use kbgap_store::{Application, Store, Tenant};
use uuid::Uuid;

/// The tenant for those who never need two.
pub(crate) const DEFAULT_TENANT: &str = "default";

/// A client just created, with its secret.
pub(crate) struct NewClient {
    pub(crate) tenant: String,
    pub(crate) client: String,
    pub(crate) secret: ClientSecret,
}

/// The default tenant, created where there is none.
pub(crate) async fn tenant(store: &Store) -> anyhow::Result<Tenant> {
    let tenants = store.tenants().await?;
    if let Some(tenant) = tenants
        .into_iter()
        .find(|tenant| tenant.name == DEFAULT_TENANT)
    {
        return Ok(tenant);
    }
    let tenant = Tenant {
        id: Uuid::new_v4().to_string(),
        name: DEFAULT_TENANT.to_owned(),
        created_at: Timestamp::now(),
    };
    store.create_tenant(&tenant).await?;
    Ok(tenant)
}

/// Creates the first client, where the tenant has none.
pub(crate) async fn first_client(
    store: &Store,
    tenant: &Tenant,
) -> anyhow::Result<Option<NewClient>> {
    if !store.applications(&tenant.id).await?.is_empty() {
        return Ok(None);
    }
    create_client(store, tenant, "first client", &Permission::ALL)
        .await
        .map(Some)
}

/// Creates a client with a new secret, of which only the hash is kept.
pub(crate) async fn create_client(
    store: &Store,
    tenant: &Tenant,
    name: &str,
    permissions: &[Permission],
) -> anyhow::Result<NewClient> {
    let secret = ClientSecret::generate()?;
    let application = Application {
        tenant: tenant.id.clone(),
        client: Uuid::new_v4().to_string(),
        name: name.to_owned(),
        secret_hash: secret.hash()?.as_str().to_owned(),
        roles: permissions.iter().map(|p| p.role().to_owned()).collect(),
        created_at: Timestamp::now(),
    };
    store.create_application(&application).await?;
    Ok(NewClient {
        tenant: tenant.id.clone(),
        client: application.client,
        secret,
    })
}

impl std::fmt::Display for NewClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "  tenant         {}", self.tenant)?;
        writeln!(f, "  client id      {}", self.client)?;
        writeln!(f, "  client secret  {}", self.secret.expose())?;
        write!(f, "The secret is shown this once; only its hash is kept.")
    }
}
