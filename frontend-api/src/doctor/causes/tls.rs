//! Causes of TLS: certificates, by the kind of server, versions, and client certificates.

use super::{Cause, causes};
use crate::doctor::stage::StageName::{Authentication, Http, Tls};

causes! {
    TLS_INTERMEDIATE: "tls-missing-intermediate" at [Tls] {
        evidence: "UnknownIssuer for a single certificate that has the address of its issuer's certificate",
        cause: "The server sends its own certificate without the intermediate one that connects it to a trusted authority.",
        remedy: "Install the whole chain on the server (fullchain.pem; for an imported ACM certificate its \
                 certificate chain).",
    }
    SERVER_UNKNOWN_AUTHORITY: "server-tls-unknown-authority" at [Tls] {
        evidence: "UnknownIssuer at a private service or target; the issuer is in the evidence",
        cause: "The server's certificate comes from an authority that is not public, and the service trusts only \
                public ones.",
        remedy: "Use a certificate of a public authority, such as one of ACM, or http:// within the VPC.",
    }
    AWS_TLS_INTERCEPTED: "tls-intercepted" at [Tls] {
        evidence: "UnknownIssuer or a wrong name at an endpoint of AWS",
        cause: "The answer does not come from AWS: a proxy intercepts TLS, or AWS_ENDPOINT_URL is wrong.",
        remedy: "Exempt AWS's endpoints from TLS inspection, or correct AWS_ENDPOINT_URL.",
    }
    SERVER_EXPIRED: "server-tls-expired" at [Tls] {
        evidence: "the certificate of a private service or target has expired, or is not valid yet",
        cause: "The server's certificate is not valid at this time.",
        remedy: "Renew the certificate; ACM does so by itself if the validation record is still in the DNS and the \
                 certificate is in use. Check the clock.",
    }
    SERVER_WRONG_NAME: "server-tls-wrong-name" at [Tls] {
        evidence: "the certificate of a private service or target does not have the host's name",
        cause: "The server's certificate is for another name than the URL's.",
        remedy: "Use a name from the certificate in the URL, or add the URL's host name to the certificate.",
    }
    TLS_CA_AS_SERVER: "tls-authority-as-server" at [Tls] {
        evidence: "basicConstraints CA:TRUE in the server's own certificate",
        cause: "The server presents a CA certificate instead of a server certificate.",
        remedy: "Issue a certificate with CA:FALSE for the server, signed by that authority; openssl req -x509 makes CA:TRUE by default.",
    }
    TLS_WRONG_USAGE: "tls-wrong-usage" at [Tls] {
        evidence: "extendedKeyUsage without serverAuth",
        cause: "The certificate is only for clients.",
        remedy: "Issue a certificate with extendedKeyUsage serverAuth for the server.",
    }
    TLS_SHA1: "tls-sha1" at [Tls] {
        evidence: "the certificate is signed with SHA-1",
        cause: "The certificate's signature algorithm is no longer accepted.",
        remedy: "Issue the certificate again, signed with SHA-256.",
    }
    TLS_SHORT_KEY: "tls-short-key" at [Tls] {
        evidence: "an RSA key of less than 2048 bits",
        cause: "The certificate's key is too short to be accepted.",
        remedy: "Issue the certificate again with an RSA key of at least 2048 bits, or a key on P-256.",
    }
    TLS_TOO_OLD: "tls-too-old" at [Tls] {
        evidence: "the alert protocol_version, or a version below 1.2",
        cause: "The server supports only TLS 1.0 or 1.1.",
        remedy: "Enable TLS 1.2 or 1.3 on the server (ssl_min_protocol_version, the balancer's security policy).",
    }
    TLS_CLIENT_CERTIFICATE: "tls-client-certificate-wanted" at [Tls, Authentication, Http] {
        evidence: "the server asks for a client's certificate and ends the connection, the alert certificate_required, or SQLSTATE 28000 about it",
        cause: "The server requires a client certificate, and the service has none.",
        remedy: "Turn this off for this caller (clientcert in pg_hba.conf, mutual authentication of the balancer's \
                 listener), or use another listener.",
    }
    TLS_EXPIRES_SOON: "tls-expires-soon" at [Tls] {
        evidence: "the certificate's validity ends within 30 days",
        cause: "The certificate expires soon.",
        remedy: "Renew the certificate before the date in the evidence.",
    }
}
