//! `config --print`: the value of each variable, and where it comes from. No secret is shown.

use std::fmt::Write;

use super::{Group, Lookup, Variable};

const HIDDEN: &str = "(hidden)";
const VALUE_COLUMNS: usize = 40;

/// The value of a variable that follows from another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Derived {
    /// Its name.
    pub variable: &'static str,
    /// The value, if it may be seen.
    pub value: Option<String>,
    /// Where it comes from.
    pub source: String,
}

/// Returns a line for each variable: name, value, source.
pub fn effective(groups: &[Group], lookup: &dyn Lookup, derived: &[Derived]) -> String {
    let name_columns = super::list::names(groups).map(str::len).max().unwrap_or_default();
    let mut text = String::new();
    for group in groups {
        let separator = if text.is_empty() { "" } else { "\n" };
        writeln!(text, "{separator}{}", group.title).expect("memory takes any text");
        for variable in group.variables {
            let (value, source) = of_variable(*variable, lookup, derived);
            let name = variable.name();
            writeln!(text, "  {name:<name_columns$}  {value:<VALUE_COLUMNS$}  {source}")
                .expect("memory takes any text");
        }
    }
    text
}

fn of_variable(variable: &dyn Variable, lookup: &dyn Lookup, derived: &[Derived]) -> (String, String) {
    if let Some(known) = derived.iter().find(|known| known.variable == variable.name()) {
        return (known.value.clone().unwrap_or_else(|| HIDDEN.to_owned()), known.source.clone());
    }
    match lookup.get(variable.name()).ok().flatten().filter(|text| !text.is_empty()) {
        Some(_) if variable.is_secret() => (HIDDEN.to_owned(), "environment".to_owned()),
        Some(text) => (without_credentials(&text), "environment".to_owned()),
        None => (variable.default_here().replace('`', ""), "default".to_owned()),
    }
}

/// URLs may have a password or a token in them; line breaks would look like further variables. Both may have commas in
/// them, which also separate the items of a list: what follows a query is shown only if it is another URL.
fn without_credentials(text: &str) -> String {
    let mut parts = text.split("://").peekable();
    let mut shown = parts.next().unwrap_or_default().to_owned();
    while let Some(part) = parts.next() {
        // The scheme of the next URL.
        let (url, next) =
            if parts.peek().is_some() { part.split_at(part.rfind(',').unwrap_or(part.len())) } else { (part, "") };
        let (url, query) = url.split_once(['?', '#']).map_or((url, ""), |(url, _)| (url, "?…"));
        let (place, path) = url.split_at(url.find('/').unwrap_or(url.len()));
        let (user, host) = place.rsplit_once('@').map_or(("", place), |(_, host)| ("…@", host));
        shown += &["://", user, host, path, query, next].concat();
    }
    shown.escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_shown_without_what_lets_somebody_in() {
        let rows = [
            ("info,actix_server=warn", "info,actix_server=warn"),
            ("http://user:hunter2@host:80/path", "http://…@host:80/path"),
            ("db:5432, https://host/?token=hunter2", "db:5432, https://host/?…"),
            ("https://host/mail@home", "https://host/mail@home"),
            ("http://user:hunter,2@host, https://a:b@c", "http://…@host, https://…@c"),
            ("https://host/?a=1,token=hunter2", "https://host/?…"),
            ("https://a/?token=1,2, https://b", "https://a/?…, https://b"),
            ("http://user:hunter2@a/?to=http://b", "http://…@a/?…://b"),
            ("two\nlines", "two\\nlines"),
        ];
        for (text, shown) in rows {
            assert_eq!(without_credentials(text), shown);
        }
    }
}
