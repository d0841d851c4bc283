//! The rules by which software is named, everywhere alike.

use std::path::Path;

use anyhow::Context;
use kbgap_inventory::SoftwareRules;

/// The built-in rules and those of a user's file, where there is one.
pub(crate) fn rules(file: Option<&Path>) -> anyhow::Result<SoftwareRules> {
    let rules = SoftwareRules::built_in()?;
    let Some(file) = file else {
        return Ok(rules);
    };
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read the rules {}", file.display()))?;
    rules
        .with(&text)
        .with_context(|| format!("the rules {} are wrong", file.display()))
}
