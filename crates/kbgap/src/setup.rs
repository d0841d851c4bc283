//! Tenants and clients: found, and made on a first start.

use anyhow::bail;
use jiff::Timestamp;
use kbgap_identity::{ClientSecret, Permission};
use kbgap_server::audit::Act;
use kbgap_server::{DEFAULT_TENANT, add_secret};
use kbgap_store::{Application, Store, Tenant};
use uuid::Uuid;

use crate::audit;

/// A client just created, with its secret.
pub(crate) struct NewClient {
    pub(crate) tenant: String,
    pub(crate) client: String,
    pub(crate) secret: ClientSecret,
}

/// The tenant of an id or a name. The default one is created where there is none.
pub(crate) async fn tenant(store: &Store, id_or_name: &str) -> anyhow::Result<Tenant> {
    let named = |tenant: &Tenant| {
        tenant.id.eq_ignore_ascii_case(id_or_name) || tenant.name.eq_ignore_ascii_case(id_or_name)
    };
    if let Some(tenant) = store.tenants().await?.into_iter().find(named) {
        return Ok(tenant);
    }
    if id_or_name != DEFAULT_TENANT {
        bail!(
            "there is no tenant '{id_or_name}': 'kbgap tenant list' tells which there are, 'kbgap tenant create {id_or_name}' makes it"
        );
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
    let application = create_application(store, tenant, "first client", &Permission::ALL).await?;
    let client = add_client_secret(store, &application, None).await?;
    Ok(Some(client))
}

/// Creates an application, without anything to prove itself by.
pub(crate) async fn create_application(
    store: &Store,
    tenant: &Tenant,
    name: &str,
    permissions: &[Permission],
) -> anyhow::Result<Application> {
    let application = Application {
        tenant: tenant.id.clone(),
        client: Uuid::new_v4().to_string(),
        name: name.to_owned(),
        roles: permissions.iter().map(|p| p.role().to_owned()).collect(),
        created_at: Timestamp::now(),
    };
    store.create_application(&application).await?;
    let act = Act::new(audit::user(), "application.create");
    let act = act.in_tenant(&tenant.id).on(&application.client);
    audit::record(store, act.telling(application.roles.join(" "))).await?;
    Ok(application)
}

/// Makes a secret for an application, of which only the hash is kept.
pub(crate) async fn add_client_secret(
    store: &Store,
    application: &Application,
    expires_at: Option<Timestamp>,
) -> anyhow::Result<NewClient> {
    let (tenant, client) = (&application.tenant, &application.client);
    let made = add_secret(store, tenant, client, expires_at).await?;
    let act = Act::new(audit::user(), "application.secret.add").in_tenant(tenant);
    audit::record(store, act.on(format!("{client}/{}", made.kept.id))).await?;
    Ok(NewClient {
        tenant: tenant.clone(),
        client: client.clone(),
        secret: made.value,
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
