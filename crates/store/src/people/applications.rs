//! How applications have people signed in, and what people agreed to.

use crate::backend::{reading, writing};
use crate::{Store, StoreError, text};

const REDIRECTS: &str = "SELECT uri FROM application_redirects
    WHERE tenant = $1 AND client = $2 ORDER BY uri";

const ADD: &str = "INSERT INTO application_redirects (tenant, client, uri)
    SELECT tenant, client, $3 FROM applications WHERE tenant = $1 AND client = $2
    ON CONFLICT DO NOTHING";

const REMOVE: &str = "DELETE FROM application_redirects
    WHERE tenant = $1 AND client = $2 AND uri = $3";

const IS_PUBLIC: &str =
    "SELECT count(*) FROM public_applications WHERE tenant = $1 AND client = $2";

const MAKE_PUBLIC: &str = "INSERT INTO public_applications (tenant, client)
    SELECT tenant, client FROM applications WHERE tenant = $1 AND client = $2
    ON CONFLICT DO NOTHING";

const MAKE_CONFIDENTIAL: &str = "DELETE FROM public_applications WHERE tenant = $1 AND client = $2";

const CONSENTS: &str = "SELECT scope FROM consents
    WHERE tenant = $1 AND user_id = $2 AND client = $3 ORDER BY scope";

const CONSENT: &str = "INSERT INTO consents (tenant, user_id, client, scope)
    VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";

impl Store {
    /// Where an application may have browsers sent, in order.
    pub async fn redirect_uris(
        &self,
        tenant: &str,
        client: &str,
    ) -> Result<Vec<String>, StoreError> {
        Ok(reading!(self, |pool| sqlx::query_scalar(REDIRECTS)
            .bind(tenant)
            .bind(client)
            .fetch_all(pool)
            .await?))
    }

    /// Lets an application have browsers sent somewhere; whether it was not so before.
    pub async fn add_redirect_uri(
        &self,
        tenant: &str,
        client: &str,
        uri: &str,
    ) -> Result<bool, StoreError> {
        text::key("a redirect URI", uri)?;
        writing!(self, |transaction| {
            let added = sqlx::query(ADD)
                .bind(tenant)
                .bind(client)
                .bind(uri)
                .execute(&mut *transaction)
                .await?
                .rows_affected();
            transaction.commit().await?;
            Ok(added > 0)
        })
    }

    /// Lets an application have browsers sent there no more; whether it was so before.
    pub async fn remove_redirect_uri(
        &self,
        tenant: &str,
        client: &str,
        uri: &str,
    ) -> Result<bool, StoreError> {
        writing!(self, |transaction| {
            let removed = sqlx::query(REMOVE)
                .bind(tenant)
                .bind(client)
                .bind(uri)
                .execute(&mut *transaction)
                .await?
                .rows_affected();
            transaction.commit().await?;
            Ok(removed > 0)
        })
    }

    /// Whether an application runs where it cannot keep a secret, and shows none.
    pub async fn is_public(&self, tenant: &str, client: &str) -> Result<bool, StoreError> {
        let count: i64 = reading!(self, |pool| sqlx::query_scalar(IS_PUBLIC)
            .bind(tenant)
            .bind(client)
            .fetch_one(pool)
            .await?);
        Ok(count > 0)
    }

    /// Says whether an application can keep a secret.
    pub async fn set_public(
        &self,
        tenant: &str,
        client: &str,
        public: bool,
    ) -> Result<(), StoreError> {
        let statement = if public {
            MAKE_PUBLIC
        } else {
            MAKE_CONFIDENTIAL
        };
        writing!(self, |transaction| {
            sqlx::query(statement)
                .bind(tenant)
                .bind(client)
                .execute(&mut *transaction)
                .await?;
            Ok(transaction.commit().await?)
        })
    }

    /// What a person agreed to that an application may do, in order.
    pub async fn consents(
        &self,
        tenant: &str,
        user: &str,
        client: &str,
    ) -> Result<Vec<String>, StoreError> {
        Ok(reading!(self, |pool| sqlx::query_scalar(CONSENTS)
            .bind(tenant)
            .bind(user)
            .bind(client)
            .fetch_all(pool)
            .await?))
    }

    /// Keeps what a person agreed to.
    pub async fn consent(
        &self,
        tenant: &str,
        user: &str,
        client: &str,
        scopes: &[&str],
    ) -> Result<(), StoreError> {
        writing!(self, |transaction| {
            for scope in scopes {
                sqlx::query(CONSENT)
                    .bind(tenant)
                    .bind(user)
                    .bind(client)
                    .bind(*scope)
                    .execute(&mut *transaction)
                    .await?;
            }
            Ok(transaction.commit().await?)
        })
    }
}
