//! What the tests of Causeway's services share: PostgreSQL, the services themselves, ports, faults on the way.

pub mod app;
pub mod aws;
pub mod collector;
pub mod command_line;
pub mod load;
pub mod network;
pub mod not_run;
pub mod openapi;
pub mod postgres;
pub mod proxy;
pub mod service;
pub mod tokens;

pub use causeway_local::ports;
