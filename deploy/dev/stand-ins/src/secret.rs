//! What Secrets Manager answers to `GetSecretValue`.

use std::fmt::Write;

pub(crate) fn value(secret: &str, version: u32) -> String {
    format!(
        r#"{{"ARN":"arn:aws:secretsmanager:eu-west-1:123456789012:secret:causeway-AbCdEf","Name":"causeway","VersionId":"00000000-0000-4000-8000-{version:012}","SecretString":"{}","VersionStages":["AWSCURRENT"],"CreatedDate":1760000000.0}}"#,
        escaped(secret)
    )
}

/// As the inside of a JSON string.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' | '\\' => escaped.extend(['\\', character]),
            c if c.is_control() => write!(escaped, "\\u{:04x}", u32::from(c)).expect("a String takes everything"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_secret_of_json_stays_one_string() {
        assert_eq!(super::escaped("{\"a\": \"\\\n\"}"), r#"{\"a\": \"\\\u000a\"}"#);
    }
}
