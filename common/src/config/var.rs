//! One constant for each variable: its name, the values it accepts, its default and what it sets.
//!
//! The same constant is read when the configuration is loaded and shown by `help variables` and the documents.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use secrecy::SecretString;

use super::Vars;

/// A variable as `help variables` and the documents show it.
pub trait Variable {
    /// Returns the variable's name.
    fn name(&self) -> &'static str;
    /// Returns one sentence or two: what the variable sets.
    fn help(&self) -> &'static str;
    /// Returns the values that are accepted, in a few words.
    fn accepts(&self) -> String;
    /// Returns the value that is used if the variable is not set, or a description of it.
    fn default(&self) -> String;
    /// Returns the same, computed on this machine if need be.
    fn default_here(&self) -> String;
    /// Returns true if the value must not be shown.
    fn is_secret(&self) -> bool;
}

/// A variable that can be read with [`Vars::read`].
pub trait Read: Variable {
    /// The type of the value.
    type Value;
    /// Returns the value. Leaves a mistake in `vars` if there is one, and then returns the default.
    fn read(&self, vars: &mut Vars<'_>) -> Self::Value;
}

/// A variable with a default.
pub struct Var<T: 'static> {
    name: &'static str,
    help: &'static str,
    form: Form<T>,
    default: Fallback<T>,
}

/// A variable that may be left out.
pub struct Optional<T: 'static> {
    name: &'static str,
    help: &'static str,
    form: Form<T>,
    unset: &'static str,
    is_secret: bool,
}

enum Fallback<T> {
    Value(T),
    Computed { compute: fn() -> T, shown: &'static str },
}

/// How a text becomes a value.
enum Form<T> {
    Number { least: T, most: T, within: fn(&str, &T, &T) -> Option<T>, show: fn(&T) -> String },
    Text { accepts: &'static str, parse: fn(&str) -> Result<T, String> },
}

/// A whole number.
pub trait Int: FromStr + Display + PartialOrd + Copy + 'static {}

impl<T: FromStr + Display + PartialOrd + Copy + 'static> Int for T {}

impl<T: Int> Var<T> {
    /// Declares a whole number within `range`.
    pub const fn int(name: &'static str, default: T, range: RangeInclusive<T>, help: &'static str) -> Self {
        Self { name, help, form: Form::int(&range), default: Fallback::Value(default) }
    }

    /// Declares a whole number within `range` whose default is computed at start and described by `shown`.
    pub const fn computed_int(
        name: &'static str,
        (compute, shown): (fn() -> T, &'static str),
        range: RangeInclusive<T>,
        help: &'static str,
    ) -> Self {
        Self { name, help, form: Form::int(&range), default: Fallback::Computed { compute, shown } }
    }
}

impl Var<Duration> {
    /// Declares a number of milliseconds within `range`.
    pub const fn milliseconds(
        name: &'static str,
        default: u64,
        range: RangeInclusive<u64>,
        help: &'static str,
    ) -> Self {
        let form = Form::Number {
            least: Duration::from_millis(*range.start()),
            most: Duration::from_millis(*range.end()),
            within: |text, least, most| {
                let value = Duration::from_millis(text.parse().ok()?);
                (*least <= value && value <= *most).then_some(value)
            },
            show: |value| value.as_millis().to_string(),
        };
        Self { name, help, form, default: Fallback::Value(Duration::from_millis(default)) }
    }
}

impl<T> Var<T> {
    /// Declares a value that `parse` reads, with a default that `shown` describes. The error of `parse` is shown as it
    /// is: it must not hold a secret.
    pub const fn parsed(
        name: &'static str,
        (compute, shown): (fn() -> T, &'static str),
        accepts: &'static str,
        parse: fn(&str) -> Result<T, String>,
        help: &'static str,
    ) -> Self {
        Self { name, help, form: Form::Text { accepts, parse }, default: Fallback::Computed { compute, shown } }
    }
}

impl<T: Int> Optional<T> {
    /// Declares a whole number within `range` that may be left out; `unset` says what happens then.
    pub const fn int(name: &'static str, range: RangeInclusive<T>, unset: &'static str, help: &'static str) -> Self {
        Self { name, help, form: Form::int(&range), unset, is_secret: false }
    }
}

impl<T> Optional<T> {
    /// Declares a value that `parse` reads and that may be left out; `unset` says what happens then. The error of
    /// `parse` is shown as it is: it must not hold a secret.
    pub const fn parsed(
        name: &'static str,
        accepts: &'static str,
        parse: fn(&str) -> Result<T, String>,
        unset: &'static str,
        help: &'static str,
    ) -> Self {
        Self { name, help, form: Form::Text { accepts, parse }, unset, is_secret: false }
    }

    /// Declares the same for a value that must not be shown, or has a part of this kind.
    pub const fn parsed_secret(
        name: &'static str,
        accepts: &'static str,
        parse: fn(&str) -> Result<T, String>,
        unset: &'static str,
        help: &'static str,
    ) -> Self {
        Self { name, help, form: Form::Text { accepts, parse }, unset, is_secret: true }
    }
}

impl Optional<String> {
    /// Declares a text that may be left out; `unset` says what happens then.
    pub const fn text(name: &'static str, unset: &'static str, help: &'static str) -> Self {
        Self::parsed(name, "text", |text| Ok(text.to_owned()), unset, help)
    }
}

impl Optional<SecretString> {
    /// Declares a secret that may be left out; `unset` says what happens then.
    pub const fn secret(name: &'static str, unset: &'static str, help: &'static str) -> Self {
        Self::parsed_secret(name, "text, kept secret", |text| Ok(text.into()), unset, help)
    }
}

impl<T: Int> Form<T> {
    const fn int(range: &RangeInclusive<T>) -> Self {
        Self::Number {
            least: *range.start(),
            most: *range.end(),
            within: |text, least, most| text.parse().ok().filter(|value| least <= value && value <= most),
            show: T::to_string,
        }
    }
}

impl<T> Form<T> {
    fn parse(&self, text: &str) -> Result<T, String> {
        match self {
            Self::Number { least, most, within, .. } => {
                within(text, least, most).ok_or_else(|| format!("{text:?} is not a whole number {}", self.accepts()))
            }
            Self::Text { parse, .. } => parse(text),
        }
    }

    fn accepts(&self) -> String {
        match self {
            Self::Number { least, most, show, .. } => format!("from {} to {}", show(least), show(most)),
            Self::Text { accepts, .. } => (*accepts).to_owned(),
        }
    }

    fn show(&self, value: &T) -> String {
        match self {
            Self::Number { show, .. } => show(value),
            Self::Text { .. } => String::new(),
        }
    }
}

impl<T> Variable for Var<T> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn help(&self) -> &'static str {
        self.help
    }

    fn accepts(&self) -> String {
        self.form.accepts()
    }

    fn default(&self) -> String {
        match &self.default {
            Fallback::Value(value) => self.form.show(value),
            Fallback::Computed { shown, .. } => (*shown).to_owned(),
        }
    }

    fn default_here(&self) -> String {
        match (&self.default, &self.form) {
            (Fallback::Computed { compute, .. }, Form::Number { show, .. }) => show(&compute()),
            _ => self.default(),
        }
    }

    fn is_secret(&self) -> bool {
        false
    }
}

impl<T> Variable for Optional<T> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn help(&self) -> &'static str {
        self.help
    }

    fn accepts(&self) -> String {
        self.form.accepts()
    }

    fn default(&self) -> String {
        self.unset.to_owned()
    }

    fn default_here(&self) -> String {
        self.default()
    }

    fn is_secret(&self) -> bool {
        self.is_secret
    }
}

impl<T: Clone> Read for Var<T> {
    type Value = T;

    fn read(&self, vars: &mut Vars<'_>) -> T {
        vars.parse(self.name, |text| self.form.parse(text)).unwrap_or_else(|| match &self.default {
            Fallback::Value(value) => value.clone(),
            Fallback::Computed { compute, .. } => compute(),
        })
    }
}

impl<T> Read for Optional<T> {
    type Value = Option<T>;

    fn read(&self, vars: &mut Vars<'_>) -> Option<T> {
        vars.parse(self.name, |text| self.form.parse(text))
    }
}
