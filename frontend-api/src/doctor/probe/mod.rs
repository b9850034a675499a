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
use std::net::IpAddr;

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

/// Whether an address is of the internet rather than of a VPC or this machine.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let shared = v4.octets()[0] == 100 && (64..128).contains(&v4.octets()[1]);
            !(v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified() || shared)
        }
        IpAddr::V6(v6) => {
            !(v6.is_loopback() || v6.is_unspecified() || v6.is_unique_local() || v6.is_unicast_link_local())
        }
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

#[cfg(test)]
mod tests {
    use super::is_public;

    #[test]
    fn private_addresses_are_those_of_vpcs_and_of_this_machine() {
        for private in ["10.0.1.5", "172.31.0.9", "192.168.1.1", "100.64.3.3", "127.0.0.1", "fd00::1", "::1"] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
        for public in ["52.94.5.1", "100.128.0.1", "2600:1f18::1", "::ffff:8.8.8.8"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }
}
