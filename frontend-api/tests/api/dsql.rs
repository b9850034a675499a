//! `DB_ENGINE=dsql`, against a PostgreSQL that takes the tokens of Aurora DSQL, refuses the SQL that it refuses, and isolates
//! transactions as it does.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use causeway_testing::load::Load;
use causeway_testing::tokens::TokenServer;
use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::json;
use tokio::task::JoinHandle;
use tokio_postgres::Client;

use crate::config::{FRONTEND_API, refused};
use crate::helpers::{App, count, eventually, problem};
use crate::people::{PASSWORD, Person, sign_in, sign_up, token_of};

const TARGET: [(&str, &str); 4] =
    [("DB_ENGINE", "dsql"), ("DB_HOST", "abc.dsql.eu-west-1.on.aws"), ("DB_USER", "app"), ("AWS_REGION", "eu-west-1")];
/// DSQL changes no more rows in one transaction.
const MOST_ROWS: u32 = 3000;
/// For how long the service has all of its sessions, at most.
const SHORT: Duration = Duration::from_secs(1);
/// The same for long tests, which would otherwise mostly wait for new ones.
const LONG: Duration = Duration::from_secs(4);

pub async fn spawn(server: &TokenServer, more: &[(&str, &str)]) -> App {
    let env = server.env();
    let env: Vec<_> = env.iter().map(|(name, value)| (*name, value.as_str())).chain(more.iter().copied()).collect();
    App::spawn(&env).await
}

async fn ready(more: &[(&str, &str)]) -> (App, TokenServer, Client) {
    let server = TokenServer::start_as_dsql().await;
    let app = spawn(&server, more).await;
    app.until_ready().await;
    let client = server.postgres.client().await;
    (app, server, client)
}

/// Refuses this percentage of the transactions that change one of these tables when they commit, and those that change too
/// many rows.
async fn dress(client: &Client, tables: &[&str], percent: u32) {
    let functions = format!(
        "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             IF hashint8(txid_current()) % 100 BETWEEN 0 AND {percent} - 1 OR hashint8(txid_current()) % 100 BETWEEN 1 - {percent} AND -1
             THEN RAISE EXCEPTION 'change conflicts with another transaction (OC000)' USING ERRCODE = '40001'; END IF;
             RETURN NULL; END $$;
         CREATE OR REPLACE FUNCTION limit_rows() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             IF (SELECT count(*) FROM changed) > {MOST_ROWS}
             THEN RAISE EXCEPTION 'transaction row limit exceeded' USING ERRCODE = '54000'; END IF;
             RETURN NULL; END $$;"
    );
    let triggers = tables.iter().map(|table| {
        format!(
            "CREATE CONSTRAINT TRIGGER refuse AFTER INSERT OR UPDATE OR DELETE ON {table} DEFERRABLE INITIALLY DEFERRED
                 FOR EACH ROW EXECUTE FUNCTION refuse();
             CREATE TRIGGER most_inserted AFTER INSERT ON {table} REFERENCING NEW TABLE AS changed
                 FOR EACH STATEMENT EXECUTE FUNCTION limit_rows();
             CREATE TRIGGER most_deleted AFTER DELETE ON {table} REFERENCING OLD TABLE AS changed
                 FOR EACH STATEMENT EXECUTE FUNCTION limit_rows();"
        )
    });
    client.batch_execute(&triggers.fold(functions, |sql, trigger| sql + &trigger)).await.unwrap();
}

/// Ends a session of the service after a random time up to this, again and again, as DSQL does after an hour at most.
async fn end_sessions(server: &TokenServer, pause: Duration) -> JoinHandle<()> {
    let client = server.postgres.client().await;
    tokio::spawn(async move {
        let one =
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app' ORDER BY random() LIMIT 1";
        let random = "SELECT random()";
        while let Ok(row) = client.query_one(random, &[]).await {
            tokio::time::sleep(pause.mul_f64(row.get(0))).await;
            client.query_opt(one, &[]).await.unwrap();
        }
    })
}

pub async fn conflicts(app: &App) -> u64 {
    let metrics = app.get("/metrics").await.text().await.unwrap();
    let count = metrics.lines().find_map(|line| line.strip_prefix("causeway_database_conflicts_total "));
    count.unwrap().parse().unwrap()
}

fn amount(variable: &str, otherwise: usize) -> usize {
    std::env::var(variable).map_or(otherwise, |value| value.parse().expect("a number"))
}

#[tokio::test]
async fn all_routes_work_with_the_sql_that_dsql_takes() {
    let (app, server, client) = ready(&[]).await;
    app.registered("curl").await;
    assert_eq!(app.recent_visits().await[0]["user_agent"], "curl");
    let jane = Person::new(&app, "jane").await;
    assert_eq!(sign_up(&app, "JANE@example.com", PASSWORD).await.status(), StatusCode::CONFLICT);
    let diary = jane.writes(&app, "a text").await;
    let path = format!("/diaries/{}", diary["ID"]);
    assert_eq!(jane.put(&app, &path, json!({"text": "another"})).await.status(), StatusCode::OK);
    assert_eq!(jane.get(&app, "/diaries").await.status(), StatusCode::OK);
    let again = jane.post_text(&app, "once", Some("key")).await;
    let same = jane.post_text(&app, "once", Some("key")).await;
    assert_eq!((again.status(), same.status()), (StatusCode::CREATED, StatusCode::CREATED));
    problem(sign_in(&app, "jane@example.com", "not the password").await, StatusCode::UNAUTHORIZED, "wrong-credentials")
        .await;
    let renamed =
        jane.put(&app, &jane.path(), json!({"password": "another long one", "currentPassword": PASSWORD})).await;
    let jane = Person { token: token_of(renamed).await, ..jane };
    assert!(jane.is_signed_in(&app).await);
    let gone = jane.delete(&app, &jane.path(), Some(json!({"currentPassword": "another long one"}))).await;
    assert_eq!(gone.status(), StatusCode::OK);
    eventually("the sweep has removed the user", async || (count(&client, "users").await == 0).then_some(())).await;
    assert_eq!((count(&client, "diaries").await, count(&client, "sessions").await), (0, 0));
    drop(server);
}

#[tokio::test]
async fn old_visits_are_removed_by_their_id_in_pieces_that_dsql_takes() {
    let (app, _server, client) = ready(&[("VISITS_RETENTION_DAYS", "30")]).await;
    let old = "INSERT INTO access (last_update, user_agent) SELECT (now() AT TIME ZONE 'utc') - interval '31 days', 'old' \
               FROM generate_series(1, 7000)";
    client.batch_execute(old).await.unwrap();
    dress(&client, &["access"], 0).await;
    app.registered("uses the database").await;
    let sql = "SELECT count(*) FROM access WHERE user_agent = 'old'";
    eventually("old visits are gone", async || {
        (client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0) == 0).then_some(())
    })
    .await;
    app.registered("curl").await;
}

#[tokio::test]
async fn what_dsql_does_not_have_is_refused_at_start() {
    let with = async |more: &[(&str, &str)]| refused(&[&TARGET[..], more].concat()).await;
    assert_eq!(with(&[]).await, [""; 0]);
    assert_eq!(with(&[("DB_AUTH", "iam"), ("DB_NAME", "postgres")]).await, [""; 0]);
    assert_eq!(with(&[("DB_AUTH", "password")]).await, ["DB_AUTH"]);
    assert_eq!(with(&[("DB_NAME", "shop")]).await, ["DB_NAME"]);
    assert_eq!(with(&[("DB_USER", "admin")]).await, ["DB_USER"]);
    assert_eq!(with(&[("DB_PASS", "hunter2")]).await, ["DB_PASS"]);
    assert_eq!(with(&[("DBSECRETSNAME", "demo/database")]).await, ["DBSECRETSNAME"]);
    assert_eq!(with(&[("DB_SSLMODE", "require")]).await, ["DB_SSLMODE"]);
    assert_eq!(with(&[("DATABASE_URL", "postgres://admin@db/shop")]).await, ["DATABASE_URL", "DATABASE_URL"]);
    assert_eq!(with(&[("DB_ENGINE", "mysql"), ("DB_AUTH", "iam")]).await, ["DB_ENGINE"]);
}

/// The image sets the variable to the authorities of RDS, which do not sign for DSQL.
#[tokio::test]
async fn the_public_authorities_are_trusted_unless_others_are_given() {
    let with = async |more: &[(&str, &str)]| refused(&[&TARGET[..], more].concat()).await;
    assert_eq!(with(&[("DB_SSLROOTCERT", "/app/rds-ca.pem")]).await, [""; 0]);
    assert_eq!(with(&[("DB_SSLROOTCERT", "/nowhere/roots.pem")]).await, ["DB_SSLROOTCERT"]);
    let aurora = [("DB_ENGINE", ""), ("DB_AUTH", "iam"), ("DB_SSLROOTCERT", "/app/rds-ca.pem")];
    assert_eq!(with(&aurora).await, ["DB_SSLROOTCERT"]);
    let (code, list, _) = FRONTEND_API.run(&["config", "--print"], &TARGET).await;
    let rows: Vec<_> = list.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(code, Some(0));
    assert!(rows.iter().any(|row| row.starts_with("DB_NAME postgres ")), "{rows:#?}");
}

/// `DSQL_VISITS` visits, of whose transactions 30 % are refused, while sessions end at random ages.
async fn visits_survive(visits: usize, clients: usize, age: Duration) {
    let (app, server, client) = ready(&[]).await;
    dress(&client, &["access"], 30).await;
    let killer = end_sessions(&server, age).await;
    let begun = Instant::now();
    let mut load = Load::start(&app.url("/"), clients);
    while load.tally().registered < visits {
        load.until_registered(100).await;
    }
    let outcome = load.finish().await;
    killer.abort();
    let seconds = begun.elapsed().as_secs_f64();
    outcome.assert_only(&[StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE]);
    outcome.assert_kept(&client).await;
    let registered = outcome.all().filter(|sent| sent.status == Some(StatusCode::OK)).count();
    let (stored, conflicts) = (count(&client, "access").await, conflicts(&app).await);
    assert!(conflicts > 20, "{conflicts} conflicts");
    report(&format!(
        "{registered} visits were registered and {stored} stored in {seconds:.0} s, with {conflicts} conflicts and {} answers \
         of 503",
        outcome.all().count() - registered
    ));
}

/// `DSQL_OPERATIONS` diaries, and a change of the user for every tenth, in the same way.
async fn users_and_diaries_survive(operations: usize, people: usize, age: Duration) {
    let (app, server, client) = ready(&[]).await;
    let persons = join_all((0..people).map(async |n| Person::new(&app, &format!("person-{n}")).await)).await;
    dress(&client, &["users", "sessions", "diaries", "idempotency_keys"], 30).await;
    let killer = end_sessions(&server, age).await;
    let begun = Instant::now();
    let each = operations.div_ceil(people);
    let written = join_all(persons.iter().map(async |person| write_many(&app, person, each).await)).await;
    killer.abort();
    let seconds = begun.elapsed().as_secs_f64();
    let rows = client.query("SELECT text, count(*) FROM diaries GROUP BY text", &[]).await.unwrap();
    let stored: HashMap<String, i64> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let twice: Vec<_> = stored.iter().filter(|(_, times)| **times > 1).collect();
    let lost: Vec<_> = written.iter().flatten().filter(|text| !stored.contains_key(*text)).collect();
    assert!(twice.is_empty() && lost.is_empty(), "twice: {twice:?}, lost: {lost:?}");
    for person in &persons {
        let status = person.get(&app, &person.path()).await.status();
        assert!([StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE].contains(&status), "{status}");
    }
    let (count, conflicts) = (written.iter().flatten().count(), conflicts(&app).await);
    assert!(count * 2 > operations && conflicts > 20, "{count} were written, with {conflicts} conflicts");
    report(&format!(
        "of {} diaries, {count} were answered with 201 and {} stored in {seconds:.0} s, with {conflicts} conflicts",
        each * people,
        stored.len()
    ));
}

/// Returns the texts that were answered with 201. Each text and each key is sent once.
async fn write_many(app: &App, person: &Person, count: usize) -> Vec<String> {
    let mut written = Vec::new();
    for n in 0..count {
        let text = format!("text {n} of {}", person.email);
        match person.post_text(app, &text, Some(&format!("key-{n}"))).await.status() {
            StatusCode::CREATED => written.push(text),
            status => assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{text}"),
        }
        if n % 10 == 0 {
            let status = person.put(app, &person.path(), json!({"name": format!("name {n}")})).await.status();
            assert!([StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE].contains(&status), "{status}");
        }
    }
    written
}

#[expect(clippy::print_stderr, reason = "a long test says what it has measured")]
fn report(text: &str) {
    eprintln!("{text}");
}

#[tokio::test]
async fn visits_are_stored_once_although_transactions_are_refused_and_sessions_end() {
    visits_survive(1000, 16, SHORT).await;
}

#[tokio::test]
async fn diaries_are_written_once_although_transactions_are_refused_and_sessions_end() {
    users_and_diaries_survive(100, 4, SHORT).await;
}

#[tokio::test]
#[ignore = "takes a minute, or many with DSQL_VISITS=1000000: make test-long"]
async fn very_many_visits_are_stored_once_although_transactions_are_refused_and_sessions_end() {
    visits_survive(amount("DSQL_VISITS", 20_000), 128, LONG).await;
}

#[tokio::test]
#[ignore = "takes a minute, or many with DSQL_OPERATIONS=100000: make test-long"]
async fn very_many_diaries_are_written_once_although_transactions_are_refused_and_sessions_end() {
    users_and_diaries_survive(amount("DSQL_OPERATIONS", 500), 32, LONG).await;
}
