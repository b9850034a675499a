//! Tests that could not run here. nextest counts them as passed, so `with-postgres` reports their number in its last line.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

/// Names the file that collects a line per test.
pub const FILE: &str = "CAUSEWAY_TESTS_NOT_RUN";

/// Notes that the calling test can't run, and why.
pub fn note(reason: &str) {
    let Some(path) = std::env::var_os(FILE) else { return };
    let mut file = OpenOptions::new().append(true).open(path).expect("with-postgres has made the file");
    // One write for the line: other tests append at the same time.
    file.write_all(format!("{reason}\n").as_bytes()).expect("the file can be appended to");
}

/// Returns a line per reason, such as `39 tests not run: need root`.
pub fn summary(path: &Path) -> Vec<String> {
    let mut counts = BTreeMap::<String, usize>::new();
    for reason in fs::read_to_string(path).unwrap_or_default().lines() {
        *counts.entry(reason.to_owned()).or_default() += 1;
    }
    counts.into_iter().map(|(reason, count)| format!("{count} tests not run: {reason}")).collect()
}
