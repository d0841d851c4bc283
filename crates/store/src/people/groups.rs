//! Groups of people, by which they have rights.

use jiff::Timestamp;
use kbgap_identity::{Rights, Role, Seen};

use crate::applications::exists;
use crate::backend::{reading, writing};
use crate::{Store, StoreError, text, time};

/// A group of people of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The tenant.
    pub tenant: String,
    /// The group's id, a GUID.
    pub id: String,
    /// Its name, unique in the tenant whatever its case.
    pub name: String,
    /// What its members may do, and which machines they see.
    pub rights: Rights,
    /// The value among the groups of a token of a foreign provider by which people belong to it.
    pub claim: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
}

impl std::fmt::Display for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.name, self.rights)?;
        match &self.claim {
            Some(claim) => write!(f, ", by the claim {claim}"),
            None => Ok(()),
        }
    }
}

type Columns = (String, String, i64, Option<String>, Option<String>, i64);

const CREATE: &str =
    "INSERT INTO user_groups (tenant, id, name, name_key, role, sees, claim, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

const OF_TENANT: &str = "SELECT id, name, role, sees, claim, created_at FROM user_groups
    WHERE tenant = $1 ORDER BY name_key";

const OF_USER: &str = "SELECT id, name, role, sees, claim, created_at FROM user_groups
    WHERE tenant = $1 AND id IN (
        SELECT members.user_group FROM user_group_members members
        JOIN users ON users.tenant = members.tenant AND users.id = members.user_id
        WHERE members.tenant = $1 AND members.user_id = $2 AND users.disabled = 0
    ) ORDER BY name_key";

const CHANGE: &str =
    "UPDATE user_groups SET name = $3, name_key = $4, role = $5, sees = $6, claim = $7
    WHERE tenant = $1 AND id = $2";

const REMOVE: &str = "DELETE FROM user_groups WHERE tenant = $1 AND id = $2";

const MEMBERS: &str = "SELECT user_id FROM user_group_members
    WHERE tenant = $1 AND user_group = $2 ORDER BY user_id";

const ADD: &str = "INSERT INTO user_group_members (tenant, user_group, user_id)
    SELECT user_groups.tenant, user_groups.id, users.id FROM user_groups
    JOIN users ON users.tenant = user_groups.tenant
    WHERE user_groups.tenant = $1 AND user_groups.id = $2 AND users.id = $3
    ON CONFLICT DO NOTHING";

const IS_MEMBER: &str = "SELECT count(*) FROM user_group_members
    WHERE tenant = $1 AND user_group = $2 AND user_id = $3";

const LEAVE: &str = "DELETE FROM user_group_members
    WHERE tenant = $1 AND user_group = $2 AND user_id = $3";

impl Store {
    /// Creates a group.
    pub async fn create_group(&self, group: &Group) -> Result<(), StoreError> {
        let sees = fit(group)?;
        writing!(self, |transaction| {
            sqlx::query(CREATE)
                .bind(&group.tenant)
                .bind(&group.id)
                .bind(&group.name)
                .bind(group.name.to_lowercase())
                .bind(number(group.rights.role))
                .bind(sees)
                .bind(group.claim.as_deref())
                .bind(time::of(group.created_at))
                .execute(&mut *transaction)
                .await
                .map_err(|error| exists(error, "a group of this id or name"))?;
            Ok(transaction.commit().await?)
        })
    }

    /// The groups of a tenant, in order of their names.
    pub async fn groups(&self, tenant: &str) -> Result<Vec<Group>, StoreError> {
        let rows: Vec<Columns> = reading!(self, |pool| sqlx::query_as(OF_TENANT)
            .bind(tenant)
            .fetch_all(pool)
            .await?);
        rows.into_iter().map(|row| group(tenant, row)).collect()
    }

    /// A group by its id or by its name, whatever its case.
    pub async fn find_group(
        &self,
        tenant: &str,
        id_or_name: &str,
    ) -> Result<Option<Group>, StoreError> {
        let groups = self.groups(tenant).await?;
        let name = id_or_name.trim().to_lowercase();
        let by_id = groups.iter().position(|group| group.id == id_or_name);
        let found = by_id.or_else(|| {
            let mut names = groups.iter().map(|group| group.name.to_lowercase());
            names.position(|known| known == name)
        });
        Ok(found.and_then(|at| groups.into_iter().nth(at)))
    }

    /// The groups that a person belongs to, in order of their names; none where the person is disabled.
    pub async fn groups_of(&self, tenant: &str, user: &str) -> Result<Vec<Group>, StoreError> {
        let rows: Vec<Columns> = reading!(self, |pool| sqlx::query_as(OF_USER)
            .bind(tenant)
            .bind(user)
            .fetch_all(pool)
            .await?);
        rows.into_iter().map(|row| group(tenant, row)).collect()
    }

    /// What a person may do and sees, by all the groups the person belongs to. None where that is no group, and where the
    /// person is disabled or not there.
    pub async fn rights_of(&self, tenant: &str, user: &str) -> Result<Option<Rights>, StoreError> {
        let groups = self.groups_of(tenant, user).await?;
        Ok(Rights::of_groups(
            groups.into_iter().map(|group| group.rights),
        ))
    }

    /// What a person of a foreign provider may do and sees, by the groups that the person's token names.
    pub async fn rights_of_claims(
        &self,
        tenant: &str,
        claims: &[&str],
    ) -> Result<Option<Rights>, StoreError> {
        let groups = self.groups(tenant).await?.into_iter();
        let named = groups.filter(|group| {
            let claim = group.claim.as_deref();
            claim.is_some_and(|claim| claims.contains(&claim))
        });
        Ok(Rights::of_groups(named.map(|group| group.rights)))
    }

    /// Changes all of a group but its id; whether there is one.
    pub async fn change_group(&self, group: &Group) -> Result<bool, StoreError> {
        let sees = fit(group)?;
        writing!(self, |transaction| {
            let changed = sqlx::query(CHANGE)
                .bind(&group.tenant)
                .bind(&group.id)
                .bind(&group.name)
                .bind(group.name.to_lowercase())
                .bind(number(group.rights.role))
                .bind(sees)
                .bind(group.claim.as_deref())
                .execute(&mut *transaction)
                .await
                .map_err(|error| exists(error, "a group of this name"))?
                .rows_affected();
            transaction.commit().await?;
            Ok(changed > 0)
        })
    }

    /// Removes a group; whether there was one.
    pub async fn remove_group(&self, tenant: &str, id: &str) -> Result<bool, StoreError> {
        writing!(self, |transaction| {
            let removed = sqlx::query(REMOVE)
                .bind(tenant)
                .bind(id)
                .execute(&mut *transaction)
                .await?
                .rows_affected();
            transaction.commit().await?;
            Ok(removed > 0)
        })
    }

    /// The ids of a group's members, in order.
    pub async fn group_members(
        &self,
        tenant: &str,
        group: &str,
    ) -> Result<Vec<String>, StoreError> {
        Ok(reading!(self, |pool| sqlx::query_scalar(MEMBERS)
            .bind(tenant)
            .bind(group)
            .fetch_all(pool)
            .await?))
    }

    /// Makes a person a member of a group; whether there are both.
    pub async fn add_group_member(
        &self,
        tenant: &str,
        group: &str,
        user: &str,
    ) -> Result<bool, StoreError> {
        writing!(self, |transaction| {
            sqlx::query(ADD)
                .bind(tenant)
                .bind(group)
                .bind(user)
                .execute(&mut *transaction)
                .await?;
            let is_member: i64 = sqlx::query_scalar(IS_MEMBER)
                .bind(tenant)
                .bind(group)
                .bind(user)
                .fetch_one(&mut *transaction)
                .await?;
            transaction.commit().await?;
            Ok(is_member > 0)
        })
    }

    /// Takes a person out of a group; whether the person was a member.
    pub async fn remove_group_member(
        &self,
        tenant: &str,
        group: &str,
        user: &str,
    ) -> Result<bool, StoreError> {
        writing!(self, |transaction| {
            let removed = sqlx::query(LEAVE)
                .bind(tenant)
                .bind(group)
                .bind(user)
                .execute(&mut *transaction)
                .await?
                .rows_affected();
            transaction.commit().await?;
            Ok(removed > 0)
        })
    }
}

/// Refuses what cannot be kept; the device groups as they are kept.
fn fit(group: &Group) -> Result<Option<String>, StoreError> {
    text::key("the id of a group", &group.id)?;
    text::key("the name of a group", &group.name)?;
    if let Some(claim) = &group.claim {
        text::key("the claim of a group", claim)?;
    }
    let Seen::Groups(names) = &group.rights.sees else {
        return Ok(None);
    };
    for name in names {
        text::key("the name of a device group", name)?;
    }
    let names: Vec<&str> = names.iter().map(|name| &**name).collect();
    Ok(Some(serde_json::Value::from(names).to_string()))
}

fn number(role: Role) -> i64 {
    match role {
        Role::View => 0,
        Role::Manage => 1,
        Role::Administer => 2,
    }
}

fn group(tenant: &str, row: Columns) -> Result<Group, StoreError> {
    let (id, name, role, sees, claim, created_at) = row;
    let mut roles = Role::ALL.into_iter();
    let role = roles.find(|known| number(*known) == role);
    let sees = match sees {
        None => Seen::All,
        Some(names) => {
            let names: Vec<String> = serde_json::from_str(&names)
                .map_err(|_| StoreError::Damaged("the device groups of a group"))?;
            Seen::Groups(names.into_iter().map(String::into_boxed_str).collect())
        }
    };
    Ok(Group {
        tenant: tenant.to_owned(),
        id,
        name,
        rights: Rights {
            role: role.ok_or(StoreError::Damaged("the role of a group is none"))?,
            sees,
        },
        claim,
        created_at: time::to(created_at)?,
    })
}
