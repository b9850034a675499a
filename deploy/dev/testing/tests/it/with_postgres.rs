//! `with-postgres` on a machine without a container engine. With one, every `make test` goes through the other way.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(10);

fn with_postgres(script: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_with-postgres"));
    command.args(["--", "sh", "-c", script]).env_remove("TEST_DATABASE_URL");
    command.env("DOCKER_HOST", "unix:///nonexistent/docker.sock");
    command
}

#[test]
fn the_command_gets_a_server_and_its_exit_code_is_passed_on() {
    let output = with_postgres("echo \"$TEST_DATABASE_URL\"; exit 7").output().unwrap();
    assert_eq!(output.status.code(), Some(7));
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("postgres://postgres:"));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("no container engine") && told.contains("child process"), "{told}");
    // More lines, such as where PostgreSQL keeps its files, depend on the machine.
    assert_eq!(told.matches("tests use").count(), 1, "{told}");
}

#[test]
fn a_command_ended_by_a_signal_is_told_as_a_shell_tells_it() {
    let mut command = with_postgres("kill -KILL $$");
    let output = command.env("TEST_DATABASE_URL", "postgres://given").output().unwrap();
    assert_eq!(output.status.code(), Some(137));
}

#[test]
fn a_server_that_is_given_is_used_as_it_is() {
    let mut command = with_postgres("echo \"$TEST_DATABASE_URL\"");
    let output = command.env("TEST_DATABASE_URL", "postgres://given").output().unwrap();
    assert_eq!(output.stdout, b"postgres://given\n");
}

#[test]
fn nothing_is_left_when_the_run_is_killed() {
    // The command ends with its standard input, which is ours.
    let mut command = with_postgres("echo \"$TEST_DATABASE_URL\"; read -r _");
    let mut run = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut url = String::new();
    BufReader::new(run.stdout.take().unwrap()).read_line(&mut url).unwrap();
    let address = url.split(['@', '/']).find(|part| part.starts_with("127.0.0.1:")).unwrap();
    assert!(TcpStream::connect(address).is_ok());

    run.kill().unwrap();
    run.wait().unwrap();
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(address).is_ok() {
        assert!(Instant::now() < deadline, "the server outlives the run");
        std::thread::sleep(POLL);
    }
}
