//! The connectivity doctor against real faults: packets that are dropped, servers that refuse, names that do not exist.

#![allow(clippy::unwrap_used, reason = "in tests a panic is the report")]

mod app;
mod combined;
mod command;
mod dns;
mod dns_server;
mod document;
mod faults;
mod healthy;
mod helpers;
mod http;
mod log;
mod login;
mod page;
mod private_service;
mod query;
mod ready;
mod secrets;
mod server;
mod sharing;
mod tcp;
mod tls;
mod wire;
mod world;
