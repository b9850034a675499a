//! The connectivity doctor against real faults: packets that are dropped, servers that refuse, names that do not exist.

#![allow(clippy::unwrap_used, reason = "in tests a panic is the report")]

mod answers;
mod anywhere;
mod app;
mod bad_network;
mod certificates;
mod combined;
mod command;
mod dns;
mod dns_server;
mod document;
mod faults;
mod healthy;
mod helpers;
mod http;
mod iam;
mod log;
mod login;
mod page;
mod poolers;
mod private_service;
mod protocols;
mod query;
mod ready;
mod requests;
mod s3;
mod secrets;
mod server;
mod sharing;
mod tcp;
mod tls;
mod values;
mod wire;
mod world;
