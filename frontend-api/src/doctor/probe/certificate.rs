//! Reads a server's certificate, for the evidence and for causes that rustls's error alone does not show.

use rustls::client::verify_server_name;
use rustls::server::ParsedCertificate;
use time::{Duration, OffsetDateTime};
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::oid::db::rfc5280::ID_PE_AUTHORITY_INFO_ACCESS;
use x509_cert::der::oid::db::rfc5912::{RSA_ENCRYPTION, SHA_1_WITH_RSA_ENCRYPTION};
use x509_cert::ext::pkix::BasicConstraints;
use x509_cert::spki::der::asn1::UintRef;
use x509_cert::spki::der::{Reader, SliceReader};
use x509_cert::time::Time;

use crate::tls::Shown;

/// RFC 3279, 2.2.3.
const ECDSA_WITH_SHA_1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.1");
/// How long before it expires a certificate deserves a look.
const SOON: Duration = Duration::days(30);
const SHORTEST_RSA_BITS: usize = 2048;

/// What was seen of a server's own certificate.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a finding, and any number of them can hold")]
pub(in crate::doctor) struct Seen {
    /// For people.
    pub(in crate::doctor) text: String,
    pub(in crate::doctor) is_authority: bool,
    pub(in crate::doctor) is_sha1: bool,
    pub(in crate::doctor) is_short: bool,
    pub(in crate::doctor) ends_soon: bool,
    /// Its time is over or has not begun.
    pub(in crate::doctor) is_out_of_date: bool,
    pub(in crate::doctor) is_for_name: bool,
    pub(in crate::doctor) is_self_issued: bool,
    /// It comes alone, is not its own issuer, and has the address of the issuer's certificate.
    pub(in crate::doctor) lacks_intermediate: bool,
}

/// Looks at a certificate, and at what came with it.
pub(in crate::doctor) fn look(shown: &Shown<'_>) -> Seen {
    let (certificate, intermediates) = (shown.certificate, shown.intermediates.len());
    let Ok(parsed) = Certificate::from_der(certificate) else {
        return Seen { text: "a certificate that can't be parsed".to_owned(), ..Seen::default() };
    };
    let tbs = &parsed.tbs_certificate;
    let has = |id: ObjectIdentifier| tbs.extensions.iter().flatten().any(|extension| extension.extn_id == id);
    let constraints = tbs.get::<BasicConstraints>().ok().flatten();
    let moment = |time: &Time| OffsetDateTime::UNIX_EPOCH + time.to_unix_duration();
    let (begin, end, now) =
        (moment(&tbs.validity.not_before), moment(&tbs.validity.not_after), OffsetDateTime::now_utc());
    let name = ParsedCertificate::try_from(certificate).and_then(|parsed| verify_server_name(&parsed, shown.name));
    let algorithm = parsed.signature_algorithm.oid;
    let key = &tbs.subject_public_key_info;
    let bits = (key.algorithm.oid == RSA_ENCRYPTION).then(|| modulus_bits(key.subject_public_key.raw_bytes()));
    Seen {
        text: format!("a certificate for {} by {}, valid until {}", tbs.subject, tbs.issuer, tbs.validity.not_after),
        is_authority: constraints.is_some_and(|(_, constraints)| constraints.ca),
        is_sha1: algorithm == SHA_1_WITH_RSA_ENCRYPTION || algorithm == ECDSA_WITH_SHA_1,
        is_short: bits.flatten().is_some_and(|bits| bits < SHORTEST_RSA_BITS),
        ends_soon: end - now < SOON,
        is_out_of_date: now < begin || end < now,
        is_for_name: name.is_ok(),
        is_self_issued: tbs.issuer == tbs.subject,
        lacks_intermediate: intermediates == 0 && tbs.issuer != tbs.subject && has(ID_PE_AUTHORITY_INFO_ACCESS),
    }
}

/// RFC 8017, A.1.1: a sequence of modulus and exponent.
fn modulus_bits(key: &[u8]) -> Option<usize> {
    let mut reader = SliceReader::new(key).ok()?;
    let modulus = reader.sequence(|inner| {
        let modulus: UintRef<'_> = inner.decode()?;
        let _: UintRef<'_> = inner.decode()?;
        Ok(modulus)
    });
    let bytes = modulus.ok()?;
    let bytes = bytes.as_bytes();
    Some(bytes.len() * 8 - bytes.first().map_or(0, |first| first.leading_zeros() as usize))
}
