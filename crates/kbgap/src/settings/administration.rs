//! Settings of administration: the tenant worked on, and how long is known who did what.

use super::{ConfigFile, Layers};
use crate::cli::AdministrationArgs;

/// How long the audit trail is kept unless it is said, in days.
const KEEP_AUDIT: u32 = 400;

/// The tenant worked on, by its id or name, and for how many days the audit trail is kept.
pub(super) fn of(
    layers: &mut Layers<'_>,
    args: &AdministrationArgs,
    file: &ConfigFile,
) -> (String, u32) {
    let default = kbgap_server::DEFAULT_TENANT;
    let tenant = layers.pick(
        ("tenant", "KBGAP_TENANT"),
        args.tenant.clone(),
        file.tenant.clone(),
        Some(default.to_owned()),
        String::clone,
    );
    let keep_audit = layers.pick(
        ("keep-audit", "KBGAP_KEEP_AUDIT"),
        args.keep_audit,
        file.keep_audit,
        Some(KEEP_AUDIT),
        |days| i64::from(*days),
    );
    (
        tenant.unwrap_or_else(|| default.to_owned()),
        keep_audit.unwrap_or(KEEP_AUDIT),
    )
}
