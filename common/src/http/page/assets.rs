//! Styles and scripts of the pages, in parts, so that a page carries only what it uses. They stand in the page itself, and the
//! policy names each part by its hash.

use std::sync::LazyLock;

use actix_web::http::header::HeaderValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};

/// What a page carries besides the shell's own style.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asset {
    /// The style of forms.
    Forms,
    /// The style of diary entries.
    Diary,
    /// The style of tables.
    Tables,
    /// The style of paths of hops.
    Path,
    /// The script that shows local times, and what changes while it is looked at.
    Live,
    /// The script of the form for a diary entry: preview, progress, drag and drop, paste.
    Entry,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Style,
    Script,
}

#[derive(Debug)]
struct Part {
    /// `None`: the shell's own, which every page carries.
    asset: Option<Asset>,
    sort: Sort,
    text: String,
    /// As a source of the policy.
    source: String,
}

/// All parts, in the order in which a page has them.
static PARTS: LazyLock<[Part; 7]> = LazyLock::new(|| {
    [
        Part::style(None, include_str!("style/base.css")),
        Part::style(Some(Asset::Forms), include_str!("style/forms.css")),
        Part::style(Some(Asset::Diary), include_str!("style/diary.css")),
        Part::style(Some(Asset::Tables), include_str!("style/tables.css")),
        Part::style(Some(Asset::Path), include_str!("style/path.css")),
        Part::script(Asset::Live, include_str!("script/live.js")),
        Part::script(Asset::Entry, include_str!("script/entry.js")),
    ]
});

static POLICY: LazyLock<String> = LazyLock::new(|| {
    let sources = |sort| {
        let sources = PARTS.iter().filter(|part| part.sort == sort).map(|part| &*part.source);
        sources.collect::<Vec<_>>().join(" ")
    };
    format!(
        "default-src 'none'; style-src {}; script-src {}; connect-src 'self'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'; img-src 'self' data: blob:",
        sources(Sort::Style),
        sources(Sort::Script),
    )
});

impl Part {
    fn style(asset: Option<Asset>, style: &str) -> Self {
        Self::new(asset, Sort::Style, minify_style(style))
    }

    fn script(asset: Asset, script: &str) -> Self {
        Self::new(Some(asset), Sort::Script, minify_script(script))
    }

    fn new(asset: Option<Asset>, sort: Sort, text: String) -> Self {
        let source = format!("'sha256-{}'", STANDARD.encode(digest(&SHA256, text.as_bytes())));
        Self { asset, sort, text, source }
    }
}

/// Returns the style sheets of a page, the shell's first.
pub(super) fn styles(assets: &[Asset]) -> impl Iterator<Item = &'static str> {
    texts(assets, Sort::Style)
}

/// Returns the scripts of a page.
pub(super) fn scripts(assets: &[Asset]) -> impl Iterator<Item = &'static str> {
    texts(assets, Sort::Script)
}

fn texts(assets: &[Asset], sort: Sort) -> impl Iterator<Item = &'static str> {
    let carried = move |part: &&Part| part.sort == sort && part.asset.is_none_or(|asset| assets.contains(&asset));
    PARTS.iter().filter(carried).map(|part| &*part.text)
}

/// Returns the policy of a page that also shows pictures from the origin `images`.
pub(super) fn policy(images: Option<&str>) -> HeaderValue {
    let policy = images.map_or_else(|| POLICY.clone(), |origin| format!("{} {origin}", *POLICY));
    HeaderValue::from_str(&policy).expect("hashes and origins are valid header values")
}

/// Removes comments and blanks that mean nothing.
fn minify_style(style: &str) -> String {
    let mut rest = style;
    let mut text = String::new();
    while let Some((before, after)) = rest.split_once("/*") {
        text.push_str(before);
        rest = after.split_once("*/").map_or("", |(_, after)| after);
    }
    text.push_str(rest);
    let mut text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    // A colon before a blank ends a property's name; one in a selector has no blank behind it.
    for (wide, narrow) in [
        (": ", ":"),
        ("; ", ";"),
        (", ", ","),
        (" {", "{"),
        ("{ ", "{"),
        (" }", "}"),
        ("} ", "}"),
        (";}", "}"),
        (" > ", ">"),
        (" !", "!"),
    ] {
        text = text.replace(wide, narrow);
    }
    text
}

/// Removes comments and indentation. Each statement ends with a semicolon and each comment has a line for itself.
fn minify_script(script: &str) -> String {
    let lines = script.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_style_loses_only_what_means_nothing() {
        let style = "/* a\n b */\n:root { --a: 1px; }\n\n.a > .b, .c :is(td, th) {\n  width: calc(1px + 2px) !important;\n}\n\
                     @media (min-width: 48rem) { .d::after { content: \"a\"; } }\n";
        let expected = ":root{--a:1px}.a>.b,.c :is(td,th){width:calc(1px + 2px)!important}\
                        @media (min-width:48rem){.d::after{content:\"a\"}}";
        assert_eq!(minify_style(style), expected);
        assert_eq!(minify_script("// a\nif (a) {\n  b();\n\n  // c\n}\n"), "if (a) {\nb();\n}");
    }

    #[test]
    fn the_policy_names_every_part_and_the_origin_of_pictures() {
        let policy = policy(Some("https://bucket.example"));
        let policy = policy.to_str().unwrap();
        for Part { asset, source, .. } in &*PARTS {
            assert!(policy.contains(source), "{asset:?}: {policy}");
        }
        assert!(policy.ends_with("img-src 'self' data: blob: https://bucket.example"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
    }
}
