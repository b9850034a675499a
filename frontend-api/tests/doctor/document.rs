//! docs/connectivity.md says what the doctor does, and the tests prove all of it.

use causeway_testing::service;

use crate::helpers::{BINARY, DOCUMENT, catalogue, text};

#[tokio::test]
async fn the_documented_table_is_the_doctors_own() {
    let output = service::run(BINARY, &["doctor", "--causes"], [("", ""); 0]).await;
    assert_eq!(output.status.code(), Some(0));
    let table = text(&output.stdout);
    let document = std::fs::read_to_string(DOCUMENT).unwrap();
    assert!(document.contains(&table), "replace the table of docs/connectivity.md by `frontend-api doctor --causes`");
    let rows = document.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(rows, table.lines().count() - 2, "there are rows that the doctor does not know");
    assert_eq!(catalogue().len(), rows, "no code stands for two causes");
}

#[test]
fn every_cause_has_a_test_that_makes_it() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doctor");
    let files = std::fs::read_dir(directory).unwrap();
    let tests: String = files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    let untested: Vec<_> = catalogue().into_keys().filter(|code| !tests.contains(&format!("\"{code}\""))).collect();
    assert!(untested.is_empty(), "{untested:?}");
}
