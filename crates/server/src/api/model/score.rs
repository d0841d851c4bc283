//! The exposure score and the secure score (API specification, section 2.9).

use jiff::Timestamp;
use kbgap_odata::edm::Entity;

use super::shared::Text;

/// A score at a time, of the organization or of a device group.
#[derive(Debug, Clone, Default)]
pub(crate) struct Score {
    pub(crate) time: Timestamp,
    pub(crate) points: f64,
    pub(crate) group_name: Option<Text>,
    pub(crate) group_id: Option<i64>,
}

/// `ConfigurationScore`, which both sets of scores have.
pub(crate) fn score() -> Entity<Score> {
    Entity::named("ConfigurationScore")
        .about("a score of the organization, or of a device group")
        .time("time", |s: &Score| s.time)
        .key()
        .doc("when it was asked for")
        .double("score", |s| s.points)
        .doc("the score: from 0 to 100 the more exposed, or points for secure settings")
        .string_or_null("rbacGroupName", |s| s.group_name.as_deref())
        .doc("the name of the device group; null for the organization")
        .int64_or_null("rbacGroupId", |s| s.group_id)
        .doc("the number of the device group; null for the organization")
        .build()
}
