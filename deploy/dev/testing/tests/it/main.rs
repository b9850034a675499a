//! What the tests of the services rely on.

mod postgres;
mod proxy;
mod with_postgres;
