//! Links that buckets give themselves. The library has them where a kind of bucket is built in only.

#[cfg(any(feature = "aws", feature = "azure", feature = "gcp"))]
mod built_in {
    use std::sync::Arc;
    use std::time::Duration;

    use object_store::path::Path;
    use object_store::signer::{Method, Signer};

    /// Gives links.
    #[derive(Clone)]
    pub(crate) struct BucketLinks(pub(crate) Arc<dyn Signer>);

    impl BucketLinks {
        /// Links to read some paths.
        pub(crate) async fn sign(
            &self,
            paths: &[Path],
            valid: Duration,
        ) -> object_store::Result<Vec<String>> {
            let urls = self.0.signed_urls(Method::GET, paths, valid).await?;
            Ok(urls.into_iter().map(String::from).collect())
        }
    }
}

#[cfg(not(any(feature = "aws", feature = "azure", feature = "gcp")))]
mod built_in {
    use std::time::Duration;

    use object_store::path::Path;

    /// There are none.
    #[derive(Clone)]
    pub(crate) enum BucketLinks {}

    impl BucketLinks {
        #[expect(clippy::unused_async, reason = "as where there are some")]
        pub(crate) async fn sign(
            &self,
            _: &[Path],
            _: Duration,
        ) -> object_store::Result<Vec<String>> {
            match *self {}
        }
    }
}

pub(crate) use built_in::BucketLinks;
