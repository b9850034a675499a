//! Reading configuration: every variable through one [`Lookup`], every mistake reported at once.
//!
//! A service's configuration is built from small structs, one a concern, each with a `load(&mut Vars)`. Loading goes on
//! after a mistake with a stand-in value, so that one start shows all of them; [`Vars::finish`] then refuses the whole.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use secrecy::SecretString;

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

/// Reads variables and gathers what is wrong with them. An empty value counts as not set.
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

    /// The variable's text, if it is set and not empty.
    pub fn text(&mut self, name: &'static str) -> Option<String> {
        self.known.insert(name);
        match self.lookup.get(name) {
            Ok(value) => value.filter(|text| !text.is_empty()),
            Err(NotUnicode) => {
                self.reject(name, "is not valid UTF-8");
                None
            }
        }
    }

    /// The variable's text as a secret.
    pub fn secret(&mut self, name: &'static str) -> Option<SecretString> {
        self.text(name).map(SecretString::from)
    }

    /// The variable's value as `parse` reads it. The error of `parse` is shown as it is: it must not hold a secret.
    pub fn parsed<T>(&mut self, name: &'static str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let text = self.text(name)?;
        match parse(&text) {
            Ok(value) => Some(value),
            Err(problem) => {
                self.reject(name, problem);
                None
            }
        }
    }

    /// A whole number within `range`, or `default`.
    pub fn number<T>(&mut self, name: &'static str, default: T, range: std::ops::RangeInclusive<T>) -> T
    where
        T: std::str::FromStr + PartialOrd + fmt::Display + Copy,
    {
        self.parsed(name, |text| match text.parse() {
            Ok(number) if range.contains(&number) => Ok(number),
            _ => Err(format!("{text:?} is not a whole number from {} to {}", range.start(), range.end())),
        })
        .unwrap_or(default)
    }

    /// A number of milliseconds from 1 to 10 minutes, or `default`.
    pub fn milliseconds(&mut self, name: &'static str, default: u32) -> Duration {
        Duration::from_millis(self.number(name, default, 1..=600_000).into())
    }

    /// Rejects `name` if it is set to nothing, for a reader of its own that takes that for a value.
    pub fn not_empty(&mut self, name: &'static str) {
        if self.lookup.get(name).is_ok_and(|value| value.is_some_and(|text| text.is_empty())) {
            self.reject(name, "is set but empty: unset it or give it a value");
        }
    }

    /// Says that `name` can't be used.
    pub fn reject(&mut self, name: &'static str, problem: impl Into<String>) {
        self.errors.push(VariableError { variable: name, problem: problem.into() });
    }

    /// Whether `name` was found to be unusable.
    pub fn is_rejected(&self, name: &str) -> bool {
        self.errors.iter().any(|error| error.variable == name)
    }

    /// Every variable that was asked for: what this configuration accepts.
    pub fn known(&self) -> impl Iterator<Item = &'static str> {
        self.known.iter().copied()
    }

    /// `value`, if nothing was rejected.
    ///
    /// # Errors
    /// All the mistakes found, in the order in which they were met.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, ConfigErrors> {
        match value {
            Some(value) if self.errors.is_empty() => Ok(value),
            _ => Err(ConfigErrors(self.errors)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_mistakes_are_reported_at_once_and_each_names_its_variable() {
        let lookup = BTreeMap::from([("PORT", "http"), ("LIMIT", "0"), ("EMPTY", "")]);
        let mut vars = Vars::new(&lookup);
        assert_eq!(vars.number("PORT", 8080_u16, 0..=u16::MAX), 8080);
        assert_eq!(vars.number("LIMIT", 7, 1..=10), 7);
        assert_eq!(vars.number("EMPTY", 3, 1..=10), 3);
        assert_eq!(vars.known().collect::<Vec<_>>(), ["EMPTY", "LIMIT", "PORT"]);
        let errors = vars.finish(Some(())).unwrap_err();
        let names: Vec<_> = errors.0.iter().map(|error| error.variable).collect();
        assert_eq!(names, ["PORT", "LIMIT"]);
        assert!(errors.to_string().contains("PORT: \"http\" is not a whole number from 0 to 65535"), "{errors}");
    }
}
