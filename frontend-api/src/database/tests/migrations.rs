//! What is promised of migrations.

use super::super::engine::Engine;
use super::super::plan::{ADVISORY_LOCK, Plan};
use super::*;

async fn migrate(server: &TestDatabase, list: Vec<Migration>) -> Result<bool, DatabaseError> {
    Plan::new(Engine::Postgres, vec![Migrations::new(list)]).apply(&server.client().await).await
}

fn table(version: i32, name: &'static str) -> Migration {
    Migration::repeatable(version, name, format!("CREATE TABLE IF NOT EXISTS {name} (n INT)"))
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
    let changed = Migration::repeatable(1, "one", "CREATE TABLE IF NOT EXISTS one (n BIGINT)");
    let error = migrate(&server, vec![changed]).await.unwrap_err();
    assert!(matches!(error, DatabaseError::MigrationChanged { .. }), "{error:?}");
    assert!(error.to_string().contains("V1__one"), "{error}");
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
