//! docs/connectivity.md says what the doctor does, and the tests prove all of it.

use causeway_testing::service;

use crate::faults::CODES;
use crate::helpers::{BINARY, DOCUMENT, catalogue, text};

#[tokio::test]
async fn the_documented_table_is_the_doctors_own() {
    let output = service::run(BINARY, &["doctor", "--causes"], [("", ""); 0]).await;
    assert_eq!(output.status.code(), Some(0));
    let table = text(&output.stdout);
    let document = std::fs::read_to_string(DOCUMENT).unwrap();
    assert!(document.contains(&table), "replace the table of docs/connectivity.md by `frontend-api doctor --causes`");
    let rows = document.lines().filter(|line| line.starts_with("| <a id=")).count();
    assert_eq!(rows, table.lines().count() - 2, "there are rows that the doctor does not know");
    assert_eq!(catalogue().len(), rows, "no code stands for two causes");
}

#[test]
fn every_cause_has_one_row_that_makes_it() {
    let mut made = CODES.to_vec();
    made.sort_unstable();
    assert_eq!(made, catalogue().keys().collect::<Vec<_>>());
}
