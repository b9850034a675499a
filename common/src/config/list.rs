//! The list of all variables, for people and for documents.

use std::fmt::Write;

use super::Variable;

/// The variables of one concern.
pub struct Group {
    /// What they are about.
    pub title: &'static str,
    /// The variables, in the order in which they are shown.
    pub variables: &'static [&'static dyn Variable],
}

/// Returns the names of all variables.
pub fn names(groups: &[Group]) -> impl Iterator<Item = &'static str> {
    groups.iter().flat_map(|group| group.variables).map(|variable| variable.name())
}

/// Returns the list for a terminal.
pub fn to_text(groups: &[Group]) -> String {
    let mut text = String::from("An empty variable counts as not set.\n");
    for group in groups {
        writeln!(text, "\n{}", group.title).expect("memory takes any text");
        for variable in group.variables {
            let (name, help) = (variable.name(), variable.help());
            writeln!(text, "  {name}\n      {help}").expect("memory takes any text");
            let (accepts, default) = (variable.accepts(), variable.default());
            writeln!(text, "      Values: {accepts}. Default: {default}.").expect("memory takes any text");
        }
    }
    text
}

/// Returns the list as Markdown, with one table for each group.
pub fn to_markdown(service: &str, groups: &[Group]) -> String {
    let mut text = format!("\n## {service}\n");
    for group in groups {
        let head = "| variable | values | default | what it sets |\n|---|---|---|---|";
        writeln!(text, "\n### {}\n\n{head}", group.title).expect("memory takes any text");
        for variable in group.variables {
            let [accepts, default, help] = [variable.accepts(), variable.default(), variable.help().to_owned()]
                .map(|cell| cell.replace('|', "\\|"));
            writeln!(text, "| `{}` | {accepts} | {default} | {help} |", variable.name())
                .expect("memory takes any text");
        }
    }
    text
}
