use causeway_testing::postgres::{OwnPostgres, TestDatabase};
use tokio_postgres::error::SqlState;

#[tokio::test]
async fn a_killed_postgres_comes_back_on_the_same_port_with_its_rows() {
    let postgres = OwnPostgres::start().await;
    postgres.execute("CREATE TABLE kept (n integer); INSERT INTO kept SELECT generate_series(1, 1000)").await;
    let client = postgres.client().await;
    let url = postgres.url().to_owned();

    postgres.kill().await;
    assert!(client.query_one("SELECT 1", &[]).await.is_err(), "a killed server answers nobody");
    assert!(tokio::net::TcpStream::connect(("127.0.0.1", postgres.port())).await.is_err());

    postgres.restart().await;
    assert_eq!(postgres.url(), url);
    let row = postgres.client().await.query_one("SELECT count(*) FROM kept", &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 1000);
}

#[tokio::test]
async fn a_stopped_postgres_refuses_connections_until_it_is_started_again() {
    let postgres = OwnPostgres::start().await;
    postgres.stop().await;
    assert!(tokio::net::TcpStream::connect(("127.0.0.1", postgres.port())).await.is_err());
    postgres.restart().await;
    postgres.execute("SELECT 1").await;
}

#[tokio::test]
async fn terminated_backends_are_the_clients_and_not_the_one_who_asks() {
    let postgres = OwnPostgres::start().await;
    let (first, second) = (postgres.client().await, postgres.client().await);
    assert_eq!(postgres.terminate_backends().await, 2);
    for client in [first, second] {
        let error = client.query_one("SELECT 1", &[]).await.unwrap_err();
        assert!(error.is_closed() || error.code() == Some(&SqlState::ADMIN_SHUTDOWN), "{error}");
    }
}

/// Otherwise each server that is killed would leave it in `/dev/shm`.
#[tokio::test]
async fn the_shared_memory_of_a_server_is_in_its_data_directory_and_goes_with_it() {
    let postgres = OwnPostgres::start().await;
    let client = postgres.client().await;
    let row = client.query_one("SELECT count(*) FROM pg_ls_dir('pg_dynshmem')", &[]).await.unwrap();
    assert!(row.get::<_, i64>(0) > 0);
}

#[tokio::test]
async fn a_wrong_password_is_refused() {
    let postgres = OwnPostgres::start().await;
    let wrong = postgres.url().replacen("postgres:", "postgres:wrong", 2).replacen("postgres:wrong", "postgres:", 1);
    let error = tokio_postgres::connect(&wrong, tokio_postgres::NoTls).await.err().unwrap();
    assert_eq!(error.code(), Some(&SqlState::INVALID_PASSWORD), "{error}");
}

#[tokio::test]
async fn each_test_database_is_empty_and_gone_at_its_end_even_while_a_client_is_connected() {
    let survivor = TestDatabase::create().await;
    let database = TestDatabase::create().await;
    assert_ne!(database.name(), survivor.name());
    let client = database.client().await;
    client.batch_execute("CREATE TABLE t (n integer)").await.unwrap();
    let name = database.name().to_owned();
    drop(database);

    assert!(client.query_one("SELECT 1", &[]).await.is_err(), "the connection to a dropped database is closed");
    assert!(!exists(&survivor, &name).await);
}

#[tokio::test]
async fn the_database_of_a_failing_test_is_dropped_too() {
    let survivor = TestDatabase::create().await;
    let (send, receive) = tokio::sync::oneshot::channel();
    let failing = tokio::spawn(async {
        let database = TestDatabase::create().await;
        send.send(database.name().to_owned()).unwrap();
        panic!("this panic is the test's own");
    });
    let name = receive.await.unwrap();
    assert!(failing.await.unwrap_err().is_panic());
    assert!(!exists(&survivor, &name).await);
}

#[tokio::test]
async fn servers_that_start_together_do_not_disturb_each_other() {
    let starting: Vec<_> = (0..4).map(|_| tokio::spawn(OwnPostgres::start())).collect();
    let mut ports = std::collections::BTreeSet::new();
    let mut servers = Vec::new();
    for server in starting {
        let server = server.await.unwrap();
        ports.insert(server.port());
        servers.push(server);
    }
    assert_eq!(ports.len(), 4);
}

async fn exists(database: &TestDatabase, name: &str) -> bool {
    let client = database.client().await;
    let rows = client.query("SELECT 1 FROM pg_database WHERE datname = $1", &[&name]).await;
    !rows.expect("a new connection can ask").is_empty()
}
