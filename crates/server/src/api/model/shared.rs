//! What rows of several types have in common.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use kbgap_odata::edm::{Entity, EntityBuilder};

/// A text that many rows may share.
pub(crate) type Text = Arc<str>;

/// A collection that never has anything.
pub(crate) static NO_TEXTS: Vec<Text> = Vec::new();

/// The device group of a machine.
#[derive(Debug, Clone, Default)]
pub(crate) struct Group {
    /// The number of the group; 0 where there is none.
    pub(crate) id: i32,
    /// The name of the group.
    pub(crate) name: Option<Text>,
}

/// The machine that the row of an assessment is about; all rows of a machine share one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Device {
    /// 40 hexadecimal digits.
    pub(crate) id: Text,
    /// The full DNS name.
    pub(crate) name: Option<Text>,
    pub(crate) group: Group,
    /// `Windows10`, `WindowsServer2019`.
    pub(crate) os_platform: Option<Text>,
    /// `10.0.19045.6093`.
    pub(crate) os_version: Option<Text>,
    /// `x64`.
    pub(crate) os_architecture: Option<Text>,
}

/// The properties that most assessments begin with (API specification, sections 2.10 to 2.14).
pub(crate) fn of_device<T: 'static>(
    builder: EntityBuilder<T>,
    device: fn(&T) -> &Device,
) -> EntityBuilder<T> {
    of_group(builder, device)
        .string_or_null("deviceName", move |row| device(row).name.as_deref())
        .doc("the full DNS name of the device")
        .string_or_null("osPlatform", move |row| device(row).os_platform.as_deref())
        .doc("the platform of the operating system, as Windows10 or WindowsServer2019")
}

/// The device and its group, which all assessments begin with.
pub(crate) fn of_group<T: 'static>(
    builder: EntityBuilder<T>,
    device: fn(&T) -> &Device,
) -> EntityBuilder<T> {
    builder
        .string_or_null("deviceId", move |row| Some(&device(row).id))
        .doc("the device, as in Machine")
        .int64("rbacGroupId", move |row| i64::from(device(row).group.id))
        .doc("the number of the device group; 0 for a device in none")
        .string_or_null("rbacGroupName", move |row| {
            device(row).group.name.as_deref()
        })
        .doc("the name of the device group")
}

/// A complex type whose rows begin with a device and its group.
pub(crate) fn assessment<T: 'static>(
    name: &'static str,
    device: fn(&T) -> &Device,
) -> EntityBuilder<T> {
    of_device(Entity::complex(name), device)
}

/// How well known a way to exploit a vulnerability is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Exploits {
    /// There is one in public.
    pub(crate) public: bool,
    /// It is known to work.
    pub(crate) verified: bool,
    /// It is part of a kit.
    pub(crate) in_kit: bool,
}

impl Exploits {
    /// The one word that assessments have for it (API specification, section 2.12).
    pub(crate) fn level(self) -> &'static str {
        match self {
            Self { in_kit: true, .. } => "ExploitIsInKit",
            Self { verified: true, .. } => "ExploitIsVerified",
            Self { public: true, .. } => "ExploitIsPublic",
            Self { .. } => "NoExploit",
        }
    }
}

/// Whether a software is still supported (API specification, section 2.10).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Support {
    /// Nothing ends.
    #[default]
    Supported,
    /// The version is no longer supported.
    VersionEnded,
    /// The support of the version ends soon.
    VersionEnds,
    /// No version is supported any more.
    SoftwareEnded,
    /// The support of all versions ends soon.
    SoftwareEnds,
}

/// The end of a software's support.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct EndOfSupport {
    pub(crate) status: Support,
    /// The day of the end, where it is known.
    pub(crate) on: Option<Date>,
}

impl EndOfSupport {
    /// The words of the API.
    pub(crate) fn status(self) -> &'static str {
        match self.status {
            Support::Supported => "None",
            Support::VersionEnded => "EOS Version",
            Support::VersionEnds => "Upcoming EOS Version",
            Support::SoftwareEnded => "EOS Software",
            Support::SoftwareEnds => "Upcoming EOS Software",
        }
    }

    /// The day as the API writes it: `2021-05-11T00:00:00+00:00`.
    pub(crate) fn date(self) -> Option<Cow<'static, str>> {
        let day = self.on?;
        Some(Cow::Owned(format!("{day}T00:00:00+00:00")))
    }
}

/// A time as the assessments write it, without a zone: `2020-12-30 11:07:15` (API specification, section 9).
pub(crate) fn moment(time: Timestamp) -> Cow<'static, str> {
    let time = TimeZone::UTC.to_datetime(time);
    let (day, clock) = (time.date(), time.time());
    Cow::Owned(format!(
        "{day} {:02}:{:02}:{:02}",
        clock.hour(),
        clock.minute(),
        clock.second()
    ))
}

/// A time as the assessments write it, where there is one.
pub(crate) fn moment_or_null(time: Option<Timestamp>) -> Option<Cow<'static, str>> {
    time.map(moment)
}

/// The id of the recommendation to update a software (API specification, section 2.7).
pub(crate) fn update_recommendation(vendor: &str, name: &str) -> String {
    format!("va-_-{vendor}-_-{name}")
}

/// The page where an update can be had (API specification, section 2.3).
pub(crate) fn catalog_link(kb: kbgap_catalog::Kb) -> String {
    format!("https://catalog.update.microsoft.com/v7/site/Search.aspx?q={kb}")
}
