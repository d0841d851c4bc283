//! Where the files of exports are kept: a folder, or a bucket of S3, Azure or Google Cloud.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use jiff::Timestamp;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{GetOptions, ObjectStore, ObjectStoreScheme};
use url::Url;

use crate::bucket::BucketLinks;
use crate::hours::ValidHours;
use crate::path::ExportPath;

/// A place for the files of exports.
#[derive(Clone)]
pub struct ExportStore {
    pub(crate) objects: Arc<dyn ObjectStore>,
    /// Where the store gives links of its own.
    links: Option<BucketLinks>,
    /// The folder, if it is one.
    pub(crate) folder: Option<PathBuf>,
}

/// Why a store cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The address of the store cannot be read.
    #[error("'{place}' is neither a folder nor the address of a store: {cause}")]
    Address {
        /// What was given.
        place: String,
        /// What is wrong with it.
        cause: String,
    },
    /// The store is of a kind that is not built in.
    #[error("'{place}': stores of this kind are not built in{}", hint(*feature))]
    NotBuiltIn {
        /// What was given.
        place: String,
        /// The cargo feature that has it, if there is one.
        feature: Option<&'static str>,
    },
    /// The store has no such option.
    #[error("the store has no option '{0}'")]
    Option(String),
    /// The folder cannot be made or read.
    #[error("the folder of exports: {0}")]
    Folder(#[from] std::io::Error),
    /// The store says no.
    #[error("the store of exports: {0}")]
    Store(#[from] object_store::Error),
}

fn hint(feature: Option<&str>) -> String {
    feature.map_or_else(String::new, |name| format!(" (cargo feature '{name}')"))
}

/// A file to be sent to a client.
pub struct Download {
    /// How large the file is, in bytes.
    pub size: u64,
    /// Which bytes of it are sent.
    pub range: Range<u64>,
    /// When it was written.
    pub modified: Option<Timestamp>,
    /// Its tag, for conditional requests.
    pub etag: Option<String>,
    /// The bytes.
    pub body: BoxStream<'static, Result<Bytes, StoreError>>,
}

impl ExportStore {
    /// Opens the store at a folder (made if it is not there) or an address: `file:///…`, `memory:///`, `s3://bucket/…`,
    /// `az://container/…`, `gs://bucket/…` and the other forms of [`ObjectStoreScheme::parse`]. The latter three need
    /// the cargo features `aws`, `azure` and `gcp`.
    ///
    /// The options are those of the `object_store` crate for the kind of store (`aws_region`, `azure_storage_account_name`
    /// …), over those that the environment has under the store's usual names. A folder has none.
    ///
    /// Buckets need a rule that ends uploads that were never completed: after a crash they are found by nobody.
    pub fn open<K, V>(
        place: &str,
        options: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, StoreError>
    where
        K: AsRef<str>,
        V: Into<String>,
    {
        let options = options
            .into_iter()
            .map(|(key, value)| (key.as_ref().to_ascii_lowercase(), value.into()))
            .collect();
        if !place.contains("://") {
            return Self::in_folder(place.into(), options);
        }
        let unreadable = |cause: String| StoreError::Address {
            place: place.to_owned(),
            cause,
        };
        let url = Url::parse(place).map_err(|error| unreadable(error.to_string()))?;
        let (scheme, prefix) =
            ObjectStoreScheme::parse(&url).map_err(|error| unreadable(error.to_string()))?;
        match scheme {
            ObjectStoreScheme::Local => {
                let folder = url
                    .to_file_path()
                    .map_err(|()| unreadable("no path of a folder".to_owned()))?;
                Self::in_folder(folder, options)
            }
            ObjectStoreScheme::Memory => {
                no_options(options)?;
                Ok(Self::in_memory())
            }
            scheme => Self::remote(&scheme, place, prefix, options),
        }
    }

    /// A store that is gone with the process: for tests.
    pub fn in_memory() -> Self {
        Self {
            objects: Arc::new(InMemory::new()),
            links: None,
            folder: None,
        }
    }

    fn in_folder(folder: PathBuf, options: Vec<(String, String)>) -> Result<Self, StoreError> {
        no_options(options)?;
        std::fs::create_dir_all(&folder)?;
        let objects = LocalFileSystem::new_with_prefix(&folder)?
            // A manifest says that its parts are there: also after the power failed.
            .with_fsync(true)
            .with_automatic_cleanup(true);
        Ok(Self {
            objects: Arc::new(objects),
            links: None,
            folder: Some(folder),
        })
    }

    #[cfg_attr(
        not(any(feature = "aws", feature = "azure", feature = "gcp")),
        allow(
            unused_variables,
            clippy::needless_pass_by_value,
            reason = "no store takes them"
        )
    )]
    fn remote(
        scheme: &ObjectStoreScheme,
        place: &str,
        prefix: Path,
        options: Vec<(String, String)>,
    ) -> Result<Self, StoreError> {
        let feature = match scheme {
            #[cfg(feature = "aws")]
            ObjectStoreScheme::AmazonS3 => {
                let mut builder = object_store::aws::AmazonS3Builder::from_env().with_url(place);
                for (key, value) in options {
                    let known = key.parse().map_err(|_| StoreError::Option(key))?;
                    builder = builder.with_config(known, value);
                }
                return Ok(Self::signing(builder.build()?, prefix));
            }
            #[cfg(feature = "azure")]
            ObjectStoreScheme::MicrosoftAzure => {
                let mut builder =
                    object_store::azure::MicrosoftAzureBuilder::from_env().with_url(place);
                for (key, value) in options {
                    let known = key.parse().map_err(|_| StoreError::Option(key))?;
                    builder = builder.with_config(known, value);
                }
                return Ok(Self::signing(builder.build()?, prefix));
            }
            #[cfg(feature = "gcp")]
            ObjectStoreScheme::GoogleCloudStorage => {
                let mut builder =
                    object_store::gcp::GoogleCloudStorageBuilder::from_env().with_url(place);
                for (key, value) in options {
                    let known = key.parse().map_err(|_| StoreError::Option(key))?;
                    builder = builder.with_config(known, value);
                }
                return Ok(Self::signing(builder.build()?, prefix));
            }
            #[cfg(not(feature = "aws"))]
            ObjectStoreScheme::AmazonS3 => Some("aws"),
            #[cfg(not(feature = "azure"))]
            ObjectStoreScheme::MicrosoftAzure => Some("azure"),
            #[cfg(not(feature = "gcp"))]
            ObjectStoreScheme::GoogleCloudStorage => Some("gcp"),
            _ => None,
        };
        Err(StoreError::NotBuiltIn {
            place: place.to_owned(),
            feature,
        })
    }

    /// A bucket, from a prefix on.
    #[cfg(any(feature = "aws", feature = "azure", feature = "gcp"))]
    fn signing<T>(store: T, prefix: Path) -> Self
    where
        T: ObjectStore + object_store::signer::Signer,
    {
        let store = Arc::new(object_store::prefix::PrefixStore::new(store, prefix));
        Self {
            objects: store.clone(),
            links: Some(BucketLinks(store)),
            folder: None,
        }
    }

    /// Whether the store gives links of its own.
    pub fn gives_links(&self) -> bool {
        self.links.is_some()
    }

    /// Links of the store itself, where it gives them.
    pub(crate) async fn sign(
        &self,
        paths: impl Iterator<Item = &ExportPath>,
        hours: ValidHours,
    ) -> Option<Result<Vec<String>, StoreError>> {
        let links = self.links.as_ref()?;
        let paths: Vec<Path> = paths.map(ExportPath::location).collect();
        let valid = Duration::from_secs(u64::from(hours.get()) * 3600);
        Some(links.sign(&paths, valid).await.map_err(StoreError::from))
    }

    /// A file of an export, or some bytes of it; `None` if it is not there.
    pub async fn read(
        &self,
        path: &ExportPath,
        range: Option<Range<u64>>,
    ) -> Result<Option<Download>, StoreError> {
        let mut options = GetOptions::new();
        if let Some(range) = range {
            options = options.with_range(Some(range));
        }
        let found = match self.objects.get_opts(&path.location(), options).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        Ok(Some(Download {
            size: found.meta.size,
            range: found.range.clone(),
            modified: Timestamp::from_second(found.meta.last_modified.timestamp()).ok(),
            etag: found.meta.e_tag.clone(),
            body: found
                .into_stream()
                .map(|bytes| bytes.map_err(StoreError::from))
                .boxed(),
        }))
    }
}

impl fmt::Debug for ExportStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What a bucket shows of itself holds no credentials.
        f.debug_tuple("ExportStore")
            .field(&format_args!("{}", self.objects))
            .finish()
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download")
            .field("size", &self.size)
            .field("range", &self.range)
            .finish_non_exhaustive()
    }
}

fn no_options(options: Vec<(String, String)>) -> Result<(), StoreError> {
    options
        .into_iter()
        .next()
        .map_or(Ok(()), |(key, _)| Err(StoreError::Option(key)))
}
