//! Promise 9: each message is one trace without orphans, and its id is the
//! message id. The trees are the same in one process and over each broker.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};
use config::LogFormat;
use message::MessageId;
use system::{Answer, Broker, Client, Collector, House, Plan, Remote, Stage, until};

/// Waits until the exported trace has as many spans as the expected tree, then
/// compares. `UPDATE_TREES=1` writes the trees anew, to be read before a commit.
async fn check(collector: &Collector, trace: MessageId, name: &str) -> Result<()> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/trees")
        .join(name);
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    let mut last = String::new();
    let mut same = 0;
    let arrived = until(name, async || {
        let tree = collector.tree(trace);
        same = if tree == last { same + 1 } else { 0 };
        last = tree;
        let settled = same > 100 && std::env::var_os("UPDATE_TREES").is_some();
        Ok((last == expected || settled).then_some(()))
    });
    if arrived.await.is_err() {
        assert_eq!(last, expected, "{name}");
    }
    if last != expected {
        std::fs::write(&file, last).with_context(|| file.display().to_string())?;
    }
    Ok(())
}

/// A house whose traces are collected, and the world it faces.
struct Scene {
    house: House,
    remote: Remote,
    collector: Collector,
}

impl Scene {
    async fn set(broker: Option<Broker>) -> Result<Self> {
        let (remote, collector) = (Remote::start().await?, Collector::start().await?);
        // Each attempt resolves and connects, whichever instance makes it.
        let plan = Plan::new()?.with(|config| config.relay.per_connection = 1);
        let plan = plan.facing(&remote).traced_by(&collector);
        let plan = match broker {
            Some(broker) => plan.over(broker),
            None => plan,
        };
        Ok(Self {
            house: plan.start().await?,
            remote,
            collector,
        })
    }

    /// Every kind of message, one after the other.
    async fn play(&self) -> Result<()> {
        self.local_message().await?;
        self.relayed_message().await?;
        self.message_deferred_twice().await?;
        self.bounced_message_and_its_notice().await?;
        self.alias_of_local_and_remote().await
    }

    async fn local_message(&self) -> Result<()> {
        let [alice, _] = self.house.accounts();
        let id = self.receive(&alice.address).await?;
        check(&self.collector, id, "local.txt").await?;
        let spans = self.collector.trace(id);
        let root = spans.first().context("a root")?;
        assert_eq!(
            root.attributes.get("rohrpost.message.id"),
            Some(&id.to_string())
        );
        for span in &spans {
            let told = span
                .attributes
                .values()
                .any(|value| value.contains("alice@"));
            assert!(!told, "an address in {span:?}");
        }
        Ok(())
    }

    async fn relayed_message(&self) -> Result<()> {
        let id = self.submit("carol@sink.test").await?;
        check(&self.collector, id, "relayed.txt").await?;
        let spans = self.collector.trace(id);
        let sending = spans
            .iter()
            .find(|span| span.name == "smtp send")
            .context("smtp send")?;
        for (name, value) in [
            ("server.address", "mx.sink.test"),
            ("network.peer.address", "127.0.0.1"),
            ("rohrpost.smtp.reply.code", "250"),
            ("rohrpost.smtp.reply.status", "2.0.0"),
        ] {
            assert_eq!(
                sending.attributes.get(name).map(String::as_str),
                Some(value),
                "{name}"
            );
        }
        Ok(())
    }

    /// The next two recipients are refused for now.
    fn refuse_twice(&self) {
        let refusals = AtomicU32::new(0);
        self.remote.sink.behave(move |stage, _| match stage {
            Stage::Recipient if refusals.fetch_add(1, Ordering::SeqCst) < 2 => {
                Answer::reply("451 4.3.0 not now")
            }
            _ => Answer::Accept,
        });
    }

    async fn message_deferred_twice(&self) -> Result<()> {
        self.refuse_twice();
        let id = self.submit("carol@sink.test").await?;
        check(&self.collector, id, "deferred.txt").await
    }

    async fn bounced_message_and_its_notice(&self) -> Result<()> {
        let id = self.submit("carol@nomail.test").await?;
        check(&self.collector, id, "bounced.txt").await?;
        let history = self.house.json(&["trace", &id.to_string()]).await?;
        let history = history.first().context("a history")?;
        let notice: MessageId = history["notices"][0]["id"]
            .as_str()
            .context("a notice")?
            .parse()?;
        check(&self.collector, notice, "notice.txt").await?;
        let spans = self.collector.trace(notice);
        let root = spans
            .iter()
            .find(|span| span.parent == 0)
            .context("a root")?;
        assert_eq!(root.links, [id]);
        Ok(())
    }

    async fn alias_of_local_and_remote(&self) -> Result<()> {
        let targets = [
            "alice@rohrpost.test",
            "bob@rohrpost.test",
            "carol@sink.test",
        ];
        let command = [&["alias", "add", "team@rohrpost.test"], &targets[..]].concat();
        self.house.tell(&command).await?;
        let id = self.receive("team@rohrpost.test").await?;
        check(&self.collector, id, "alias.txt").await
    }

    /// A letter from elsewhere, until all that follows from it is done.
    async fn receive(&self, to: &str) -> Result<MessageId> {
        let mut client = Client::connect(self.house.mx()).await?;
        let letter = b"From: dave@sink.test\r\nSubject: a letter\r\n\r\nhello\r\n";
        let id = client.mail("dave@sink.test", &[to], letter).await?;
        self.house.wait_until_settled().await?;
        Ok(id)
    }

    /// A letter that alice sends, until all that follows from it is done.
    async fn submit(&self, to: &str) -> Result<MessageId> {
        let [alice, _] = self.house.accounts();
        let from = &alice.address;
        let letter = format!("From: {from}\r\nSubject: a letter\r\n\r\nhello\r\n");
        let mut client = self.house.submit_as(alice).await?;
        let id = client.mail(from, &[to], letter.as_bytes()).await?;
        self.house.wait_until_settled().await?;
        Ok(id)
    }
}

#[tokio::test]
async fn in_one_process() -> Result<()> {
    Scene::set(None).await?.play().await
}

#[tokio::test]
async fn over_nats() -> Result<()> {
    Scene::set(Some(Broker::Nats)).await?.play().await
}

#[tokio::test]
async fn over_rabbitmq() -> Result<()> {
    Scene::set(Some(Broker::RabbitMq)).await?.play().await
}

/// Without a single span every line of the log leads to its message: accepted,
/// routed, what became of each recipient, and the notice with what it is about.
#[tokio::test]
async fn without_sampling_the_log_tells_of_each_message_by_its_id() -> Result<()> {
    let (remote, collector) = (Remote::start().await?, Collector::start().await?);
    let plan = Plan::new()?.facing(&remote).traced_by(&collector);
    let plan = plan.with(|config| {
        config.telemetry.sampling = 0.0;
        config.telemetry.log_format = LogFormat::Json;
    });
    let house = plan.start().await?;
    let scene = Scene {
        house,
        remote,
        collector,
    };
    scene.refuse_twice();
    let [alice, _] = scene.house.accounts();
    let local = scene.receive(&alice.address).await?;
    let deferred = scene.submit("carol@sink.test").await?;
    let bounced = scene.submit("carol@nomail.test").await?;

    let relay = "attempted sink.test";
    let lines = Lines::of(&scene.house)?;
    lines.check(local, &["accepted", "routed", "attempted local delivered"])?;
    let again = ["deferred", "deferred", "relayed"].map(|outcome| format!("{relay} {outcome}"));
    let again = again.iter().map(String::as_str);
    let told: Vec<_> = ["accepted", "routed"].into_iter().chain(again).collect();
    lines.check(deferred, &told)?;
    let failed = "attempted nomail.test failed";
    lines.check(bounced, &["accepted", "routed", failed])?;
    let notice = lines.notice_about(bounced)?;
    let delivered = "attempted local delivered";
    lines.check(notice, &["notice sent", "routed", delivered])?;
    let addresses = lines.0.iter().any(|line| line.get("recipient").is_some());
    assert!(!addresses, "addresses without telemetry.addresses");
    for id in [local, deferred, bounced, notice] {
        assert_eq!(scene.collector.trace(id).len(), 0, "spans of {id}");
    }
    Ok(())
}

/// A log of JSON lines.
struct Lines(Vec<serde_json::Value>);

impl Lines {
    fn of(house: &House) -> Result<Self> {
        let logged = house.logged()?;
        let lines = logged.lines().map(serde_json::from_str);
        Ok(Self(lines.collect::<Result<_, _>>()?))
    }

    /// What is told of a message at level info: event, destination, outcome.
    fn check(&self, message: MessageId, expected: &[&str]) -> Result<()> {
        let id = message.to_string();
        let lines = self.0.iter().filter(|line| line["message_id"] == id);
        let lines = lines.filter(|line| line["level"] == "INFO");
        let said = lines.map(|line| {
            let words = ["message", "destination", "outcome"].map(|key| line[key].as_str());
            words.into_iter().flatten().collect::<Vec<_>>().join(" ")
        });
        assert_eq!(said.collect::<Vec<_>>(), expected, "of {id}");
        Ok(())
    }

    fn notice_about(&self, message: MessageId) -> Result<MessageId> {
        let about = message.to_string();
        let line = self.0.iter().find(|line| line["about"] == about);
        let id = line.and_then(|line| line["message_id"].as_str());
        Ok(id.context("no notice")?.parse()?)
    }
}
