//! Streams and consumers: what they are to be, making them, and telling how
//! those of a server differ.

use async_nats::jetstream::consumer::{AckPolicy, Consumer, pull};
use async_nats::jetstream::context::GetStreamErrorKind;
use async_nats::jetstream::stream::{
    Config, ConsumerError, DiscardPolicy, RetentionPolicy, StorageType, Stream,
};
use message::Topic;

use super::Link;
use crate::url::Shape;
use crate::{BusError, wire};

/// What a stored job takes at most, with headers and the stream's own record.
const STORED_JOB: i64 = 512;

/// How much `mail.dead` keeps before the oldest makes room.
const DEAD_OCTETS: i64 = 64 << 20;
const DEAD_MESSAGES: i64 = 10_000;

/// Within this time the repetition of a publication is dropped; longer than all
/// of its tries.
const DUPLICATES: std::time::Duration = std::time::Duration::from_secs(30);

/// How many jobs of a topic may be out, at all of its consumers together.
const MAX_OUT: i64 = 20_000;

/// What a topic is called on the server.
pub(super) struct Names {
    /// `mail.accepted`
    pub(super) subject: String,
    /// `mail-accepted`, of the stream and of its consumer.
    pub(super) stream: String,
}

impl Names {
    pub(super) fn of(shape: &Shape, topic: Topic) -> Self {
        let subject = shape.name(topic);
        let stream = subject.replace('.', "-");
        Self { subject, stream }
    }
}

/// Makes all streams and consumers, and updates those that differ.
pub(super) async fn make(link: &Link) -> Result<(), BusError> {
    for topic in Topic::ALL {
        let wanted = stream_config(&link.shape, topic);
        let name = wanted.name.clone();
        match stream(link, &name).await? {
            None => {
                let subject = format!("$JS.API.STREAM.CREATE.{name}");
                let creating = link.jetstream.create_stream(wanted);
                let created = link.denials.or(&subject, creating).await?;
                created.map_err(cannot("create the stream", &name))?;
                tracing::info!(stream = name, "created");
            }
            Some(stream) => update(link, &stream.cached_info().config, wanted).await?,
        }
    }
    for topic in wire::READ {
        let wanted = consumer_config(&link.shape, topic);
        let name = link.names(topic).stream;
        let made = link.jetstream.create_consumer_on_stream(wanted, &name);
        // Its version decides to what subject the server is asked.
        let made = link.denials.or("$JS.API.CONSUMER.", made).await?;
        made.map_err(cannot("create the consumer", &name))?;
    }
    Ok(())
}

async fn update(link: &Link, have: &Config, wanted: Config) -> Result<(), BusError> {
    if differences(have, &wanted).is_empty() {
        return Ok(());
    }
    let name = wanted.name.clone();
    let config = Config {
        // What an operator added beyond our settings stays.
        description: have.description.clone(),
        placement: have.placement.clone(),
        ..wanted
    };
    let subject = format!("$JS.API.STREAM.UPDATE.{name}");
    let updating = link.jetstream.update_stream(config);
    let updated = link.denials.or(&subject, updating).await?;
    updated.map_err(cannot("update the stream", &name))?;
    tracing::info!(stream = name, "updated");
    Ok(())
}

/// Tells how streams and consumers differ from what they are to be.
pub(super) async fn verify(link: &Link) -> Result<(), BusError> {
    let mut drift = Vec::new();
    for topic in Topic::ALL {
        let wanted = stream_config(&link.shape, topic);
        let name = wanted.name.clone();
        let Some(stream) = stream(link, &name).await? else {
            drift.push(format!("there is no stream {name}"));
            continue;
        };
        let differences = differences(&stream.cached_info().config, &wanted);
        drift.extend(
            differences
                .into_iter()
                .map(|d| format!("stream {name}: {d}")),
        );
        if topic != Topic::Dead {
            drift.extend(consumer_drift(link, topic).await?);
        }
    }
    match drift.is_empty() {
        true => Ok(()),
        false => Err(BusError::Drift(drift.join("; "))),
    }
}

async fn consumer_drift(link: &Link, topic: Topic) -> Result<Vec<String>, BusError> {
    let name = link.names(topic).stream;
    let consumer = match consumer(link, &name).await? {
        Ok(consumer) => consumer,
        Err(error) if not_found(&error) => {
            return Ok(vec![format!("stream {name} has no consumer {name}")]);
        }
        Err(error) => return Err(cannot("see the consumer", &name)(error)),
    };
    let have = &consumer.cached_info().config;
    let want = consumer_config(&link.shape, topic);
    let settings = [
        (
            "filter subject",
            have.filter_subject.clone(),
            want.filter_subject,
        ),
        (
            "ack policy",
            format!("{:?}", have.ack_policy),
            format!("{:?}", want.ack_policy),
        ),
        (
            "ack wait",
            format!("{:?}", have.ack_wait),
            format!("{:?}", want.ack_wait),
        ),
        (
            "max ack pending",
            have.max_ack_pending.to_string(),
            want.max_ack_pending.to_string(),
        ),
        (
            "max deliver",
            have.max_deliver.max(-1).to_string(),
            want.max_deliver.to_string(),
        ),
    ];
    Ok(differing(settings)
        .map(|d| format!("consumer {name}: {d}"))
        .collect())
}

/// The consumer of a stream, which has its name.
async fn consumer(
    link: &Link,
    name: &str,
) -> Result<Result<Consumer<pull::Config>, ConsumerError>, BusError> {
    let subject = format!("$JS.API.CONSUMER.INFO.{name}.{name}");
    let looking = link.jetstream.get_consumer_from_stream(name, name);
    link.denials.or(&subject, looking).await
}

fn not_found(error: &ConsumerError) -> bool {
    use async_nats::jetstream::ErrorCode;
    use async_nats::jetstream::stream::ConsumerErrorKind as Kind;
    match error.kind() {
        Kind::JetStream(answer) => answer.error_code() == ErrorCode::CONSUMER_NOT_FOUND,
        Kind::TimedOut
        | Kind::Request
        | Kind::InvalidConsumerType
        | Kind::InvalidName
        | Kind::Other => false,
    }
}

/// How many jobs wait: for people on `mail.dead`, else for a consumer.
pub(super) async fn depth(link: &Link, topic: Topic) -> Result<u64, BusError> {
    let name = link.names(topic).stream;
    if topic == Topic::Dead {
        let found = stream(link, &name).await?;
        return Ok(found.map_or(0, |stream| stream.cached_info().state.messages));
    }
    let consumer = consumer(link, &name)
        .await?
        .map_err(cannot("see the consumer", &name))?;
    Ok(consumer.cached_info().num_pending)
}

async fn stream(link: &Link, name: &str) -> Result<Option<Stream>, BusError> {
    let subject = format!("$JS.API.STREAM.INFO.{name}");
    let looking = link.jetstream.get_stream(name);
    match link.denials.or(&subject, looking).await? {
        Ok(stream) => Ok(Some(stream)),
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(answer)
                if answer.error_code() == async_nats::jetstream::ErrorCode::STREAM_NOT_FOUND =>
            {
                Ok(None)
            }
            GetStreamErrorKind::JetStream(_)
            | GetStreamErrorKind::EmptyName
            | GetStreamErrorKind::InvalidStreamName
            | GetStreamErrorKind::Request => Err(cannot("see the stream", name)(error)),
        },
    }
}

fn stream_config(shape: &Shape, topic: Topic) -> Config {
    let names = Names::of(shape, topic);
    let common = Config {
        name: names.stream,
        subjects: vec![names.subject],
        storage: StorageType::File,
        num_replicas: shape.replicas.into(),
        duplicate_window: DUPLICATES,
        ..Config::default()
    };
    if topic == Topic::Dead {
        return Config {
            retention: RetentionPolicy::Limits,
            discard: DiscardPolicy::Old,
            max_messages: DEAD_MESSAGES,
            max_bytes: DEAD_OCTETS,
            ..common
        };
    }
    Config {
        retention: RetentionPolicy::WorkQueue,
        discard: DiscardPolicy::New,
        max_messages: shape.max_jobs.into(),
        max_bytes: i64::from(shape.max_jobs)
            .saturating_mul(STORED_JOB)
            .max(1 << 20),
        max_message_size: wire::MAX_JOB as i32,
        ..common
    }
}

fn consumer_config(shape: &Shape, topic: Topic) -> pull::Config {
    let names = Names::of(shape, topic);
    pull::Config {
        durable_name: Some(names.stream),
        filter_subject: names.subject,
        ack_policy: AckPolicy::Explicit,
        ack_wait: shape.ack_wait,
        max_ack_pending: MAX_OUT,
        max_deliver: -1,
        ..pull::Config::default()
    }
}

fn differences(have: &Config, want: &Config) -> Vec<String> {
    let settings = [
        ("subjects", have.subjects.join(","), want.subjects.join(",")),
        (
            "storage",
            format!("{:?}", have.storage),
            format!("{:?}", want.storage),
        ),
        (
            "retention",
            format!("{:?}", have.retention),
            format!("{:?}", want.retention),
        ),
        (
            "discard",
            format!("{:?}", have.discard),
            format!("{:?}", want.discard),
        ),
        (
            "max messages",
            have.max_messages.to_string(),
            want.max_messages.to_string(),
        ),
        (
            "max bytes",
            have.max_bytes.to_string(),
            want.max_bytes.to_string(),
        ),
        (
            "max message size",
            have.max_message_size.max(0).to_string(),
            want.max_message_size.max(0).to_string(),
        ),
        (
            "replicas",
            have.num_replicas.to_string(),
            want.num_replicas.to_string(),
        ),
        (
            "duplicate window",
            format!("{:?}", have.duplicate_window),
            format!("{:?}", want.duplicate_window),
        ),
    ];
    differing(settings).collect()
}

fn differing<const N: usize>(
    settings: [(&'static str, String, String); N],
) -> impl Iterator<Item = String> {
    let differing = settings.into_iter().filter(|(_, have, want)| have != want);
    differing.map(|(name, have, want)| format!("{name} is {have}, not {want}"))
}

fn cannot<E: std::fmt::Display>(what: &str, name: &str) -> impl Fn(E) -> BusError {
    move |error| BusError::Unavailable(format!("cannot {what} {name}: {error}"))
}
