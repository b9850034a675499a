//! Black-box tests: the real binary on a real port, with a real PostgreSQL and stand-ins for what only AWS has.

#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, but clippy does not count their helpers")]

mod access_log;
mod attempts;
mod authorization;
mod aws;
mod config;
mod config_secrets;
mod connections;
mod cross_site;
mod diaries;
mod diaries_faults;
mod diaries_forms;
mod diaries_pictures;
mod diary;
mod failures_network;
mod failures_postgres;
mod failures_queue;
mod failures_secret;
mod helpers;
mod http;
mod http_bad_input;
mod http_docs;
mod metrics;
mod pages;
mod people;
mod private_service;
mod private_service_replicas;
mod secrets;
mod sessions;
mod shutdown;
mod sockets;
mod tls;
mod tls_server;
mod traces;
mod traces_calls;
mod users;
mod visits;
mod visits_batches;
mod visits_commit;
mod visits_tables;
mod visits_user_agent;
