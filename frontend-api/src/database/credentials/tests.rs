//! Which credentials are of use, and when the secret is read again.

use super::*;

const PAUSE: Duration = Duration::from_secs(30);

fn credentials(password: &str) -> Credentials {
    Credentials {
        host: "db.internal".into(),
        port: 5432,
        name: "demo".into(),
        user: "app".into(),
        password: Some(password.into()),
        version: None,
        token_until: None,
    }
}

fn failure() -> CredentialsError {
    CredentialsError::Content { id: "a-secret".into(), problem: SecretProblem::NotJson }
}

/// What [`Known`] returned, in one word.
fn word(answer: Option<Result<Option<Arc<Credentials>>, CredentialsError>>) -> String {
    use secrecy::ExposeSecret;
    match answer {
        None => "read".into(),
        Some(Err(_)) => "failed".into(),
        Some(Ok(None)) => "none".into(),
        Some(Ok(Some(credentials))) => credentials.password.as_ref().unwrap().expose_secret().into(),
    }
}

/// After these reads, each for someone refused with "old" or for the first log-in, what both questions are answered at
/// the last read, a moment before the pause ends, and at its end.
fn answers(reads: &[(Result<&str, ()>, Option<&str>)]) -> [(String, String); 3] {
    let (mut known, begun) = (Known::default(), Instant::now());
    for (read, refused) in reads {
        let refused = refused.map(credentials);
        let read = read.map(credentials).map_err(|()| failure());
        let is_ok = read.is_ok();
        assert_eq!(known.learn(read, refused.as_ref(), PAUSE, begun).is_ok(), is_ok);
    }
    [Duration::ZERO, PAUSE.saturating_sub(Duration::from_nanos(1)), PAUSE].map(|later| {
        let now = begun + later;
        let current = known.current(now).map(|answer| answer.map(Some));
        (word(current), word(known.newer_than(&credentials("old"), now)))
    })
}

#[test]
fn the_secret_is_read_again_when_what_is_known_was_refused_and_the_last_read_was_not_in_vain_just_now() {
    let (old, new, failed) = (Ok("old"), Ok("new"), Err(()));
    let first = |read| (read, None);
    let again = |read| (read, Some("old"));
    for (reads, at_once, later) in [
        (vec![], ("read", "read"), ("read", "read")),
        (vec![first(failed)], ("failed", "failed"), ("read", "read")),
        (vec![first(failed), first(old)], ("old", "read"), ("old", "read")),
        (vec![first(old)], ("old", "read"), ("old", "read")),
        (vec![first(old), again(old)], ("old", "none"), ("old", "read")),
        (vec![first(old), again(failed)], ("old", "failed"), ("old", "read")),
        (vec![first(old), again(failed), again(old)], ("old", "none"), ("old", "read")),
        (vec![first(old), again(failed), again(new)], ("new", "new"), ("new", "new")),
    ] {
        let expected = [at_once, at_once, later].map(|(current, newer)| (current.into(), newer.into()));
        assert_eq!(answers(&reads), expected, "{reads:?}");
    }
}

#[test]
fn what_was_read_is_new_unless_it_is_what_was_refused() {
    for (refused, is_new) in [(None, true), (Some("old"), false), (Some("other"), true)] {
        let refused = refused.map(credentials);
        let learned = Known::default().learn(Ok(credentials("old")), refused.as_ref(), PAUSE, Instant::now());
        assert_eq!(learned.unwrap().is_some(), is_new, "{refused:?}");
    }
}

#[test]
fn the_pause_after_first_reads_that_fail_doubles_up_to_the_interval() {
    let (mut known, now) = (Known::default(), Instant::now());
    let pauses = [(); 5].map(|()| {
        let pause = known.doubled_pause(Duration::from_secs(3));
        known.learn(Err(failure()), None, pause, now).unwrap_err();
        pause.as_millis()
    });
    assert_eq!(pauses, [500, 1000, 2000, 3000, 3000]);
}

#[test]
fn credentials_are_the_same_if_all_that_a_log_in_needs_is() {
    type Change = fn(&mut Credentials);
    let changes: [(Change, bool); 7] = [
        (|c| c.host = "other.internal".into(), false),
        (|c| c.port = 5433, false),
        (|c| c.name = "other".into(), false),
        (|c| c.user = "other".into(), false),
        (|c| c.password = None, false),
        (|c| c.version = Some("2".into()), true),
        (|_| {}, true),
    ];
    for (number, (change, same)) in changes.into_iter().enumerate() {
        let mut other = credentials("x");
        change(&mut other);
        assert_eq!(other.same_as(&credentials("x")), same, "change {number}");
    }
}
