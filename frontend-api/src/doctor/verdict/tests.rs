//! The verdict as a table: checks, and what is made of them.

use Outcome::{Failed, Warning};
use StageName::{Authentication, Dns, Query, Read, Secret, Tcp};
use Subject::{Database, PrivateService, S3, SecretsManager};

use super::super::causes::{
    DATABASE_PUBLIC_ADDRESS, NAME_NOT_FOUND, PASSWORD_REFUSED, REFUSED, SECRET_NOT_FOUND, SOME_ADDRESSES_FAIL,
    TABLE_MISSING,
};
use super::super::report::Facts;
use super::super::subject::Subject;
use super::*;

type Expected = (Outcome, Option<Subject>, Option<StageName>, Option<&'static Cause>);

/// A check whose stage before the last one passed, and whose last one ended so.
fn check(subject: Subject, last: StageName, outcome: Outcome, cause: Option<&'static Cause>) -> CheckReport {
    let stage = |name, outcome, cause: Option<&'static Cause>| {
        let diagnosis = cause.map(Diagnosis::from).unwrap_or_default();
        Stage { name, outcome, milliseconds: 0.0, evidence: None, diagnosis }
    };
    let walk = [Secret, Dns, Tcp, Authentication, Query];
    let before = walk.into_iter().take_while(|&name| name < last).map(|name| stage(name, Outcome::Ok, None));
    let stages = before.chain([stage(last, outcome, cause)]).collect();
    let facts = Facts { asked_resolver: true, is_public: Some(false) };
    CheckReport { subject, target: None, outcome, milliseconds: 0.0, stages, prove: None, facts }
}

fn failed(subject: Subject, stage: StageName, cause: &'static Cause) -> CheckReport {
    check(subject, stage, Failed, Some(cause))
}

fn passed(subject: Subject) -> CheckReport {
    check(subject, Tcp, Outcome::Ok, None)
}

fn warned(subject: Subject) -> CheckReport {
    check(subject, Tcp, Warning, Some(&SOME_ADDRESSES_FAIL))
}

fn target(name: &str) -> Subject {
    Subject::Target(name.to_owned())
}

fn public(mut check: CheckReport) -> CheckReport {
    check.facts.is_public = Some(true);
    check
}

fn blames(subject: Subject, stage: StageName, cause: &'static Cause) -> Expected {
    (Failed, Some(subject), Some(stage), Some(cause))
}

fn blames_all(stage: StageName, cause: &'static Cause) -> Expected {
    (Failed, None, Some(stage), Some(cause))
}

fn assert_rows(rows: Vec<(Vec<CheckReport>, Expected)>) {
    for (number, (checks, expected)) in rows.into_iter().enumerate() {
        let (outcome, subject, stage, cause) = expected;
        let verdict = of(&checks);
        let found = (verdict.outcome, verdict.check.clone(), verdict.stage, verdict.diagnosis.code);
        assert_eq!(found, (outcome, subject, stage, cause.map(|cause| cause.code)), "row {number}");
        let sentence = sentence(&verdict, &checks);
        assert!(cause.is_none_or(|cause| sentence.contains(cause.remedy)), "row {number}: {sentence}");
        assert_eq!(sentence.starts_with("All checks passed"), outcome != Failed, "row {number}: {sentence}");
    }
}

#[test]
fn a_warning_is_the_verdict_only_where_nothing_failed() {
    assert_rows(vec![
        (vec![], (Outcome::Ok, None, None, None)),
        (vec![passed(Database), passed(PrivateService)], (Outcome::Ok, None, None, None)),
        (
            vec![passed(Database), warned(PrivateService)],
            (Warning, Some(PrivateService), Some(Tcp), Some(&SOME_ADDRESSES_FAIL)),
        ),
        (vec![warned(Database), failed(PrivateService, Tcp, &REFUSED)], blames(PrivateService, Tcp, &REFUSED)),
    ]);
}

#[test]
fn of_two_faults_the_one_that_others_depend_on_is_blamed() {
    let unread = || failed(Database, Secret, &SECRET_NOT_FOUND);
    assert_rows(vec![
        (
            vec![failed(Database, Query, &TABLE_MISSING), failed(PrivateService, Tcp, &REFUSED)],
            blames(Database, Query, &TABLE_MISSING),
        ),
        (
            vec![failed(SecretsManager, Read, &SECRET_NOT_FOUND), unread()],
            blames(SecretsManager, Read, &SECRET_NOT_FOUND),
        ),
        (vec![passed(SecretsManager), unread()], blames(Database, Secret, &SECRET_NOT_FOUND)),
        (
            vec![failed(SecretsManager, Tcp, &REFUSED), failed(Database, Authentication, &PASSWORD_REFUSED)],
            blames(SecretsManager, Tcp, &REFUSED),
        ),
        (
            vec![failed(Database, Dns, &DATABASE_PUBLIC_ADDRESS), passed(target("c"))],
            blames(Database, Dns, &DATABASE_PUBLIC_ADDRESS),
        ),
    ]);
}

#[test]
fn no_name_resolves_if_the_resolver_serves_none_of_several_checks() {
    let silent = |subject| failed(subject, Dns, &RESOLVER_SILENT);
    let given_as_address = || {
        let mut check = passed(target("a"));
        check.facts.asked_resolver = false;
        check
    };
    assert_rows(vec![
        (vec![silent(Database), silent(PrivateService)], blames_all(Dns, &NO_NAME_RESOLVES)),
        (vec![silent(Database), failed(PrivateService, Dns, &RESOLVER_FAILED)], blames_all(Dns, &NO_NAME_RESOLVES)),
        (vec![silent(Database)], blames(Database, Dns, &RESOLVER_SILENT)),
        (vec![silent(Database), passed(PrivateService)], blames(Database, Dns, &RESOLVER_SILENT)),
        (vec![silent(Database), silent(PrivateService), given_as_address()], blames_all(Dns, &NO_NAME_RESOLVES)),
        (vec![failed(Database, Dns, &NAME_NOT_FOUND), silent(PrivateService)], blames(Database, Dns, &NAME_NOT_FOUND)),
    ]);
}

#[test]
fn everything_times_out_if_a_private_address_is_among_several_and_none_answers() {
    let database = || failed(Database, Tcp, &DATABASE_TIMED_OUT);
    let service = || failed(PrivateService, Tcp, &PRIVATE_SERVICE_TIMED_OUT);
    let endpoint = || failed(target("c"), Tcp, &PRIVATE_ENDPOINT_TIMED_OUT);
    let internet = || public(failed(target("a"), Tcp, &PUBLIC_ENDPOINT_TIMED_OUT));
    assert_rows(vec![
        (vec![database(), service()], blames_all(Tcp, &EVERYTHING_TIMES_OUT)),
        (vec![database(), endpoint(), internet()], blames_all(Tcp, &EVERYTHING_TIMES_OUT)),
        (
            vec![database(), service(), failed(target("c"), Dns, &NAME_NOT_FOUND)],
            blames_all(Tcp, &EVERYTHING_TIMES_OUT),
        ),
        (vec![database()], blames(Database, Tcp, &DATABASE_TIMED_OUT)),
        (vec![database(), passed(PrivateService)], blames(Database, Tcp, &DATABASE_TIMED_OUT)),
        (vec![database(), failed(PrivateService, Tcp, &REFUSED)], blames(Database, Tcp, &DATABASE_TIMED_OUT)),
        (vec![failed(Database, Dns, &NAME_NOT_FOUND), service(), endpoint()], blames(Database, Dns, &NAME_NOT_FOUND)),
    ]);
}

#[test]
fn the_internet_is_out_of_reach_if_several_public_addresses_time_out_and_a_private_one_does_not() {
    let internet = |name| public(failed(target(name), Tcp, &PUBLIC_ENDPOINT_TIMED_OUT));
    let one = || blames(target("a"), Tcp, &PUBLIC_ENDPOINT_TIMED_OUT);
    let s3 = || public(failed(S3, Tcp, &S3_TIMED_OUT));
    assert_rows(vec![
        (vec![passed(Database), internet("a"), internet("b")], blames_all(Tcp, &PUBLIC_TIMES_OUT)),
        (vec![passed(Database), internet("a")], one()),
        (vec![passed(Database), s3(), internet("a")], blames_all(Tcp, &PUBLIC_TIMES_OUT)),
        (vec![passed(Database), s3()], blames(S3, Tcp, &S3_TIMED_OUT)),
        (vec![passed(Database), s3(), public(passed(target("b")))], blames(S3, Tcp, &S3_TIMED_OUT)),
        (vec![passed(Database), internet("a"), public(passed(target("b")))], one()),
        (vec![internet("a"), internet("b")], one()),
        (
            vec![failed(Database, Tcp, &DATABASE_TIMED_OUT), passed(PrivateService), internet("a"), internet("b")],
            blames(Database, Tcp, &DATABASE_TIMED_OUT),
        ),
    ]);
}

#[test]
fn the_sentence_counts_failed_checks_only_where_several_failed() {
    let refused = || failed(Database, Tcp, &REFUSED);
    let said = |checks: &[CheckReport]| sentence(&of(checks), checks);
    let one = format!("database failed at tcp: {} {}", REFUSED.text, REFUSED.remedy);
    assert_eq!(said(&[refused(), passed(PrivateService)]), one);
    let several = [refused(), failed(PrivateService, Tcp, &REFUSED), passed(target("a"))];
    assert_eq!(said(&several), format!("{one} (2 checks failed; fix this one first.)"));
    let several = [refused(), failed(PrivateService, Tcp, &REFUSED), failed(target("a"), Tcp, &REFUSED)];
    assert_eq!(said(&several), format!("{one} (3 checks failed; fix this one first.)"));
}
