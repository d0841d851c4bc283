//! Applications, as they are told.

use std::io::{self, Write};

use jiff::Timestamp;
use kbgap_store::{Application, ApplicationCertificate, ApplicationSecret, Credentials};
use serde_json::{Value, json};

pub(super) fn list(applications: &[Application], as_json: bool) -> anyhow::Result<()> {
    if as_json {
        let rows: Vec<Value> = applications.iter().map(application).collect();
        return json(&Value::from(rows));
    }
    let mut out = io::stdout().lock();
    for Application {
        client,
        name,
        roles,
        ..
    } in applications
    {
        writeln!(out, "{client}  {name}  {}", roles.join(" "))?;
    }
    Ok(())
}

pub(super) fn one(
    shown: &Application,
    credentials: &Credentials,
    as_json: bool,
) -> anyhow::Result<()> {
    let Credentials {
        secrets,
        certificates,
    } = credentials;
    if as_json {
        let mut row = application(shown);
        row["secrets"] = secrets.iter().map(secret).collect();
        row["certificates"] = certificates.iter().map(certificate).collect();
        return json(&row);
    }
    let mut out = io::stdout().lock();
    writeln!(out, "{}", shown.name)?;
    writeln!(out, "  client id    {}", shown.client)?;
    writeln!(out, "  created      {:.0}", shown.created_at)?;
    writeln!(out, "  permissions  {}", shown.roles.join(" "))?;
    for own in secrets {
        let hint = if own.hint.is_empty() { "?" } else { &own.hint };
        let end = own
            .expires_at
            .map_or_else(|| "never expires".to_owned(), until);
        writeln!(out, "  secret       {}  {hint}\u{2026}  {end}", own.id)?;
    }
    for own in certificates {
        let end = until(own.not_after);
        writeln!(out, "  certificate  {}  {}  {end}", own.sha256, own.subject)?;
    }
    Ok(())
}

fn until(end: Timestamp) -> String {
    if end <= Timestamp::now() {
        format!("expired on {end:.0}")
    } else {
        format!("expires on {end:.0}")
    }
}

pub(super) fn json(value: &Value) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, value)?;
    writeln!(out)?;
    Ok(())
}

pub(super) fn application(application: &Application) -> Value {
    json!({
        "id": application.client,
        "displayName": application.name,
        "permissions": application.roles,
        "createdOn": application.created_at,
    })
}

fn secret(secret: &ApplicationSecret) -> Value {
    json!({
        "id": secret.id,
        "hint": secret.hint,
        "createdOn": secret.created_at,
        "expiresOn": secret.expires_at,
    })
}

pub(super) fn certificate(certificate: &ApplicationCertificate) -> Value {
    json!({
        "thumbprint": certificate.sha256,
        "sha1Thumbprint": certificate.sha1,
        "subject": certificate.subject,
        "notBefore": certificate.not_before,
        "notAfter": certificate.not_after,
        "createdOn": certificate.created_at,
    })
}
