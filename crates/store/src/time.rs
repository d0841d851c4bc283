//! Moments as the database keeps them: microseconds since 1970, UTC.

use jiff::Timestamp;

use crate::StoreError;

pub(crate) fn of(moment: Timestamp) -> i64 {
    moment.as_microsecond()
}

pub(crate) fn to(microseconds: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(microseconds).map_err(|_| StoreError::Time(microseconds))
}
