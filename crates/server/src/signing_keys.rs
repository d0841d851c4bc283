//! The keys of tokens issued here: kept in the store, which servers share, and exchanged while they serve.

use jiff::{SignedDuration, Timestamp};
use kbgap_export::{SealKey, SealKeys};
use kbgap_identity::{KeyError, KeyState, RotationPolicy, SigningKey, key_states};
use kbgap_store::{SigningKeyRow, Store};

use crate::service::StartError;

/// For how long a key is kept after it signed last: the links that were sealed with it live a day.
const KEPT: SignedDuration = SignedDuration::from_hours(25);
/// After what time a key signs that is needed at once: the servers of a store look for keys every second, and must know it
/// before its first token comes.
const SPREAD: SignedDuration = SignedDuration::from_secs(5);

/// A key of the store.
#[derive(Debug, Clone)]
pub struct KeyOfStore {
    /// Its id.
    pub kid: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// From when it signs.
    pub signs_from: Timestamp,
    /// What it is now.
    pub state: KeyState,
}

/// The keys as they are used.
#[derive(Debug, Clone)]
pub(crate) struct Ring {
    /// By id and state: what tells whether anything changed.
    states: Vec<(Box<str>, KeyState)>,
    keys: Vec<SigningKey>,
}

/// The keys of a store, the newest first.
pub async fn keys_of(store: &Store, now: Timestamp) -> Result<Vec<KeyOfStore>, StartError> {
    let rows = store.signing_keys().await?;
    let keys = with_states(rows, now).map(|(row, state)| KeyOfStore {
        kid: row.kid,
        created_at: row.created_at,
        signs_from: row.signs_from,
        state,
    });
    Ok(keys.collect())
}

/// Creates a key that signs after the usual time, or as soon as every server knows it.
pub async fn create_key(
    store: &Store,
    policy: &RotationPolicy,
    at_once: bool,
    now: Timestamp,
) -> Result<String, StartError> {
    let signs_from = if at_once {
        now + SPREAD
    } else {
        policy.overlapping(now)
    };
    put(store, signs_from, now).await
}

async fn put(store: &Store, signs_from: Timestamp, now: Timestamp) -> Result<String, StartError> {
    // Some hundred milliseconds of work.
    let key = tokio::task::spawn_blocking(SigningKey::generate).await;
    let key = key.map_err(|_| KeyError::Generate)??;
    let row = SigningKeyRow {
        kid: key.kid().to_owned(),
        pkcs8: key.pkcs8().to_vec(),
        created_at: now,
        signs_from,
    };
    store.put_signing_key(&row).await?;
    Ok(row.kid)
}

/// Makes a key where it is time for one, and drops those that nothing counts on any more. Two servers that do so at once
/// make two keys: the second signs after the first, and nothing else comes of it.
pub(crate) async fn rotate(
    store: &Store,
    policy: &RotationPolicy,
    now: Timestamp,
) -> Result<(), StartError> {
    let rows = store.signing_keys().await?;
    let signs_from: Vec<_> = rows.iter().map(|row| row.signs_from).collect();
    if let Some(signs_from) = policy.due(&signs_from, now) {
        let kid = put(store, signs_from, now).await?;
        tracing::info!(kid, %signs_from, "a new key is published, and will sign tokens");
    }
    for (row, state) in with_states(rows, now) {
        if let KeyState::Spent { since } = state
            && now.duration_since(since) >= KEPT
        {
            store.remove_signing_key(&row.kid).await?;
            tracing::info!(kid = row.kid, "a key that signed tokens is gone");
        }
    }
    Ok(())
}

impl Ring {
    /// The keys of a store; the first start makes one.
    pub(crate) async fn first(store: &Store, now: Timestamp) -> Result<Self, StartError> {
        if store.signing_keys().await?.is_empty() {
            put(store, now, now).await?;
        }
        let ring = Self::read(store.signing_keys().await?, &[], now)?;
        ring.ok_or_else(|| KeyError::Generate.into())
    }

    /// The keys as they are now, where they are others than these, or are something else by now.
    pub(crate) async fn newer(
        &self,
        store: &Store,
        now: Timestamp,
    ) -> Result<Option<Self>, StartError> {
        let rows = store.signing_keys().await?;
        let states = with_states(rows.clone(), now);
        let states: Vec<_> = states.map(|(row, state)| (row.kid.into(), state)).collect();
        if states == self.states {
            return Ok(None);
        }
        Self::read(rows, &self.keys, now)
    }

    fn read(
        rows: Vec<SigningKeyRow>,
        known: &[SigningKey],
        now: Timestamp,
    ) -> Result<Option<Self>, StartError> {
        let (mut states, mut keys) = (Vec::new(), Vec::new());
        for (row, state) in with_states(rows, now) {
            let read = match known.iter().find(|key| key.kid() == row.kid) {
                Some(known) => known.clone(),
                None => SigningKey::from_pkcs8(&row.pkcs8)?,
            };
            states.push((row.kid.into(), state));
            keys.push(read);
        }
        let ring = Self { states, keys };
        Ok(ring.active().is_some().then_some(ring))
    }

    fn with(&self, wanted: impl Fn(KeyState) -> bool) -> impl Iterator<Item = &SigningKey> {
        let states = self.states.iter().map(|(_, state)| *state);
        let keys = self.keys.iter().zip(states);
        keys.filter(move |(_, state)| wanted(*state))
            .map(|(key, _)| key)
    }

    fn active(&self) -> Option<&SigningKey> {
        self.with(|state| state == KeyState::Active).next()
    }

    /// The key that signs.
    pub(crate) fn signing(&self) -> Result<SigningKey, StartError> {
        let active = self.active().cloned();
        active.ok_or_else(|| KeyError::Generate.into())
    }

    /// The keys that are published.
    pub(crate) fn verifying(&self) -> Vec<SigningKey> {
        self.with(KeyState::verifies).cloned().collect()
    }

    /// The seals of links: made from the keys that all servers of a store share, so that each honors the links of the
    /// others, and those of keys that signed before.
    pub(crate) fn seals(&self) -> Result<SealKeys, StartError> {
        let active = self.signing()?;
        let mut seals = SealKeys::new(seal(&active)?);
        for key in self.keys.iter().filter(|key| key.kid() != active.kid()) {
            seals = seals.with_previous(seal(key)?);
        }
        Ok(seals)
    }
}

fn seal(key: &SigningKey) -> Result<SealKey, StartError> {
    const PURPOSE: &str = "kbgap 2026 links to exports";
    let secret = blake3::derive_key(PURPOSE, key.pkcs8());
    let version = blake3::hash(key.kid().as_bytes()).to_hex();
    Ok(SealKey::new(&version[..16], &secret)?)
}

/// Rows of the store, the newest first, each with what it is now.
fn with_states(
    rows: Vec<SigningKeyRow>,
    now: Timestamp,
) -> impl Iterator<Item = (SigningKeyRow, KeyState)> {
    // Of two that begin at once the last in order signs: the first of the store, on every server.
    let signs_from: Vec<_> = rows.iter().rev().map(|row| row.signs_from).collect();
    let states = key_states(&signs_from, now);
    rows.into_iter().zip(states.into_iter().rev())
}
