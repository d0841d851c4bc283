//! The export of certificates by machine (API specification, section 2.15). Reports tell of none: there are rows of it
//! nowhere yet.

use std::sync::Arc;

use jiff::Timestamp;
use kbgap_odata::edm::Entity;

use super::shared::{Device, Text};

/// A certificate on a machine.
#[derive(Debug, Clone, Default)]
pub(crate) struct AssetCertificate {
    pub(crate) device: Arc<Device>,
    pub(crate) thumbprint: Option<Text>,
    pub(crate) path: Option<Text>,
    pub(crate) signature_algorithm: Option<Text>,
    pub(crate) key_size: i32,
    pub(crate) expires: Timestamp,
    pub(crate) issued: Timestamp,
    pub(crate) subject_type: Option<Text>,
    pub(crate) serial_number: Option<Text>,
    pub(crate) issued_to: Option<Text>,
    pub(crate) issued_by: Option<Text>,
    pub(crate) key_usage: Option<Text>,
    pub(crate) extended_key_usage: Option<Text>,
}

/// `AssetCertificateAssessment`.
pub(crate) fn asset_certificate() -> Entity<AssetCertificate> {
    Entity::complex("AssetCertificateAssessment")
        .about("a certificate on a device; this service has none")
        .string_or_null("deviceId", |c: &AssetCertificate| Some(&c.device.id))
        .doc("the device, as in Machine")
        .string_or_null("deviceName", |c| c.device.name.as_deref())
        .doc("the full DNS name of the device")
        .string_or_null("thumbprint", |c| c.thumbprint.as_deref())
        .doc("the hash that names the certificate")
        .string_or_null("path", |c| c.path.as_deref())
        .doc("the store that has it")
        .string_or_null("signatureAlgorithm", |c| c.signature_algorithm.as_deref())
        .doc("how it is signed")
        .int32("keySize", |c| c.key_size)
        .doc("the bits of its key")
        .time("expirationDate", |c| c.expires)
        .doc("when it ends")
        .time("issueDate", |c| c.issued)
        .doc("when it begins")
        .string_or_null("subjectType", |c| c.subject_type.as_deref())
        .doc("whether it is that of an authority")
        .string_or_null("serialNumber", |c| c.serial_number.as_deref())
        .doc("the number its issuer gave it")
        .string_or_null("issuedTo", |c| c.issued_to.as_deref())
        .doc("whose it is")
        .string_or_null("issuedBy", |c| c.issued_by.as_deref())
        .doc("who issued it")
        .string_or_null("keyUsage", |c| c.key_usage.as_deref())
        .doc("what the key may be used for")
        .string_or_null("extendedKeyUsage", |c| c.extended_key_usage.as_deref())
        .doc("what the key may be used for, more closely")
        .int32("rbacGroupId", |c| c.device.group.id)
        .doc("the number of the device group; 0 for a device in none")
        .string_or_null("rbacGroupName", |c| c.device.group.name.as_deref())
        .doc("the name of the device group")
        .build()
}
