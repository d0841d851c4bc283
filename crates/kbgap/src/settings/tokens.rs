//! Whose tokens are accepted, and how our own are signed.

use jiff::SignedDuration;
use kbgap_identity::RotationPolicy;
use kbgap_server::IssuerSettings;
use serde::{Deserialize, Serialize};

/// Whose tokens are accepted, and how our own are signed: tables of the configuration file.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct TokenSettings {
    signing_keys: SigningKeys,
    /// The foreign issuers whose tokens are accepted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) issuers: Vec<IssuerSettings>,
    /// How often the keys of tokens are exchanged.
    #[serde(skip)]
    pub(crate) key_rotation: RotationPolicy,
}

impl TokenSettings {
    pub(super) fn of(
        signing_keys: SigningKeys,
        issuers: Vec<IssuerSettings>,
        public_url: Option<&str>,
    ) -> anyhow::Result<Self> {
        kbgap_server::validate_issuers(&issuers, public_url.unwrap_or_default())?;
        Ok(Self {
            signing_keys,
            issuers,
            key_rotation: signing_keys.policy()?,
        })
    }
}

/// How often the keys of tokens are exchanged.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct SigningKeys {
    /// After how many days.
    rotate_after_days: u16,
    /// How long a key is published before it signs.
    overlap: SignedDuration,
}

impl Default for SigningKeys {
    fn default() -> Self {
        let policy = RotationPolicy::default();
        Self {
            rotate_after_days: 90,
            overlap: policy.overlap,
        }
    }
}

impl SigningKeys {
    fn policy(self) -> anyhow::Result<RotationPolicy> {
        let age = SignedDuration::from_hours(i64::from(self.rotate_after_days) * 24);
        if age.is_zero() || self.overlap.is_negative() || self.overlap >= age {
            anyhow::bail!("signing-keys: overlap must be shorter than rotate-after-days");
        }
        Ok(RotationPolicy {
            age,
            overlap: self.overlap,
        })
    }
}
