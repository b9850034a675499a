use std::net::TcpListener;

use nix::sys::signal::Signal;

use crate::system::{System, answers, get, wait_until_closed};

#[test]
fn everything_starts_and_says_how_to_try_it_and_ends_in_order_at_sigterm() {
    let mut system = System::start();
    system.wait_until_ready();
    let told = system.read("stdout");
    for path in ["/", "/recent-visits", "/ecs-private-service"] {
        let line = format!("curl http://127.0.0.1:{}{path}\n", system.port);
        assert!(told.contains(&line), "{line:?} is not in:\n{told}");
    }
    for part in ["books", "authors"] {
        let path = format!("/api/{part}");
        let line = format!("curl http://127.0.0.1:{}{path}\n", system.balancer_port);
        assert!(told.contains(&line), "{line:?} is not in:\n{told}");
        assert!(get(system.balancer_port, &path).ends_with(&format!("\r\n\r\n{part}")), "the service {part} answers");
    }
    let database = system.database_port();
    assert!(answers(database));

    system.signal(Signal::SIGTERM);
    assert!(system.wait().success(), "{}", system.read("stderr"));
    assert_eq!(
        system.read("journal"),
        "frontend-api stopped, database up\nauthors stopped\nbooks stopped\nprivate-service stopped\n"
    );
    assert!(!answers(database));
}

#[test]
fn an_unreachable_database_of_somebody_elses_is_diagnosed_and_the_services_stay_up() {
    let mut system = System::start_with_database("postgres://nobody@127.0.0.1:1/none");
    system.wait_until_ready();
    let told = system.read("stdout");
    assert!(told.contains("frontend-api is not ready after 10 s"), "{told}");
    assert!(told.contains("The doctor: Nothing listens there."), "{told}");
    assert!(answers(system.port) && answers(system.private_port));
}

#[test]
fn each_line_of_a_services_log_names_the_service() {
    let mut system = System::start();
    system.wait_until_ready();
    let told = system.read("stdout");
    for service in ["frontend-api", "private-service", "books", "authors"] {
        assert!(told.contains(&format!("{service:<15} | at work\n")), "{told}");
    }
}

#[test]
fn a_taken_port_is_named_before_anything_starts() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let mut system = System::start_on(causeway_local::ports::free().unwrap(), port);
    assert_eq!(system.wait().code(), Some(64));
    let told = system.read("stderr");
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(told.contains(&format!("port {port}, for private-service, is taken")), "{told}");
    assert!(told.contains("PRIVATE_PORT="), "{told}");
    assert_eq!(system.read("stdout"), "");
    assert!(!system.files().exists());
}

#[test]
fn a_service_that_crashes_is_named_and_the_rest_stops() {
    let mut system = System::start();
    system.wait_until_ready();
    system.kill_service("private-service");
    assert_eq!(system.wait().code(), Some(1));
    let told = system.read("stderr");
    assert!(told.contains("private-service ended by itself (killed by SIGKILL)"), "{told}");
    assert_eq!(system.read("journal"), "frontend-api stopped, database up\nauthors stopped\nbooks stopped\n");
    wait_until_closed(&[system.port, system.private_port, system.balancer_port, system.database_port()]);
}

#[test]
fn nothing_outlives_a_killed_run_and_the_next_one_finds_the_same_data() {
    let mut system = System::start();
    system.wait_until_ready();
    let ports = [system.port, system.private_port, system.balancer_port, system.database_port()];
    system.signal(Signal::SIGKILL);
    system.wait();

    // At once: the database of the killed run is still on its way out.
    let mut again = system.start_again();
    again.wait_until_ready();
    assert_eq!(again.database_port(), ports[3], "the port is remembered");
    assert!(!again.read("stdout").contains("making a PostgreSQL"), "{}", again.read("stdout"));
    again.signal(Signal::SIGINT);
    assert!(again.wait().success(), "{}", again.read("stderr"));
    wait_until_closed(&ports);
}

#[test]
fn a_pid_file_that_names_a_process_which_is_another_by_now_does_not_keep_postgres_from_starting() {
    let mut system = System::start();
    system.wait_until_ready();
    system.signal(Signal::SIGTERM);
    assert!(system.wait().success(), "{}", system.read("stderr"));
    let mut files = std::fs::read_dir(system.files()).unwrap().map(|entry| entry.unwrap().path());
    let data = files.find(|path| path.join("PG_VERSION").exists()).unwrap();
    std::fs::write(data.join("postmaster.pid"), format!("{}\n{}\n", std::process::id(), data.display())).unwrap();

    let mut again = system.start_again();
    again.wait_until_ready();
}
