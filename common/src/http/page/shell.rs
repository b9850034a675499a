//! What is around the content of every page.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{Page, Site, assets};

const ICON: &str = "data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'%20viewBox='0%200%2024%2024'%3E%3Cpath%20fill='%230a7a96'%20d='M0%204.5h24V16h-2a4.5%204.5%200%200%200-9%200h-2a4.5%204.5%200%200%200-9%200H0zM0%2018.5h24V20H0z'/%3E%3C/svg%3E";

impl Site {
    /// Returns the page as HTML. A member is somebody whose browser keeps a session.
    pub fn render(&self, member: bool, page: &Page<'_>) -> String {
        self.render_with(member, page, &html! {})
    }

    pub(in crate::http) fn render_with(&self, member: bool, page: &Page<'_>, head: &Markup) -> String {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="robots" content="noindex";
                    title { (page.title) " · Causeway" }
                    link rel="icon" href=(ICON);
                    @for style in assets::styles(page.assets) { style { (PreEscaped(style)) } }
                    (head)
                }
                body {
                    (icons())
                    a.skip href="#main" { "Skip to the content" }
                    (self.header(member, page.current))
                    main.wide id="main" tabindex="-1" { (page.content) }
                    footer.foot {
                        div.wide.soft {
                            span { "Causeway " (env!("CARGO_PKG_VERSION")) }
                            span data-times { "Times are UTC" }
                            a href="/docs/" { "API" }
                            a href="/problems" { "Problems" }
                        }
                    }
                    @for script in assets::scripts(page.assets) { script { (PreEscaped(script)) } }
                }
            }
        }
        .into_string()
    }

    fn header(&self, member: bool, current: &str) -> Markup {
        let members = self.members.as_ref().filter(|_| member);
        html! {
            header.top {
                div.wide {
                    a.brand href=(self.home) {
                        svg viewBox="0 0 24 24" aria-hidden="true" {
                            path d="M0 4.5h24V16h-2a4.5 4.5 0 0 0-9 0h-2a4.5 4.5 0 0 0-9 0H0z" {}
                            path d="M0 18.5h24V20H0z" {}
                        }
                        "Causeway"
                    }
                    nav aria-label="Main" {
                        ul.nav {
                            @for (path, name) in members.map_or(self.links, |members| members.links) {
                                li { a href=(path) aria-current=[(*path == current).then_some("page")] { (name) } }
                            }
                        }
                    }
                    @if let Some(members) = members {
                        form method="post" action=(members.sign_out) { button.quiet { "Sign out" } }
                    }
                }
            }
        }
    }
}

fn icons() -> Markup {
    html! {
        svg.sr width="0" height="0" aria-hidden="true" {
            symbol id="i-ok" viewBox="0 0 20 20" {
                circle cx="10" cy="10" r="9" fill="currentColor" {}
                path.g d="M6 10.4l2.8 2.8 5.3-6" {}
            }
            symbol id="i-warn" viewBox="0 0 20 20" {
                path fill="currentColor" d="M10 .6l9.4 9.4-9.4 9.4L.6 10z" {}
                path.g d="M10 5.8v4.8M10 14v.1" {}
            }
            symbol id="i-bad" viewBox="0 0 20 20" {
                rect x="1" y="1" width="18" height="18" rx="4" fill="currentColor" {}
                path.g d="M6.5 6.5l7 7m0-7l-7 7" {}
            }
            symbol id="i-skip" viewBox="0 0 20 20" {
                circle cx="10" cy="10" r="8.5" stroke-dasharray="3.3 2.64" {}
                path d="M6.5 10h7" {}
            }
        }
    }
}
