//! The pages in Chromium, over its debugging pipe: whole ways through them with and without a script, what becomes of a
//! text when something fails, and how each page looks.

#![allow(clippy::unwrap_used, reason = "in tests a panic is the report")]
#![allow(unused_imports, dead_code, reason = "the helpers are those of the tests of the API, which use all of them")]

mod chromium;
#[path = "../api/diary.rs"]
mod diary;
mod failures;
mod hands;
#[path = "../api/helpers.rs"]
mod helpers;
mod journey;
mod looks;
#[path = "../api/people.rs"]
mod people;
mod tools;
mod use_of_pages;
#[path = "../api/web.rs"]
mod web;
