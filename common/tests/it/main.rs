//! What this crate promises to services.

mod tasks;
