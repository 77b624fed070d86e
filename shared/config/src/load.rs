//! Reading a configuration: the file first, then the environment, then whether
//! all of it goes together.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

use toml::{Table, Value};

use crate::Config;
use crate::check::Problem;
use crate::error::{ConfigError, Place};
use crate::locate::{Source, key_text};

/// How the names of our environment variables begin. Two underscores part what
/// follows: `ROHRPOST__SMTP__MAX_SIZE`.
const PREFIX: &str = "ROHRPOST__";

/// The last part of the name of a variable that holds the path of a file.
const FILE: &str = "file";

/// The environment of the process, as [`Config::load`] takes it. Octets that are
/// not UTF-8 are replaced, so that a variable of ours with such octets is
/// refused, and others harm nobody.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    let text = |octets: OsString| octets.to_string_lossy().into_owned();
    env::vars_os().map(move |(name, value)| (text(name), text(value)))
}

impl Config {
    /// Reads the file, where there is one, and the environment's overrides.
    ///
    /// A variable's value is TOML, or, where it is not, plain text:
    /// `ROHRPOST__SMTP__MAX_SIZE=10 MiB`,
    /// `ROHRPOST__SMTP__MX=["0.0.0.0:25"]`.
    ///
    /// A variable whose name ends in `__FILE` holds the path of a file with the
    /// value, as for secrets: `ROHRPOST__ENGINES__STORE__FILE=/run/secrets/store`.
    ///
    /// # Errors
    /// When the file cannot be read, or the first thing that is wrong.
    pub fn load(
        path: Option<&Path>,
        env: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        Self::load_checked(path, env, Self::check)
    }

    /// Reads what a service needs that runs in a process of its own: engines that
    /// the other services reach too.
    ///
    /// # Errors
    /// As [`Config::load`], and when an engine is embedded.
    pub fn load_for_service(
        path: Option<&Path>,
        env: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        Self::load_checked(path, env, |config| {
            config.check().and_then(|()| config.check_service())
        })
    }

    fn load_checked(
        path: Option<&Path>,
        env: impl Iterator<Item = (String, String)>,
        check: impl Fn(&Self) -> Result<(), Problem>,
    ) -> Result<Self, ConfigError> {
        let text = match path {
            Some(path) => read(path)?,
            None => String::new(),
        };
        let source = path.map(|path| Source { path, text: &text });
        let file = parse(&text, source.as_ref())?;
        let overrides = Override::all(env)?;
        let config = overlay(file, &overrides)?;
        check(&config).map_err(|problem| {
            let place = place_of(&problem, &overrides, source.as_ref());
            problem.at(place)
        })?;
        Ok(config)
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    fs::read_to_string(path).map_err(|cause| ConfigError::Read {
        path: path.to_owned(),
        cause,
    })
}

/// The file as a table, already known to be a valid [`Config`].
fn parse(text: &str, source: Option<&Source<'_>>) -> Result<Table, ConfigError> {
    let table = toml::from_str::<Config>(text).and_then(|_| toml::from_str::<Table>(text));
    table.map_err(|error| {
        let range = error.span().unwrap_or_default();
        ConfigError::Invalid {
            place: source.map_or(Place::Defaults, |source| source.place(range.start)),
            key: source.map_or_else(String::new, |source| source.key_at(&range)),
            reason: plain(error.message()),
        }
    })
}

/// One environment variable.
struct Override {
    variable: String,
    path: Vec<String>,
    value: String,
}

impl Override {
    /// Ours among the variables, in the order of their names.
    fn all(env: impl Iterator<Item = (String, String)>) -> Result<Vec<Self>, ConfigError> {
        let ours: BTreeMap<_, _> = env.filter(|(name, _)| name.starts_with(PREFIX)).collect();
        let overrides = ours.into_iter().map(|(variable, value)| {
            let keys = variable[PREFIX.len()..].to_ascii_lowercase();
            let path = keys.split("__").map(str::to_owned).collect();
            let given = Self {
                variable,
                path,
                value,
            };
            given.resolved()
        });
        overrides.collect()
    }

    /// With the text of the file in place of its path, where that is meant.
    fn resolved(mut self) -> Result<Self, ConfigError> {
        if self.path.last().is_none_or(|last| last != FILE) {
            return Ok(self);
        }
        self.path.pop();
        match fs::read_to_string(&self.value) {
            Ok(text) => Ok(Self {
                value: text.trim_end_matches(['\r', '\n']).to_owned(),
                ..self
            }),
            Err(cause) => Err(self.refused(format!("cannot read {:?}: {cause}", self.value))),
        }
    }

    /// What the value may mean, the most specific first.
    fn readings(&self) -> impl Iterator<Item = Value> {
        let toml = format!("value = {}", self.value).parse::<Table>().ok();
        // More than one key would mean that the text had a line end in it.
        let single = toml.filter(|table| table.len() == 1);
        let typed = single.and_then(|mut table| table.remove("value"));
        typed.into_iter().chain([Value::String(self.value.clone())])
    }

    fn refused(&self, reason: impl Into<String>) -> ConfigError {
        ConfigError::Invalid {
            place: Place::Variable(self.variable.clone()),
            key: key_text(&self.path),
            reason: reason.into(),
        }
    }
}

/// Sets the overrides one by one, so that an error names its variable.
fn overlay(mut table: Table, overrides: &[Override]) -> Result<Config, ConfigError> {
    let mut config = deserialize(&table).unwrap_or_default();
    for each in overrides {
        let mut refusal = None;
        let taken = each.readings().find_map(|value| {
            let changed = set(&table, &each.path, value)?;
            match deserialize(&changed) {
                Ok(config) => Some((changed, config)),
                Err(reason) => {
                    refusal.get_or_insert(reason);
                    None
                }
            }
        });
        (table, config) = taken.ok_or_else(|| {
            let reason = refusal.unwrap_or_else(|| "not a key of any section".to_owned());
            each.refused(reason)
        })?;
    }
    Ok(config)
}

fn deserialize(table: &Table) -> Result<Config, String> {
    let config = table.clone().try_into();
    config.map_err(|error: toml::de::Error| plain(error.message()))
}

/// What the parser said, in the words of who writes a configuration.
fn plain(message: &str) -> String {
    const WORDS: [(&str, &str); 9] = [
        ("unknown field", "unknown key"),
        ("missing field", "missing key"),
        ("unknown variant", "unknown value"),
        ("expected a sequence", "expected a list"),
        ("expected u16", "expected a whole number up to 65535"),
        ("expected u32", "expected a whole number"),
        ("expected u64", "expected a whole number"),
        ("expected usize", "expected a whole number"),
        ("expected f64", "expected a number"),
    ];
    let words = WORDS.into_iter();
    words.fold(message.to_owned(), |text, (from, to)| {
        text.replace(from, to)
    })
}

/// The table with `value` at `path`; none where the path leads through a value
/// that is no table.
fn set(table: &Table, path: &[String], value: Value) -> Option<Table> {
    let mut changed = table.clone();
    let (last, sections) = path.split_last()?;
    let mut inner = &mut changed;
    for section in sections {
        let entry = inner.entry(section.clone());
        inner = entry
            .or_insert_with(|| Table::new().into())
            .as_table_mut()?;
    }
    inner.insert(last.clone(), value);
    Some(changed)
}

/// Where to look for the cause of a problem: the variable that set the key,
/// or its line in the file.
fn place_of(problem: &Problem, overrides: &[Override], source: Option<&Source<'_>>) -> Place {
    let set_by = overrides.iter().find(|each| problem.path == each.path);
    if let Some(each) = set_by {
        return Place::Variable(each.variable.clone());
    }
    let path: Vec<&str> = problem.path.iter().map(String::as_str).collect();
    let in_file = source.and_then(|source| source.find(&path));
    in_file.unwrap_or(Place::Defaults)
}
