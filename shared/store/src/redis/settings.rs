//! The settings of the server that decide what survives: looked at once, when
//! connecting. What is wrong is told and does not stop us: a managed server may
//! hide its settings, and its operator may know better.

use std::collections::HashMap;

use redis::RedisError;

use super::connection::Link;

/// Warns of settings under which Redis may lose what it said it has.
pub(super) async fn warn_of_losses(link: &Link) {
    match settings(link).await {
        Ok(settings) => {
            for problem in problems(&settings) {
                tracing::warn!("Redis may lose accepted mail: {problem}");
            }
        }
        Err(error) => tracing::warn!(
            %error,
            "cannot see whether Redis evicts keys and syncs its append-only file; grant \
             `config|get` or `info`, or make sure of maxmemory-policy noeviction, appendonly \
             yes and appendfsync always"
        ),
    }
}

/// What is known of the settings; a user without rights on CONFIG sees fewer.
#[derive(Debug, Default, PartialEq, Eq)]
struct Settings {
    policy: Option<String>,
    append_only: Option<bool>,
    fsync: Option<String>,
}

async fn settings(link: &Link) -> Result<Settings, RedisError> {
    let mut command = redis::cmd("CONFIG");
    command.arg("GET");
    command.arg(&["maxmemory-policy", "appendonly", "appendfsync"]);
    if let Ok(mut found) = link.command::<HashMap<String, String>>(&command).await {
        return Ok(Settings {
            policy: found.remove("maxmemory-policy"),
            append_only: found.remove("appendonly").map(|text| text == "yes"),
            fsync: found.remove("appendfsync"),
        });
    }
    let (memory, persistence) = (link.info("memory").await?, link.info("persistence").await?);
    Ok(Settings {
        policy: memory.text("maxmemory_policy").map(str::to_owned),
        append_only: persistence.number("aof_enabled").map(|number| number == 1),
        fsync: None,
    })
}

fn problems(settings: &Settings) -> Vec<String> {
    let mut problems = Vec::new();
    if let Some(policy) = settings.policy.as_deref().filter(|p| *p != "noeviction") {
        problems.push(format!(
            "its maxmemory-policy is {policy}, which drops keys when memory is short; \
             CONFIG SET maxmemory-policy noeviction"
        ));
    }
    if settings.append_only == Some(false) {
        problems.push("its append-only file is off; CONFIG SET appendonly yes".to_owned());
    }
    if let Some(fsync) = settings.fsync.as_deref().filter(|f| *f != "always") {
        problems.push(format!(
            "its appendfsync is {fsync}, so a power loss takes what it answered last; \
             CONFIG SET appendfsync always"
        ));
    }
    problems
}

/// What INFO says: lines of `name:value` between comments.
#[derive(Debug)]
pub(super) struct Info(HashMap<String, String>);

impl Info {
    pub(super) fn read(text: &str) -> Self {
        let pairs = text.lines().filter_map(|line| line.split_once(':'));
        Self(
            pairs
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        )
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }
}

impl Link {
    /// A section of INFO.
    pub(super) async fn info(&self, section: &str) -> Result<Info, RedisError> {
        let mut command = redis::cmd("INFO");
        command.arg(section);
        let text = self.query::<String>(&command).await?;
        Ok(Info::read(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_that_loses_mail_is_told() {
        let settings = |policy: &str, append_only, fsync: &str| Settings {
            policy: Some(policy.to_owned()),
            append_only: Some(append_only),
            fsync: Some(fsync.to_owned()),
        };
        assert_eq!(
            problems(&settings("noeviction", true, "always")),
            [""; 0],
            "as it should be"
        );
        assert_eq!(problems(&Settings::default()), [""; 0], "nothing is known");
        let told = problems(&settings("allkeys-lru", false, "everysec")).join("\n");
        for word in ["noeviction", "appendonly yes", "appendfsync always"] {
            assert!(told.contains(word), "{told}");
        }
    }
}
