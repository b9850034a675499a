//! Reads the configuration: each variable is a [`Var`] or [`Optional`] constant, and all mistakes are reported at once.
//!
//! A service's configuration is built from small structs, one for each concern, each with a `load(&mut Vars)`. Loading
//! goes on after a mistake with the default, so that one start shows all mistakes; [`Vars::finish`] then rejects the
//! configuration.

mod effective;
pub mod list;
mod var;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

pub use self::effective::{Derived, effective};
pub use self::list::Group;
pub use self::var::{Int, Optional, Read, Var, Variable};
use crate::http::server::ServerConfig;

/// The whole configuration of a service.
pub trait Configuration: Sized {
    /// The name of the service.
    const SERVICE: &'static str;
    /// Every variable that [`Self::read`] reads.
    const VARIABLES: &'static [Group];

    /// Reads everything, and leaves the mistakes in `vars`.
    fn read(vars: &mut Vars<'_>) -> Option<Self>;

    /// Returns where the service listens.
    fn server(&self) -> &ServerConfig;

    /// Returns the values that follow from other variables, for `config --print`. `lookup` is what was read.
    fn derived(&self, _lookup: &dyn Lookup) -> Vec<Derived> {
        Vec::new()
    }

    /// Reads everything through `lookup`.
    ///
    /// # Errors
    /// Returns all mistakes at once, each naming its variable.
    fn load(lookup: &dyn Lookup) -> Result<Self, ConfigErrors> {
        let mut vars = Vars::new(lookup);
        let config = Self::read(&mut vars);
        vars.finish(config)
    }
}

/// Where variables come from: the process in production, a map in tests.
pub trait Lookup {
    /// The value of `name`, if it is set. A value that is not Unicode is an error that names no value.
    fn get(&self, name: &str) -> Result<Option<String>, NotUnicode>;
}

/// A variable is set to bytes that are not Unicode.
#[derive(Debug)]
pub struct NotUnicode;

/// The environment of this process.
pub struct Environment;

impl Lookup for Environment {
    fn get(&self, name: &str) -> Result<Option<String>, NotUnicode> {
        match std::env::var(name) {
            Ok(value) => Ok(Some(value)),
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(std::env::VarError::NotUnicode(_)) => Err(NotUnicode),
        }
    }
}

impl Lookup for BTreeMap<&str, &str> {
    fn get(&self, name: &str) -> Result<Option<String>, NotUnicode> {
        Ok(BTreeMap::get(self, name).map(|&value| value.to_owned()))
    }
}

/// One variable that can't be used, and why. The text never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct VariableError {
    /// The variable's name.
    pub variable: &'static str,
    /// What is wrong with it and what would be right.
    pub problem: String,
}

/// Everything that is wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigErrors(pub Vec<VariableError>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration has {} mistake(s):", self.0.len())?;
        for error in &self.0 {
            write!(f, "\n  {}: {}", error.variable, error.problem)?;
        }
        Ok(())
    }
}

/// Reads variables and collects their mistakes. An empty value counts as not set.
pub struct Vars<'a> {
    lookup: &'a dyn Lookup,
    known: BTreeSet<&'static str>,
    errors: Vec<VariableError>,
}

impl<'a> Vars<'a> {
    /// Starts reading from `lookup`.
    pub fn new(lookup: &'a dyn Lookup) -> Self {
        Self { lookup, known: BTreeSet::new(), errors: Vec::new() }
    }

    /// Returns the value of `variable`. A mistake is kept for [`Self::finish`], and the default is returned.
    pub fn read<V: Read>(&mut self, variable: &V) -> V::Value {
        variable.read(self)
    }

    /// Returns what `parse` makes of the variable's text, if it is set and not empty.
    fn parse<T>(&mut self, name: &'static str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        self.known.insert(name);
        let text = match self.lookup.get(name) {
            Ok(text) => text.filter(|text| !text.is_empty())?,
            Err(NotUnicode) => {
                self.reject(name, "is not valid UTF-8");
                return None;
            }
        };
        parse(&text).map_err(|problem| self.reject(name, problem)).ok()
    }

    /// Rejects an empty `variable`: the AWS SDK reads it directly and treats an empty string as a value.
    pub fn not_empty(&mut self, variable: &impl Variable) {
        let name = variable.name();
        self.known.insert(name);
        if self.lookup.get(name).is_ok_and(|value| value.is_some_and(|text| text.is_empty())) {
            self.reject(name, "is set but empty: unset it or give it a value");
        }
    }

    /// Records that `name` can't be used.
    pub fn reject(&mut self, name: &'static str, problem: impl Into<String>) {
        self.errors.push(VariableError { variable: name, problem: problem.into() });
    }

    /// Whether `name` was found to be unusable.
    pub fn is_rejected(&self, name: &str) -> bool {
        self.errors.iter().any(|error| error.variable == name)
    }

    /// Returns the name of every variable that was read.
    pub fn known(&self) -> impl Iterator<Item = &'static str> {
        self.known.iter().copied()
    }

    /// Returns `value` if nothing was rejected.
    ///
    /// # Errors
    /// Returns all mistakes, in the order in which they were found.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, ConfigErrors> {
        match value {
            Some(value) if self.errors.is_empty() => Ok(value),
            _ => Err(ConfigErrors(self.errors)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const PORT: Var<u16> = Var::int("PORT", 8080, 0..=65_535, "Port to listen on.");
    const LIMIT: Var<usize> = Var::computed_int("LIMIT", (|| 7, "seven"), 1..=10, "Requests in flight.");
    const WAIT: Var<Duration> = Var::milliseconds("WAIT_MS", 3000, 1..=600_000, "How long to wait.");
    const TOKEN: Optional<secrecy::SecretString> = Optional::secret("TOKEN", "nobody may ask", "Who may ask.");
    const GROUPS: &[Group] = &[Group { title: "All", variables: &[&PORT, &LIMIT, &WAIT, &TOKEN] }];

    #[test]
    fn all_mistakes_are_reported_at_once_and_each_names_its_variable() {
        let lookup = BTreeMap::from([("PORT", "http"), ("LIMIT", "0"), ("WAIT_MS", "600001"), ("TOKEN", "")]);
        let mut vars = Vars::new(&lookup);
        assert_eq!(vars.read(&PORT), 8080);
        assert_eq!(vars.read(&LIMIT), 7);
        assert_eq!(vars.read(&WAIT), Duration::from_secs(3));
        assert!(vars.read(&TOKEN).is_none());
        assert_eq!(vars.known().collect::<Vec<_>>(), ["LIMIT", "PORT", "TOKEN", "WAIT_MS"]);
        let errors = vars.finish(Some(())).unwrap_err();
        let names: Vec<_> = errors.0.iter().map(|error| error.variable).collect();
        assert_eq!(names, ["PORT", "LIMIT", "WAIT_MS"]);
        assert!(errors.to_string().contains("PORT: \"http\" is not a whole number from 0 to 65535"), "{errors}");
    }

    #[test]
    fn numbers_are_accepted_up_to_both_ends_of_their_range() {
        let read = |text| Vars::new(&BTreeMap::from([("WAIT_MS", text)])).read(&WAIT).as_millis();
        assert_eq!(["1", "600000", "", "0"].map(read), [1, 600_000, 3000, 3000]);
        let lookup = BTreeMap::from([("LIMIT", "10"), ("PORT", "0")]);
        let mut vars = Vars::new(&lookup);
        assert_eq!((vars.read(&LIMIT), vars.read(&PORT)), (10, 0));
        assert!(vars.finish(Some(())).is_ok());
    }

    #[test]
    fn the_list_shows_each_variable_with_its_values_and_default() {
        assert_eq!(list::names(GROUPS).collect::<Vec<_>>(), ["PORT", "LIMIT", "WAIT_MS", "TOKEN"]);
        let text = list::to_text(GROUPS);
        assert!(
            text.contains("PORT\n      Port to listen on.\n      Values: from 0 to 65535. Default: 8080."),
            "{text}"
        );
        let table = list::to_markdown("service", GROUPS);
        assert!(table.contains("| `LIMIT` | from 1 to 10 | seven | Requests in flight. |"), "{table}");
        assert!(table.contains("| `WAIT_MS` | from 1 to 600000 | 3000 | How long to wait. |"), "{table}");
    }
}
