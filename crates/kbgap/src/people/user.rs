//! `kbgap user`: the people who sign in.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use kbgap_identity::UserName;
use kbgap_store::{User, UserChange};
use serde::Serialize;
use uuid::Uuid;

use super::password::PasswordArgs;
use super::{Opened, print_json, say, with_store};
use crate::output;
use crate::settings::Settings;

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Create a user
    #[command(after_help = "\
A user has rights by the groups it belongs to, and none without one: see 'kbgap group --help'. The password is asked for at
the terminal. One that is generated or read from standard input must be changed at the first sign-in, unless --final says
otherwise.

Examples:
  kbgap user create alice@contoso --display-name 'Alice Example' --group administrators
  kbgap user create bob@contoso --group readers --generate
  printf '%s\\n' \"$PASSWORD\" | kbgap user create robot@contoso --password-stdin --final --json")]
    Create(CreateArgs),
    /// List the users
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show a user with its groups and what they let it do
    Show {
        /// Name or id
        user: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Give a user another password; it is signed out everywhere, and may try again where it was locked out
    #[command(after_help = "\
Examples:
  kbgap user password alice@contoso
  kbgap user password alice@contoso --generate")]
    Password(SetPasswordArgs),
    /// Let a user sign in no more; it is signed out everywhere. Access tokens issued before end within the hour
    Disable {
        /// Name or id
        user: String,
    },
    /// Let a user sign in again
    Enable {
        /// Name or id
        user: String,
    },
    /// Remove a user
    Remove {
        /// Name or id
        user: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// The name to sign in with, such as alice@contoso; its case does not matter
    name: UserName,
    /// The name to call the user by [default: the name to sign in with]
    #[arg(long, value_name = "NAME")]
    display_name: Option<String>,
    /// A group it belongs to, by name or id; may be repeated
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    #[command(flatten)]
    password: PasswordArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SetPasswordArgs {
    /// Name or id
    user: String,
    #[command(flatten)]
    password: PasswordArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A user as JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: String,
    user_name: String,
    display_name: String,
    disabled: bool,
    must_change_password: bool,
    created_on: Timestamp,
    last_sign_in_on: Option<Timestamp>,
    locked_until: Option<Timestamp>,
    groups: Vec<String>,
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
}

pub(crate) fn run(command: UserCommand, settings: &Settings) -> anyhow::Result<ExitCode> {
    with_store(settings, async |opened| match command {
        UserCommand::Create(args) => create(opened, args).await,
        UserCommand::List { json } => list(opened, json).await,
        UserCommand::Show { user, json } => {
            let user = opened.user(&user).await?;
            show(&Shown::of(opened, &user, None).await?, json)
        }
        UserCommand::Password(args) => set_password(opened, args).await,
        UserCommand::Disable { user } => set_disabled(opened, &user, true).await,
        UserCommand::Enable { user } => set_disabled(opened, &user, false).await,
        UserCommand::Remove { user } => {
            let user = opened.user(&user).await?;
            let removed = opened.store.remove_user(&opened.tenant.id, &user.id);
            removed.await?;
            opened
                .record("user.remove", &user.id, user.name.as_str())
                .await?;
            say(&format!("{} was removed", user.name))
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn create(opened: &Opened, args: CreateArgs) -> anyhow::Result<()> {
    let tenant = &opened.tenant.id;
    let mut groups = Vec::new();
    for group in &args.groups {
        groups.push(opened.group(group).await?);
    }
    let new = args.password.get(args.name.as_str())?;
    let name = args.display_name;
    let user = User {
        tenant: tenant.clone(),
        id: Uuid::new_v4().to_string(),
        display_name: name.unwrap_or_else(|| args.name.as_str().to_owned()),
        name: args.name,
        password_hash: new.password.hash()?.as_str().to_owned(),
        must_change: new.must_change,
        disabled: false,
        created_at: Timestamp::now(),
        last_sign_in: None,
        locked_until: None,
    };
    opened.store.create_user(&user).await?;
    opened
        .record("user.create", &user.id, user.name.as_str())
        .await?;
    for group in &groups {
        let added = opened.store.add_group_member(tenant, &group.id, &user.id);
        added.await?;
        opened
            .record("group.member.add", &group.id, &user.id)
            .await?;
    }
    if groups.is_empty() {
        output::note(&format!(
            "{} has no rights yet: 'kbgap group member add GROUP {}' gives it some.",
            user.name, user.name
        ));
    }
    let password = new.generated.then(|| new.password.expose().to_owned());
    show(&Shown::of(opened, &user, password).await?, args.json)
}

async fn list(opened: &Opened, json: bool) -> anyhow::Result<()> {
    let users = opened.store.users(&opened.tenant.id).await?;
    let mut shown = Vec::with_capacity(users.len());
    for user in &users {
        shown.push(Shown::of(opened, user, None).await?);
    }
    if json {
        return print_json(&shown);
    }
    let mut out = io::stdout().lock();
    for user in shown {
        let role = user.role.unwrap_or("no rights");
        let state = if user.disabled { "  disabled" } else { "" };
        let (id, name) = (user.id, user.user_name);
        writeln!(out, "{id}  {name}  {}  {role}{state}", user.display_name)?;
    }
    Ok(())
}

async fn set_password(opened: &Opened, args: SetPasswordArgs) -> anyhow::Result<()> {
    let user = opened.user(&args.user).await?;
    let new = args.password.get(user.name.as_str())?;
    let hash = new.password.hash()?;
    let (tenant, id) = (&opened.tenant.id, &user.id);
    let set = opened
        .store
        .set_password(tenant, id, hash.as_str(), new.must_change);
    set.await?;
    opened.record("user.change", id, "password").await?;
    let user = opened.user(id).await?;
    let password = new.generated.then(|| new.password.expose().to_owned());
    show(&Shown::of(opened, &user, password).await?, args.json)
}

async fn set_disabled(opened: &Opened, user: &str, disabled: bool) -> anyhow::Result<()> {
    let user = opened.user(user).await?;
    let change = UserChange {
        disabled: Some(disabled),
        ..UserChange::default()
    };
    let changed = opened
        .store
        .change_user(&opened.tenant.id, &user.id, &change);
    changed.await?;
    let what = if disabled { "disabled" } else { "enabled" };
    opened.record("user.change", &user.id, what).await?;
    say(&format!("{} is {what}", user.name))
}

impl Shown {
    async fn of(opened: &Opened, user: &User, password: Option<String>) -> anyhow::Result<Self> {
        let (store, tenant) = (&opened.store, &opened.tenant.id);
        let groups = store.groups_of(tenant, &user.id).await?;
        let rights = store.rights_of(tenant, &user.id).await?;
        Ok(Self {
            id: user.id.clone(),
            user_name: user.name.as_str().to_owned(),
            display_name: user.display_name.clone(),
            disabled: user.disabled,
            must_change_password: user.must_change,
            created_on: user.created_at,
            last_sign_in_on: user.last_sign_in,
            locked_until: user.locked_until.filter(|until| *until > Timestamp::now()),
            groups: groups.into_iter().map(|group| group.name).collect(),
            role: rights.map(|rights| rights.role.name()),
            password,
        })
    }
}

fn show(user: &Shown, json: bool) -> anyhow::Result<()> {
    if json {
        return print_json(user);
    }
    let mut out = io::stdout().lock();
    let never = || "never".to_owned();
    let last = user.last_sign_in_on.map_or_else(never, |at| at.to_string());
    writeln!(out, "  name          {}", user.user_name)?;
    writeln!(out, "  id            {}", user.id)?;
    writeln!(out, "  called        {}", user.display_name)?;
    writeln!(out, "  groups        {}", user.groups.join(", "))?;
    writeln!(out, "  role          {}", user.role.unwrap_or("none"))?;
    writeln!(out, "  last sign-in  {last}")?;
    if user.disabled {
        writeln!(out, "  disabled")?;
    }
    if let Some(until) = user.locked_until {
        writeln!(out, "  locked until  {until}")?;
    }
    if let Some(password) = &user.password {
        writeln!(out, "  password      {password}")?;
        writeln!(
            out,
            "The password is shown this once; only its hash is kept."
        )?;
    }
    Ok(())
}
