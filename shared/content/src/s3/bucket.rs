//! The bucket: requests, and what their failures mean. The one place that knows
//! `object_store`.
//!
//! A request is tried a few times within seconds, and then fails; whoever waits
//! for it answers 4xx. All our requests may be repeated: an object is written
//! under a name that nobody else draws, or replaced by what it already says.

use std::error::Error as StdError;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::client::HttpError;
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientOptions, GetOptions, MultipartUpload, ObjectStore, ObjectStoreExt,
    PutMode, PutPayload, RetryConfig, UpdateVersion,
};

use super::credentials::Credentials;
use super::url::S3Url;
use crate::{Error, Refusal};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// For a whole request: a part of 5 MiB passes at 1.4 Mbit/s.
const TIMEOUT: Duration = Duration::from_secs(30);
const TRIES: usize = 4;
/// No further try begins after this.
const PATIENCE: Duration = Duration::from_secs(20);

/// Our part of a bucket. Names are those below its prefix.
pub(super) struct Bucket {
    store: AmazonS3,
    name: Box<str>,
    prefix: Box<str>,
}

/// Some octets of an object.
pub(super) struct Piece {
    pub(super) octets: Bytes,
    /// The size of the whole object.
    pub(super) size: u64,
    /// The version of the object.
    pub(super) e_tag: Option<String>,
}

/// An object as listed.
pub(super) struct Object {
    pub(super) name: String,
    pub(super) size: u64,
}

impl Bucket {
    pub(super) fn open(url: &S3Url) -> Result<Self, Error> {
        // Whoever installed one before us has chosen.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = AmazonS3Builder::from_env()
            .with_bucket_name(&*url.bucket)
            .with_allow_http(url.allow_http)
            .with_client_options(
                ClientOptions::new()
                    .with_allow_http(url.allow_http)
                    .with_connect_timeout(CONNECT_TIMEOUT)
                    .with_timeout(TIMEOUT),
            )
            .with_retry(RetryConfig {
                backoff: BackoffConfig {
                    max_backoff: Duration::from_secs(2),
                    ..BackoffConfig::default()
                },
                max_retries: TRIES - 1,
                retry_timeout: PATIENCE,
            });
        if let Some(endpoint) = &url.endpoint {
            // AWS_ENDPOINT_URL_S3 of the environment would win over the first alone.
            builder = builder
                .with_endpoint(&**endpoint)
                .with_config(AmazonS3ConfigKey::S3Endpoint, &**endpoint);
        }
        if let Some(region) = &url.region {
            builder = builder.with_region(&**region);
        }
        if let Some(path) = &url.credentials {
            let Credentials {
                key_id,
                secret,
                token,
            } = Credentials::read(path).map_err(Error::io("read credentials from", path))?;
            builder = builder
                .with_access_key_id(key_id)
                .with_secret_access_key(secret);
            builder = match token {
                Some(token) => builder.with_token(token),
                None => builder,
            };
        }
        let place = format!("s3://{}", url.bucket);
        let store = builder
            .build()
            .map_err(|error| failure("use", place, error))?;
        Ok(Self {
            store,
            name: url.bucket.clone(),
            prefix: url.prefix.clone(),
        })
    }

    /// An object's URL, for people.
    pub(super) fn url(&self, name: &str) -> String {
        format!("s3://{}/{}", self.name, self.path(name))
    }

    fn path(&self, name: &str) -> Path {
        Path::from_iter(
            self.prefix
                .split('/')
                .chain(name.split('/'))
                .filter(|p| !p.is_empty()),
        )
    }

    /// Stores an object.
    pub(super) async fn put(&self, name: &str, payload: PutPayload) -> Result<(), Error> {
        let stored = self.store.put(&self.path(name), payload).await;
        stored
            .map(drop)
            .map_err(|error| self.failure("write", name, error))
    }

    /// Replaces the version `e_tag` of an object; false if it is another now.
    /// A store that ignores the condition replaces any.
    pub(super) async fn replace(
        &self,
        name: &str,
        e_tag: Option<String>,
        payload: PutPayload,
    ) -> Result<bool, Error> {
        let version = UpdateVersion {
            e_tag,
            version: None,
        };
        let mode = PutMode::Update(version);
        match self
            .store
            .put_opts(&self.path(name), payload, mode.into())
            .await
        {
            Ok(_) => Ok(true),
            Err(
                object_store::Error::Precondition { .. } | object_store::Error::NotFound { .. },
            ) => Ok(false),
            Err(error) => Err(self.failure("replace", name, error)),
        }
    }

    /// Begins an object of many parts.
    pub(super) async fn begin(&self, name: &str) -> Result<Parts, Error> {
        let upload = self.store.put_multipart(&self.path(name)).await;
        let upload = upload.map_err(|error| self.failure("begin", name, error))?;
        let object = self.url(name);
        Ok(Parts {
            upload: Some(upload),
            object,
        })
    }

    /// Reads what there is of `range`, which begins within the object; none if
    /// there is no object.
    pub(super) async fn read(&self, name: &str, range: Range<u64>) -> Result<Option<Piece>, Error> {
        self.get(name, GetOptions::new().with_range(Some(range)))
            .await
    }

    /// Reads a whole object, of which the caller knows that it is short.
    pub(super) async fn read_all(&self, name: &str) -> Result<Option<Piece>, Error> {
        self.get(name, GetOptions::new()).await
    }

    async fn get(&self, name: &str, options: GetOptions) -> Result<Option<Piece>, Error> {
        let path = self.path(name);
        let read = async {
            let result = self.store.get_opts(&path, options).await?;
            let (size, e_tag) = (result.meta.size, result.meta.e_tag.clone());
            let octets = result.bytes().await?;
            Ok(Piece {
                octets,
                size,
                e_tag,
            })
        };
        self.found("read", name, read.await)
    }

    /// The size of an object; none if there is none.
    pub(super) async fn size(&self, name: &str) -> Result<Option<u64>, Error> {
        let head = self.store.head(&self.path(name)).await;
        let head = self.found("look for", name, head)?;
        Ok(head.map(|meta| meta.size))
    }

    /// Removes an object, if it is there.
    pub(super) async fn remove(&self, name: &str) -> Result<(), Error> {
        let removed = self.store.delete(&self.path(name)).await;
        self.found("remove", name, removed).map(drop)
    }

    /// The objects below `folder` in the order of their names, those behind
    /// `after`.
    pub(super) fn list(
        &self,
        folder: &str,
        after: Option<&str>,
    ) -> BoxStream<'static, Result<Object, Error>> {
        let below = self.path(folder);
        let below = Some(&below).filter(|path| !path.as_ref().is_empty());
        let found = match after {
            Some(after) => self.store.list_with_offset(below, &self.path(after)),
            None => self.store.list(below),
        };
        let (ours, place) = (self.path(""), self.url(folder));
        let object = move |meta: object_store::ObjectMeta| {
            let parts: Vec<_> = meta.location.prefix_match(&ours)?.collect();
            let names: Vec<_> = parts.iter().map(AsRef::as_ref).collect();
            Some(Object {
                name: names.join("/"),
                size: meta.size,
            })
        };
        found
            .map_err(move |error| failure("list", place.clone(), error))
            .try_filter_map(move |meta| std::future::ready(Ok(object(meta))))
            .fuse()
            .boxed()
    }

    /// None for an object that is not there, unless the bucket is missing.
    fn found<T>(
        &self,
        operation: &'static str,
        name: &str,
        result: object_store::Result<T>,
    ) -> Result<Option<T>, Error> {
        match result {
            Ok(found) => Ok(Some(found)),
            Err(error @ object_store::Error::NotFound { .. }) if !says(&error, &NO_BUCKET) => {
                Ok(None)
            }
            Err(error) => Err(self.failure(operation, name, error)),
        }
    }

    fn failure(&self, operation: &'static str, name: &str, error: object_store::Error) -> Error {
        failure(operation, self.url(name), error)
    }
}

/// An object that comes part by part. Dropped before it is complete, it is
/// given up.
pub(super) struct Parts {
    upload: Option<Box<dyn MultipartUpload>>,
    object: String,
}

impl Parts {
    pub(super) async fn push(&mut self, payload: PutPayload) -> Result<(), Error> {
        let upload = self.upload.as_mut().ok_or(Error::GivenUp)?;
        let pushed = upload.put_part(payload).await;
        pushed.map_err(|error| failure("write", self.object.clone(), error))
    }

    /// Makes the parts an object.
    pub(super) async fn complete(mut self) -> Result<(), Error> {
        let upload = self.upload.as_mut().ok_or(Error::GivenUp)?;
        let completed = upload.complete().await;
        completed.map_err(|error| failure("complete", self.object.clone(), error))?;
        self.upload = None;
        Ok(())
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        let (Some(mut upload), Ok(runtime)) =
            (self.upload.take(), tokio::runtime::Handle::try_current())
        else {
            return;
        };
        let object = std::mem::take(&mut self.object);
        runtime.spawn(async move {
            if let Err(error) = upload.abort().await {
                tracing::warn!(object, %error, "cannot give up the parts of an unfinished content");
            }
        });
    }
}

fn failure(operation: &'static str, object: String, error: object_store::Error) -> Error {
    let refusal = match &error {
        object_store::Error::PermissionDenied { .. }
        | object_store::Error::Unauthenticated { .. } => Refusal::Denied,
        error if says(error, &NO_BUCKET) => Refusal::NoBucket,
        error if says(error, &DENIED) => Refusal::Denied,
        error if chain(error).any(|cause| cause.is::<HttpError>()) => Refusal::Unreachable,
        _other => Refusal::Failed,
    };
    Error::Remote {
        operation,
        object,
        refusal,
        source: Arc::new(error),
    }
}

/// The codes in S3's answers alone part a missing bucket from a missing object,
/// and tell what is wrong with a listing.
const NO_BUCKET: [&str; 1] = ["<Code>NoSuchBucket<"];
const DENIED: [&str; 3] = [
    "<Code>AccessDenied<",
    "<Code>InvalidAccessKeyId<",
    "<Code>SignatureDoesNotMatch<",
];

fn says(error: &object_store::Error, codes: &[&str]) -> bool {
    let texts = chain(error).map(|cause| cause.to_string());
    texts
        .into_iter()
        .any(|text| codes.iter().any(|code| text.contains(code)))
}

fn chain<'a>(error: &'a object_store::Error) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    let first: &'a (dyn StdError + 'static) = error;
    std::iter::successors(Some(first), |cause: &&'a (dyn StdError + 'static)| {
        (*cause).source()
    })
}
