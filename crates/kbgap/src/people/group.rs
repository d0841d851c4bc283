//! `kbgap group`: what people may do, and which machines they see.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use kbgap_identity::{Rights, Role, Seen};
use kbgap_store::Group;
use serde::Serialize;
use uuid::Uuid;

use super::{Opened, print_json, say, with_store};
use crate::settings::Settings;

#[derive(Debug, Subcommand)]
pub(crate) enum GroupCommand {
    /// Create a group
    #[command(after_help = "\
Roles: 'view' reads everything, 'manage' also changes machines and sends reports, 'administer' also manages users and
groups. A user in several groups has the highest role of them, and sees the machines that any of them sees.

Device groups are those that machines name in 'rbacGroupName'. Without --device-group, members see all machines.

Examples:
  kbgap group create administrators --role administer
  kbgap group create 'lab readers' --role view --device-group Lab --device-group 'Lab servers'
  kbgap group create operators --role manage --claim 8d3f0c1e-6f0a-4f5e-9f5e-2d1f6f3f9a10")]
    Create(CreateArgs),
    /// List the groups
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show a group with its members
    Show {
        /// Name or id
        group: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Change a group; what is not named stays
    #[command(after_help = "\
Examples:
  kbgap group set readers --role manage
  kbgap group set readers --device-group Lab
  kbgap group set readers --all-devices --no-claim")]
    Set(SetArgs),
    /// Remove a group; its members lose what it let them do
    Remove {
        /// Name or id
        group: String,
    },
    /// Add and remove members
    #[command(subcommand)]
    Member(MemberCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum MemberCommand {
    /// Add a user to a group
    Add {
        /// The group's name or id
        group: String,
        /// The user's name or id
        user: String,
    },
    /// Remove a user from a group
    Remove {
        /// The group's name or id
        group: String,
        /// The user's name or id
        user: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// Its name
    name: String,
    /// What its members may do: view, manage or administer
    #[arg(long)]
    role: Role,
    /// A device group whose machines its members see; may be repeated [default: all machines]
    #[arg(long = "device-group", value_name = "NAME")]
    device_groups: Vec<String>,
    /// The group claim by which people of a foreign provider belong to it
    #[arg(long, value_name = "VALUE")]
    claim: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// Name or id
    group: String,
    /// Another name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// What its members may do: view, manage or administer
    #[arg(long)]
    role: Option<Role>,
    /// A device group whose machines its members see, instead of those up to now; may be repeated
    #[arg(
        long = "device-group",
        value_name = "NAME",
        conflicts_with = "all_devices"
    )]
    device_groups: Vec<String>,
    /// Its members see all machines
    #[arg(long)]
    all_devices: bool,
    /// The group claim by which people of a foreign provider belong to it
    #[arg(long, value_name = "VALUE", conflicts_with = "no_claim")]
    claim: Option<String>,
    /// Nobody belongs to it by a claim
    #[arg(long)]
    no_claim: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A group as JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: String,
    name: String,
    role: &'static str,
    /// None: all machines.
    device_groups: Option<Vec<String>>,
    claim: Option<String>,
    created_on: Timestamp,
    members: Vec<String>,
}

pub(crate) fn run(command: GroupCommand, settings: &Settings) -> anyhow::Result<ExitCode> {
    with_store(settings, async |opened| {
        let (store, tenant) = (&opened.store, &opened.tenant.id);
        match command {
            GroupCommand::Create(args) => create(opened, args).await,
            GroupCommand::List { json } => list(opened, json).await,
            GroupCommand::Show { group, json } => show(opened, &group, json).await,
            GroupCommand::Set(args) => set(opened, args).await,
            GroupCommand::Remove { group } => {
                let group = opened.group(&group).await?;
                store.remove_group(tenant, &group.id).await?;
                opened
                    .record("group.remove", &group.id, &group.name)
                    .await?;
                say(&format!("{} was removed", group.name))
            }
            GroupCommand::Member(MemberCommand::Add { group, user }) => {
                let (group, user) = (opened.group(&group).await?, opened.user(&user).await?);
                let added = store.add_group_member(tenant, &group.id, &user.id);
                added.await?;
                opened
                    .record("group.member.add", &group.id, &user.id)
                    .await?;
                say(&format!("{} belongs to {}", user.name, group.name))
            }
            GroupCommand::Member(MemberCommand::Remove { group, user }) => {
                let (group, user) = (opened.group(&group).await?, opened.user(&user).await?);
                let removed = store.remove_group_member(tenant, &group.id, &user.id);
                if !removed.await? {
                    bail!("{} does not belong to {}", user.name, group.name);
                }
                opened
                    .record("group.member.remove", &group.id, &user.id)
                    .await?;
                say(&format!("{} belongs to {} no more", user.name, group.name))
            }
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn create(opened: &Opened, args: CreateArgs) -> anyhow::Result<()> {
    let group = Group {
        tenant: opened.tenant.id.clone(),
        id: Uuid::new_v4().to_string(),
        name: args.name.trim().to_owned(),
        rights: Rights {
            role: args.role,
            sees: seen(args.device_groups),
        },
        claim: args.claim,
        created_at: Timestamp::now(),
    };
    opened.store.create_group(&group).await?;
    opened
        .record("group.create", &group.id, group.to_string())
        .await?;
    show(opened, &group.id, args.json).await
}

async fn set(opened: &Opened, args: SetArgs) -> anyhow::Result<()> {
    let mut group = opened.group(&args.group).await?;
    if let Some(name) = args.name {
        name.trim().clone_into(&mut group.name);
    }
    if let Some(role) = args.role {
        group.rights.role = role;
    }
    if args.all_devices || !args.device_groups.is_empty() {
        group.rights.sees = seen(args.device_groups);
    }
    if args.no_claim || args.claim.is_some() {
        group.claim = args.claim;
    }
    opened.store.change_group(&group).await?;
    opened
        .record("group.change", &group.id, group.to_string())
        .await?;
    show(opened, &group.id, args.json).await
}

async fn list(opened: &Opened, json: bool) -> anyhow::Result<()> {
    let groups = opened.store.groups(&opened.tenant.id).await?;
    let mut shown = Vec::with_capacity(groups.len());
    for group in groups {
        shown.push(Shown::of(opened, group).await?);
    }
    if json {
        return print_json(&shown);
    }
    let mut out = io::stdout().lock();
    for group in shown {
        let (id, name, role) = (&group.id, &group.name, group.role);
        let members = group.members.len();
        writeln!(
            out,
            "{id}  {name}  {role}  {}  {members} members",
            group.sees()
        )?;
    }
    Ok(())
}

async fn show(opened: &Opened, group: &str, json: bool) -> anyhow::Result<()> {
    let group = opened.group(group).await?;
    let group = Shown::of(opened, group).await?;
    if json {
        return print_json(&group);
    }
    let mut out = io::stdout().lock();
    writeln!(out, "  name     {}", group.name)?;
    writeln!(out, "  id       {}", group.id)?;
    writeln!(out, "  role     {}", group.role)?;
    writeln!(out, "  sees     {}", group.sees())?;
    if let Some(claim) = &group.claim {
        writeln!(out, "  claim    {claim}")?;
    }
    writeln!(out, "  members  {}", group.members.join(", "))?;
    Ok(())
}

impl Shown {
    async fn of(opened: &Opened, group: Group) -> anyhow::Result<Self> {
        let (store, tenant) = (&opened.store, &opened.tenant.id);
        let mut members = Vec::new();
        for id in store.group_members(tenant, &group.id).await? {
            if let Some(user) = store.user(tenant, &id).await? {
                members.push(user.name.as_str().to_owned());
            }
        }
        let device_groups = match group.rights.sees {
            Seen::All => None,
            Seen::Groups(names) => Some(names.into_iter().map(String::from).collect()),
        };
        Ok(Self {
            id: group.id,
            name: group.name,
            role: group.rights.role.name(),
            device_groups,
            claim: group.claim,
            created_on: group.created_at,
            members,
        })
    }

    fn sees(&self) -> String {
        match &self.device_groups {
            None => "all machines".to_owned(),
            Some(names) => names.join(", "),
        }
    }
}

fn seen(device_groups: Vec<String>) -> Seen {
    if device_groups.is_empty() {
        return Seen::All;
    }
    let names = device_groups.into_iter().map(String::into_boxed_str);
    Seen::Groups(names.collect())
}
