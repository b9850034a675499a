//! Verifies a token's signature without the SDK that signed it.

use std::time::SystemTime;

use causeway_stand_ins::{ACCESS_KEY_ID, SECRET_ACCESS_KEY};
use ring::{digest, hmac};
use url::Url;

use super::{Kind, REGION, SESSION_TOKEN, USER};

/// Calculates the signature as AWS's documentation of Signature Version 4 says.
pub(super) fn verify(token: &str, kind: Kind, port: u16, now: SystemTime) -> Result<(), String> {
    let (service, host) = kind.signed_for(port);
    let url = Url::parse(&format!("https://{token}")).map_err(|error| error.to_string())?;
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let get = |name: &str| {
        let value = pairs.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str());
        value.ok_or_else(|| format!("{name} is missing"))
    };
    let time = get("X-Amz-Date")?;
    let day = time.get(..8).ok_or("the date is short")?;
    let scope = format!("{day}/{REGION}/{service}/aws4_request");
    let right = match kind {
        Kind::Aurora => [("Action", "connect"), ("DBUser", USER)],
        Kind::Dsql => [("Action", "DbConnect"); 2],
    };
    let expected = [
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("X-Amz-Credential", &format!("{ACCESS_KEY_ID}/{scope}")),
        ("X-Amz-Expires", "900"),
        ("X-Amz-SignedHeaders", "host"),
        ("X-Amz-Security-Token", SESSION_TOKEN),
    ];
    for (name, value) in right.into_iter().chain(expected) {
        let given = get(name)?;
        if given != value {
            return Err(format!("{name} is {given:?} instead of {value:?}"));
        }
    }
    if !token.starts_with(&format!("{host}/?")) {
        return Err(format!("it is not for {host}"));
    }
    let age = now.duration_since(SystemTime::UNIX_EPOCH).map_err(|error| error.to_string())?.as_secs();
    if !(0..900).contains(&age.checked_sub(seconds(time)?).ok_or("it is of the future")?) {
        return Err("it has expired".to_owned());
    }

    let mut query: Vec<_> = pairs.iter().filter(|(name, _)| name != "X-Amz-Signature").collect();
    query.sort();
    let query: Vec<_> =
        query.into_iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    let empty = hex(digest::digest(&digest::SHA256, b"").as_ref());
    let request = format!("GET\n/\n{}\nhost:{host}\n\nhost\n{empty}", query.join("&"));
    let request = hex(digest::digest(&digest::SHA256, request.as_bytes()).as_ref());
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{request}");
    let key = [day, REGION, service, "aws4_request"]
        .iter()
        .fold(format!("AWS4{SECRET_ACCESS_KEY}").into_bytes(), |key, part| sign(&key, part));
    if get("X-Amz-Signature")? != hex(&sign(&key, &text)) {
        return Err("the signature is wrong".to_owned());
    }
    Ok(())
}

/// Returns the seconds since 1970 of such as `20261126T112233Z`.
fn seconds(time: &str) -> Result<u64, String> {
    let number = |range: std::ops::Range<usize>| {
        time.get(range).and_then(|digits| digits.parse::<u64>().ok()).ok_or_else(|| format!("{time:?} is no time"))
    };
    let (year, month, day) = (number(0..4)?, number(4..6)?, number(6..8)?);
    // Days from civil: years that begin in March, in eras of 400.
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    Ok(days * 86_400 + number(9..11)? * 3600 + number(11..13)? * 60 + number(13..15)?)
}

fn sign(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn encoded(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}
