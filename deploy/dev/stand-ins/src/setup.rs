//! The password and the certificates of Compose's database.

use std::error::Error;
use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

/// The name of the database in Compose's network.
const DATABASE: &str = "db";

/// Writes `password`, `authority.pem`, `server.crt` and `server.key` into `folder`, once. The authority's key is not
/// kept, so that nothing else can be signed with it.
pub(crate) fn make(folder: &Path) -> Result<(), Box<dyn Error>> {
    // Written last: if it is there, all are.
    if folder.join("authority.pem").exists() {
        return Ok(());
    }
    let mut random = [0_u8; 16];
    fs::File::open("/dev/urandom")?.read_exact(&mut random)?;
    let password = format!("{:032x}", u128::from_ne_bytes(random));

    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate()?;
    let authority_certificate = authority.self_signed(&authority_key)?;
    let server_key = KeyPair::generate()?;
    let server = CertificateParams::new([DATABASE.to_owned(), "localhost".to_owned()])?;
    let server = server.signed_by(&server_key, &Issuer::new(authority, authority_key))?;

    write(folder, "password", &password)?;
    write(folder, "server.key", &server_key.serialize_pem())?;
    write(folder, "server.crt", &server.pem())?;
    write(folder, "authority.pem", &authority_certificate.pem())
}

/// All containers that read the files run under the account that writes them.
fn write(folder: &Path, name: &str, content: &str) -> Result<(), Box<dyn Error>> {
    let mut open = OpenOptions::new();
    let mut file = open.write(true).create(true).truncate(true).mode(0o600).open(folder.join(name))?;
    Ok(file.write_all(content.as_bytes())?)
}
