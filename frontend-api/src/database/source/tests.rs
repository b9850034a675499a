//! Which source is chosen, and which of several values wins.

use std::collections::BTreeMap;

use super::*;

/// What is chosen in an environment without mistakes.
fn chosen(auth: Auth, engine: Engine, env: &[&[(&str, &str)]]) -> CredentialsSource {
    let lookup: BTreeMap<&str, &str> = env.concat().into_iter().collect();
    let mut vars = Vars::new(&lookup);
    let from_url = vars.read(&DATABASE_URL).map(|(target, _)| target);
    load(&mut vars, auth, engine, from_url).unwrap()
}

#[test]
fn the_secret_is_read_if_app_runner_asks_for_it_or_there_is_no_password() {
    let plain = [("DB_HOST", "db.internal"), ("DB_USER", "app"), ("DBSECRETSNAME", "a-secret")];
    let reads_secret = |more: &[(&str, &str)]| {
        let source = chosen(Auth::Password, Engine::Postgres, &[&plain, more]);
        matches!(source, CredentialsSource::Secret { .. })
    };
    assert!(reads_secret(&[]));
    assert!(reads_secret(&[("DB_PASS", "x"), ("APPRUNNERSERVICE", "1")]));
    assert!(!reads_secret(&[("DB_PASS", "x")]));
}

#[test]
fn the_url_overrides_the_variables_and_those_override_the_secret() {
    let variables = [("DB_HOST", "of-variable"), ("DB_PORT", "2"), ("DB_NAME", "of-variable")];
    let whole = [("DATABASE_URL", "postgres://app:x@of-url:1/of-url")];
    let short = [("DATABASE_URL", "postgres://app:x@of-url")];
    let secret = [(
        "DBSECRETSNAME",
        " {\"username\": \"app\", \"password\": \"x\", \"host\": \"of-secret\", \"port\": 1, \"dbname\": \"of-secret\"}",
    )];
    for (env, expected) in [
        ([&whole[..], &variables], "of-url:1/of-url"),
        ([&short, &variables], "of-url:2/of-variable"),
        ([&short, &[]], "of-url:5432/apprunnerdemo"),
        ([&secret, &variables], "of-variable:2/of-variable"),
        ([&secret, &[]], "of-secret:1/of-secret"),
    ] {
        let CredentialsSource::Fixed(found) = chosen(Auth::Password, Engine::Postgres, &env) else {
            panic!("{expected}: they are to be read from somewhere");
        };
        assert_eq!(format!("{}:{}/{}", found.host, found.port, found.name), expected);
    }
}

#[test]
fn a_token_is_for_the_engine_and_for_the_region_that_the_sdk_takes() {
    let target = [("DB_HOST", "db.internal"), ("DB_USER", "app"), ("AWS_DEFAULT_REGION", "eu-west-1")];
    for (engine, more, expected) in [
        (Engine::Postgres, &[][..], ("eu-west-1", Service::Rds, DEFAULT_NAME)),
        (Engine::Postgres, &[("AWS_REGION", "eu-west-2")], ("eu-west-2", Service::Rds, DEFAULT_NAME)),
        (Engine::Dsql, &[], ("eu-west-1", Service::Dsql, NAME_ON_DSQL)),
    ] {
        let CredentialsSource::Iam { target, region, service } = chosen(Auth::Iam, engine, &[&target, more]) else {
            panic!("{expected:?}: there is no token");
        };
        assert_eq!((region.as_str(), service, target.name.as_str()), expected);
    }
}
