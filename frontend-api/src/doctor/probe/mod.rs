//! Each probe tests one hop: it reports what it saw, and which fault that is.

pub(super) mod certificate;
pub(super) mod dns;
pub(super) mod http;
pub(super) mod kernel;
pub(super) mod nameserver;
pub(super) mod postgres;
pub(super) mod protocol;
pub(super) mod reads;
pub(super) mod statements;
pub(super) mod tcp;
pub(super) mod tls;

use std::io;

use super::causes::{
    CLOUD_MAP_NAME_NOT_FOUND, Cause, DATABASE_TIMED_OUT, NAME_NOT_FOUND, PRIVATE_ENDPOINT_TIMED_OUT,
    PRIVATE_SERVICE_TIMED_OUT, PUBLIC_ENDPOINT_TIMED_OUT, REGION_UNKNOWN, S3_TIMED_OUT,
};
use super::subject::Subject;

/// The same symptom has another cause and remedy for each subject.
fn name_not_found(subject: &Subject) -> &'static Cause {
    match subject {
        Subject::PrivateService => &CLOUD_MAP_NAME_NOT_FOUND,
        Subject::SecretsManager | Subject::S3 => &REGION_UNKNOWN,
        Subject::Configuration | Subject::Database | Subject::Target(_) => &NAME_NOT_FOUND,
    }
}

/// Returns the cause if packets to an address of the subject are not answered.
pub(super) fn timed_out(subject: &Subject, is_public: bool) -> &'static Cause {
    match subject {
        Subject::Configuration | Subject::Database => &DATABASE_TIMED_OUT,
        Subject::PrivateService => &PRIVATE_SERVICE_TIMED_OUT,
        Subject::S3 if is_public => &S3_TIMED_OUT,
        Subject::SecretsManager | Subject::Target(_) if is_public => &PUBLIC_ENDPOINT_TIMED_OUT,
        Subject::SecretsManager | Subject::S3 | Subject::Target(_) => &PRIVATE_ENDPOINT_TIMED_OUT,
    }
}

/// Returns true if this process or machine may open no more files.
fn is_out_of_descriptors(error: &io::Error) -> bool {
    /// Of the process, and of the machine.
    const EMFILE: i32 = 24;
    const ENFILE: i32 = 23;
    matches!(error.raw_os_error(), Some(EMFILE | ENFILE))
}

/// Addresses as evidence.
fn list(addresses: impl IntoIterator<Item = impl ToString>) -> String {
    addresses.into_iter().map(|address| address.to_string()).collect::<Vec<_>>().join(", ")
}
