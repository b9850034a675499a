//! The whole of Causeway on one machine: a real PostgreSQL as a child process, stand-ins for what only AWS has, and the
//! supervision of both services. The tests use the same PostgreSQL.

pub mod ports;
pub mod postgres;
mod service;
pub mod settings;
mod stand_ins;
pub mod supervise;
pub mod system;
mod urls;
