//! What is promised of migrations.

use super::super::engine::Engine;
use super::super::plan::{ADVISORY_LOCK, BACKGROUND_LOCK, Plan};
use super::*;

async fn migrate(server: &TestDatabase, list: Vec<Migration>) -> Result<bool, DatabaseError> {
    Plan::new(Engine::Postgres, vec![Migrations::new(list)]).apply(&server.client().await).await
}

fn table(version: i32, name: &'static str) -> Migration {
    Migration::atomic(version, name, format!("CREATE TABLE IF NOT EXISTS {name} (n INT)"))
}

#[tokio::test]
async fn migrations_of_a_newer_version_are_accepted_and_missing_lower_ones_applied() {
    let server = TestDatabase::create().await;
    migrate(&server, vec![table(1, "one"), table(3, "three")]).await.unwrap();
    migrate(&server, vec![table(1, "one"), table(2, "two")]).await.unwrap();
    let sql = "SELECT string_agg(name, ' ' ORDER BY version) FROM causeway_migrations";
    let names: String = server.client().await.query_one(sql, &[]).await.unwrap().get(0);
    assert_eq!(names, "one two three");
    server.client().await.batch_execute("SELECT * FROM one, two, three").await.unwrap();
}

#[tokio::test]
async fn a_migration_with_another_text_is_an_error_that_names_it() {
    let server = TestDatabase::create().await;
    migrate(&server, vec![table(1, "one")]).await.unwrap();
    let changed = Migration::atomic(1, "one", "CREATE TABLE IF NOT EXISTS one (n BIGINT)");
    let renamed = Migration::atomic(1, "other", table(1, "one").sql);
    for (other, label) in [(changed, "V1__one"), (renamed, "V1__other")] {
        let error = migrate(&server, vec![other]).await.unwrap_err();
        assert!(matches!(error, DatabaseError::MigrationChanged { .. }), "{error:?}");
        assert!(error.to_string().contains(label), "{error}");
    }
}

#[tokio::test]
async fn while_the_history_can_t_be_read_nothing_is_applied() {
    let server = TestDatabase::create().await;
    migrate(&server, vec![table(1, "one")]).await.unwrap();
    let client = server.client().await;
    client.batch_execute("ALTER TABLE causeway_migrations RENAME checksum TO sum").await.unwrap();
    let error = migrate(&server, vec![table(1, "one"), table(2, "two")]).await.unwrap_err();
    assert!(matches!(error, DatabaseError::Query(_)), "{error:?}");
    client.batch_execute("SELECT * FROM two").await.unwrap_err();
}

#[tokio::test]
async fn an_atomic_migration_that_fails_changes_nothing_and_is_applied_when_it_can_be() {
    let server = TestDatabase::create().await;
    let list =
        || vec![Migration::atomic(1, "fill", "CREATE TABLE filled (n INT); INSERT INTO filled SELECT n FROM source")];
    let error = migrate(&server, list()).await.unwrap_err();
    assert!(error.to_string().contains("V1__fill"), "{error}");
    server.client().await.batch_execute("CREATE TABLE source AS SELECT 5 AS n").await.unwrap();
    migrate(&server, list()).await.unwrap();
    migrate(&server, list()).await.unwrap();
    let count: i64 = server.client().await.query_one("SELECT count(*) FROM filled", &[]).await.unwrap().get(0);
    assert_eq!(count, 1);
}

#[tokio::test]
async fn a_database_that_has_everything_is_migrated_while_another_session_holds_the_lock() {
    let server = TestDatabase::create().await;
    migrate(&server, vec![table(1, "one")]).await.unwrap();
    let holder = server.client().await;
    holder.batch_execute(&format!("SELECT pg_advisory_lock({ADVISORY_LOCK})")).await.unwrap();
    migrate(&server, vec![table(1, "one")]).await.unwrap();
}

#[tokio::test]
async fn the_background_has_work_if_any_feature_has_left_some_and_no_feature_is_left_out() {
    let server = TestDatabase::create().await;
    let client = server.client().await;
    // Each feature has a history of its own. Those that are not empty leave their indexes to the background.
    let index = |name: &'static str| Migration::index(2, "newest", format!("{name}_newest"), &format!("{name} (n)"));
    let left = async |indexes: [bool; 2], more: Option<Migration>| {
        let [one, other] = ["one", "other"].map(|name| vec![table(1, name), index(name)]);
        let (mut one, mut other) = (one, other);
        one.truncate(1 + usize::from(indexes[0]));
        other.truncate(1 + usize::from(indexes[1]));
        one.extend(more);
        let features = [("history_of_one", one), ("history_of_other", other)];
        let features = features.map(|(history, list)| Migrations::recorded_in(history, list));
        Plan::new(Engine::Postgres, features.into()).apply(&client).await.unwrap()
    };
    assert!(!left([false, false], None).await);
    for (indexes, version, name) in
        [([false, false], 3, "three"), ([true, false], 4, "four"), ([false, true], 5, "five"), ([true, true], 6, "six")]
    {
        let some = indexes.contains(&true);
        assert_eq!(left(indexes, None).await, some, "{indexes:?}");
        assert_eq!(left(indexes, Some(table(version, name))).await, some, "{indexes:?} and {name}");
        client.batch_execute(&format!("SELECT FROM {name}")).await.unwrap();
    }
}

#[tokio::test]
async fn in_an_empty_history_nothing_is_left_for_the_background() {
    let server = TestDatabase::create().await;
    let index = Migration::index(2, "newest", "one_newest", "one (n)");
    assert!(!migrate(&server, vec![table(1, "one"), index]).await.unwrap());
    server.client().await.batch_execute("SELECT 'one_newest'::regclass").await.unwrap();
}

#[tokio::test]
async fn while_another_instance_migrates_nothing_is_applied() {
    let server = TestDatabase::create().await;
    let holder = server.client().await;
    let locks = format!("SELECT pg_advisory_lock({ADVISORY_LOCK}), pg_advisory_lock({BACKGROUND_LOCK})");
    holder.batch_execute(&locks).await.unwrap();
    let one = || vec![Migrations::new(vec![table(1, "one")])];
    let in_background = Plan::new(Engine::Postgres, one());
    assert!(!in_background.apply_in_background(&server.client().await).await.unwrap());
    let tries = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle' \
         AND query = 'SELECT pg_try_advisory_lock({ADVISORY_LOCK})'"
    );
    let mut migrated = std::pin::pin!(migrate(&server, vec![table(1, "one")]));
    tokio::select! {
        result = &mut migrated => panic!("it did not wait for the lock: {result:?}"),
        () = until(&holder, &tries, 1) => {}
    }
    let made = "SELECT to_regclass('one') IS NOT NULL";
    assert!(!holder.query_one(made, &[]).await.unwrap().get::<_, bool>(0));
    holder.batch_execute(&format!("SELECT pg_advisory_unlock({ADVISORY_LOCK})")).await.unwrap();
    migrated.await.unwrap();
    assert!(holder.query_one(made, &[]).await.unwrap().get::<_, bool>(0));
}
