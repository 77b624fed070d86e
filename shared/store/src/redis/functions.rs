//! The libraries of functions: what `rohrpost init` loads and services verify.

use crate::StoreError;

use super::connection::{Call, Link};
use super::failure::{is_denied, translated};

/// A library of Redis Functions, one for each port.
struct Library {
    name: &'static str,
    /// Files, in the order in which they use one another.
    parts: &'static [&'static str],
}

/// What every library begins with.
const BASE: [&str; 4] = [
    include_str!("functions/base/register.lua"),
    include_str!("functions/base/integer.lua"),
    include_str!("functions/base/now.lua"),
    include_str!("functions/base/failure.lua"),
];

const LIBRARIES: [Library; 4] = [
    Library {
        name: "rohrpost_directory",
        parts: super::directory::FUNCTIONS,
    },
    Library {
        name: "rohrpost_mailbox",
        parts: super::mailbox::FUNCTIONS,
    },
    Library {
        name: "rohrpost_ledger",
        parts: super::ledger::FUNCTIONS,
    },
    Library {
        name: "rohrpost_logins",
        parts: super::logins::FUNCTIONS,
    },
];

/// What to do about functions that are not those of this version.
const HINT: &str = "run `rohrpost init` with an administrator's credentials";

impl Library {
    /// The function that tells the version.
    fn version_function(&self) -> String {
        format!("{}_version", self.name)
    }

    fn body(&self) -> String {
        let parts = BASE.iter().chain(self.parts);
        let parts = parts.copied().collect::<Vec<_>>().join("\n");
        format!("#!lua name={}\n{parts}", self.name)
    }

    fn version(&self) -> String {
        format!("{:08x}", crc32fast::hash(self.body().as_bytes()))
    }

    fn source(&self) -> String {
        format!(
            "{}\nredis.register_function{{\n  function_name = '{}',\n  \
             callback = function() return '{}' end,\n  flags = {{ 'no-writes' }},\n}}\n",
            self.body(),
            self.version_function(),
            self.version(),
        )
    }

    async fn verify(&self, link: &Link) -> Result<(), StoreError> {
        let call = Call::without_key(&self.version_function());
        let found = match link.try_call::<String>(&call).await {
            Err(error) if is_denied(&error) => {
                // Least privilege: this process does without that port.
                tracing::debug!(library = self.name, "may not use the library");
                return Ok(());
            }
            found => found.map_err(|error| translated(&error))?,
        };
        if found == self.version() {
            return Ok(());
        }
        Err(StoreError::Unavailable(format!(
            "Redis has version {found} of the functions {}, and this is {}: {HINT}",
            self.name,
            self.version(),
        )))
    }
}

/// Loads or replaces every library.
pub(super) async fn load(link: &Link) -> Result<(), StoreError> {
    for library in &LIBRARIES {
        let mut command = redis::cmd("FUNCTION");
        command.arg("LOAD").arg("REPLACE").arg(library.source());
        link.command::<String>(&command).await?;
    }
    Ok(())
}

/// Whether the server has the libraries of this version.
pub(super) async fn verify(link: &Link) -> Result<(), StoreError> {
    for library in &LIBRARIES {
        library.verify(link).await?;
    }
    Ok(())
}

/// What the server says of a function that it does not have.
pub(super) fn missing(reason: &str) -> Option<String> {
    reason
        .contains("Function not found")
        .then(|| format!("{reason}: {HINT}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_function_changes_the_version() {
        let [directory, mailbox, ledger, _] = &LIBRARIES;
        assert!(
            directory
                .source()
                .starts_with("#!lua name=rohrpost_directory\n")
        );
        assert_eq!(mailbox.version(), mailbox.version());
        assert_ne!(directory.version(), ledger.version());
    }
}
