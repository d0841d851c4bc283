//! Certificates for development: an authority of one's own, and the server's certificate by it.
//!
//! Clients trust the authority, once; the server's certificate is renewed and gets other names without their knowing.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::crypto::aws_lc_rs;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;

use crate::certificate::{CertificateFiles, TlsError, read, read_chain};

/// How long the authority is good for.
const AUTHORITY_YEARS: i64 = 10;
/// How long a server's certificate is good for: longer ones are refused by some clients.
const DAYS: i64 = 397;
/// How long before its end it is renewed.
const RENEW_DAYS: i64 = 30;

/// The development certificate of a data directory.
#[derive(Debug, Clone)]
pub struct Development {
    folder: PathBuf,
    names: BTreeSet<String>,
}

/// Who the authority is to those that look at it.
const AUTHORITY: &str = "kbgap development authority";

impl Development {
    /// The one that lies in a folder, for these host names and addresses and for the machine itself.
    pub fn new(folder: PathBuf, names: impl IntoIterator<Item = String>) -> Self {
        let own = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let names = names.into_iter().chain(own);
        Self {
            folder,
            names: names.map(|name| name.to_ascii_lowercase()).collect(),
        }
    }

    /// The certificate that clients are to trust.
    pub fn authority(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    fn authority_key(&self) -> PathBuf {
        self.folder.join("ca-key.pem")
    }

    /// The server's certificate and its key.
    fn files(&self) -> CertificateFiles {
        CertificateFiles {
            certificate: self.folder.join("certificate.pem"),
            key: self.folder.join("key.pem"),
        }
    }

    /// Sees to it that there is a certificate for these names that is good for a while.
    pub(crate) fn ensure(&self) -> Result<CertificateFiles, TlsError> {
        let files = self.files();
        let today = date(Timestamp::now());
        let authority_lasts = lasts(&self.authority(), today, DAYS.days()).is_some();
        let names = lasts(&files.certificate, today, RENEW_DAYS.days());
        if authority_lasts
            && names.is_some_and(|names| names == self.names)
            && files.read(&aws_lc_rs::default_provider()).is_ok()
        {
            return Ok(files);
        }
        create_folder(&self.folder)?;
        let issuer = match self.kept_authority() {
            Some(kept) if authority_lasts => kept,
            _ => self.make_authority(today)?,
        };
        self.make(&issuer, today)?;
        Ok(files)
    }

    fn kept_authority(&self) -> Option<Issuer<'static, KeyPair>> {
        let text = |path: PathBuf| String::from_utf8(read(&path).ok()?).ok();
        let key = KeyPair::from_pem(&text(self.authority_key())?).ok()?;
        let certificate = text(self.authority())?;
        Issuer::from_ca_cert_pem(&certificate, key).ok()
    }

    fn make_authority(&self, today: Date) -> Result<Issuer<'static, KeyPair>, TlsError> {
        let key = KeyPair::generate()?;
        let mut params = of_days(today, AUTHORITY_YEARS.years(), CertificateParams::default());
        params
            .distinguished_name
            .push(DnType::CommonName, AUTHORITY);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key)?;
        self.write(&self.authority_key(), &key.serialize_pem())?;
        self.write(&self.authority(), &certificate.pem())?;
        Ok(Issuer::new(params, key))
    }

    fn make(&self, issuer: &Issuer<'_, KeyPair>, today: Date) -> Result<(), TlsError> {
        let key = KeyPair::generate()?;
        let names: Vec<String> = self.names.iter().cloned().collect();
        let mut params = of_days(today, DAYS.days(), CertificateParams::new(names)?);
        params
            .distinguished_name
            .push(DnType::CommonName, "kbgap development certificate");
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.signed_by(&key, issuer)?;
        let files = self.files();
        self.write(&files.key, &key.serialize_pem())?;
        self.write(&files.certificate, &certificate.pem())
    }

    /// Replaces a file, whole or not at all; only its owner may read it.
    fn write(&self, path: &Path, pem: &str) -> Result<(), TlsError> {
        let write = || {
            let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
            file.write_all(pem.as_bytes())?;
            file.as_file().sync_all()?;
            file.persist(path).map_err(|error| error.error)?;
            Ok(())
        };
        write().map_err(TlsError::file(path))
    }
}

fn date(at: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(at).date()
}

/// The same from the day before, for clocks differ, for so long.
fn of_days(today: Date, long: Span, mut params: CertificateParams) -> CertificateParams {
    let day = |date: Date| {
        let (month, day) = (date.month().unsigned_abs(), date.day().unsigned_abs());
        date_time_ymd(i32::from(date.year()), month, day)
    };
    params.not_before = day(today.saturating_sub(1.day()));
    params.not_after = day(today.saturating_add(long));
    params
}

/// The names of the first certificate of a file, where it is still good in a while.
fn lasts(path: &Path, today: Date, a_while: Span) -> Option<BTreeSet<String>> {
    let chain = read_chain(path).ok()?;
    let (_, certificate) = parse_x509_certificate(chain.first()?).ok()?;
    let end = Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()?;
    if date(end) < today.saturating_add(a_while) {
        return None;
    }
    let names = certificate.subject_alternative_name().ok()?;
    let names = names
        .into_iter()
        .flat_map(|names| &names.value.general_names);
    Some(names.filter_map(name).collect())
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        GeneralName::IPAddress(bytes) => {
            let four = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            let address = four.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from));
            address.ok().map(|address| address.to_string())
        }
        _ => None,
    }
}

fn create_folder(folder: &Path) -> Result<(), TlsError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(TlsError::file(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn development(folder: &Path, names: &[&str]) -> Development {
        Development::new(
            folder.join("tls"),
            names.iter().map(|&name| name.to_owned()),
        )
    }

    #[test]
    fn it_is_kept_while_it_is_good() {
        let folder = tempfile::tempdir().unwrap();
        let made = development(folder.path(), &["KBs.example"]);
        let files = made.ensure().unwrap();
        let read = || std::fs::read(&files.certificate).unwrap();
        let (first, authority) = (read(), std::fs::read(made.authority()).unwrap());
        made.ensure().unwrap();
        assert_eq!(read(), first);
        // Other names: another certificate, of the same authority.
        let renamed = development(folder.path(), &["other.example", "192.0.2.7"]);
        renamed.ensure().unwrap();
        assert_ne!(read(), first);
        assert_eq!(std::fs::read(made.authority()).unwrap(), authority);
        let today = date(Timestamp::now());
        let named = lasts(&files.certificate, today, 0.days()).unwrap();
        assert!(
            named.contains("192.0.2.7") && named.contains("::1"),
            "{named:?}"
        );
        assert!(!named.contains("kbs.example"));
    }

    #[test]
    fn it_is_renewed_before_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let made = development(folder.path(), &["kbs.example"]);
        let files = made.ensure().unwrap();
        let issuer = made.kept_authority().unwrap();
        let today = date(Timestamp::now());
        let end = |a_while: Span| lasts(&files.certificate, today, a_while).is_some();
        assert!(end(DAYS.days()) && !end((DAYS + 1).days()));
        for (ago, renewed) in [(DAYS - RENEW_DAYS, false), (DAYS - RENEW_DAYS + 1, true)] {
            made.make(&issuer, today.saturating_sub(ago.days()))
                .unwrap();
            let before = std::fs::read(&files.certificate).unwrap();
            made.ensure().unwrap();
            assert_eq!(
                std::fs::read(&files.certificate).unwrap() != before,
                renewed
            );
        }
    }

    #[cfg(unix)]
    #[test]
    fn keys_are_their_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let made = development(folder.path(), &[]);
        let files = made.ensure().unwrap();
        for path in [&files.key, &made.authority_key()] {
            let rights = std::fs::metadata(path).unwrap().permissions().mode();
            assert_eq!(rights & 0o077, 0, "{}", path.display());
        }
    }

    #[test]
    fn what_is_damaged_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let made = development(folder.path(), &[]);
        let files = made.ensure().unwrap();
        for path in [
            &files.key,
            &files.certificate,
            &made.authority_key(),
            &made.authority(),
        ] {
            std::fs::write(path, "no PEM").unwrap();
            std::fs::remove_file(&files.certificate).unwrap();
            made.ensure().unwrap();
            assert!(files.read(&aws_lc_rs::default_provider()).is_ok());
        }
    }
}
