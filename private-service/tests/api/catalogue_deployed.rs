//! The deployment's template, Compose and the binary must agree on ports, paths and health checks.

use std::collections::BTreeSet;

use causeway_testing::aws::Rule;
use causeway_testing::service::{Service, run};
use reqwest::StatusCode;

use crate::helpers::{BINARY, client};

const PARTS: [&str; 2] = ["books", "authors"];
const TEMPLATE: &str = include_str!("../../../deploy/cdk/snapshots/Catalogue.yaml");
const COMPOSE: &str = include_str!("../../../compose.yaml");

/// A line of a YAML file in block style: its keys, joined by dots with `-` for an item, and its value.
type Line<'a> = (String, &'a str);

fn lines(yaml: &str) -> Vec<Line<'_>> {
    let mut parents: Vec<(usize, String)> = Vec::new();
    let mut lines = Vec::new();
    for line in yaml.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#')) {
        let mut indent = line.len() - line.trim_start().len();
        let mut rest = line.trim_start();
        // A list may stand as far left as the key that it belongs to.
        let is_item = |rest: &str| rest.starts_with("- ");
        parents.retain(|(at, key)| *at < indent || is_item(rest) && *at == indent && key != "-");
        while let Some(item) = rest.strip_prefix("- ") {
            parents.push((indent, "-".to_owned()));
            (indent, rest) = (indent + 2, item);
        }
        let (key, value) = rest.split_once(": ").or(rest.strip_suffix(':').map(|key| (key, ""))).unwrap_or(("", rest));
        if !key.is_empty() {
            parents.push((indent, key.to_owned()));
        }
        let path: Vec<_> = parents.iter().map(|(_, key)| key.as_str()).collect();
        lines.push((path.join("."), value.trim_matches('\'')));
    }
    lines
}

/// The values whose path ends like this, of the resources or services whose name begins like that.
fn values<'a>(lines: &[Line<'a>], name: &str, end: &str) -> BTreeSet<&'a str> {
    let matches = |path: &str| path.split('.').nth(1).is_some_and(|own| own.starts_with(name)) && path.ends_with(end);
    lines.iter().filter(|(path, _)| matches(path)).map(|&(_, value)| value).collect()
}

/// The value of a container's variable: the line after the one with its name.
fn variable<'a>(lines: &[Line<'a>], name: &str, variable: &str) -> &'a str {
    let own = |path: &str| path.split('.').nth(1).is_some_and(|own| own.starts_with(name));
    let at =
        lines.iter().position(|(path, value)| own(path) && path.ends_with("Environment.-.Name") && *value == variable);
    lines[at.unwrap_or_else(|| panic!("{name} has no {variable}")) + 1].1
}

#[tokio::test]
async fn template_compose_and_binary_agree_on_ports_paths_and_health_checks() {
    let (template, compose) = (lines(TEMPLATE), lines(COMPOSE));
    let help = run(BINARY, &["help", "variables", "--markdown"], [("", ""); 0]).await;
    let help = String::from_utf8(help.stdout).unwrap();
    let port = help.lines().find(|line| line.starts_with("| `PORT`")).unwrap();
    assert!(port.contains("8080"), "{port}");

    let [rules] = values(&compose, "balancer", "environment.BALANCER").into_iter().collect::<Vec<_>>()[..] else {
        panic!("Compose has no balancer");
    };
    let rules: Vec<Rule> = rules.split(' ').map(|rule| rule.parse().unwrap()).collect();
    let health = ["CMD", "/app/private-service", "health"];
    assert_eq!(
        values(&compose, "privateservice", "healthcheck.test"),
        [format!("[{}]", health.join(", ")).as_str()].into()
    );
    for (part, rule) in PARTS.into_iter().zip(rules) {
        let name = format!("{}{}", part[..1].to_uppercase(), &part[1..]);
        let of = |kind: &str, end: &str| values(&template, &format!("{name}{kind}"), end);
        let taken = values(&template, &format!("BalancerHttp{name}RouteRule"), "PathPatternConfig.Values.-");
        assert_eq!(taken, [rule.path.as_str(), format!("{}/*", rule.path).as_str()].into());
        let routes = values(&template, "Api", "Properties.RouteKey");
        for path in [rule.path.clone(), format!("{}/{{proxy+}}", rule.path)] {
            assert!(routes.contains(format!("GET {path}").as_str()), "{path}: {routes:?}");
        }
        assert_eq!(of("Targets", "Properties.HealthCheckPath"), [rule.health_path().as_str()].into());
        assert_eq!(of("Targets", "Properties.Port"), ["8080"].into());
        assert_eq!(of("Service", "LoadBalancers.-.ContainerPort"), ["8080"].into());
        assert_eq!(of("Task", "PortMappings.-.ContainerPort"), ["8080"].into());
        assert_eq!(of("Task", "HealthCheck.Command.-"), health.into());
        assert_eq!(rule.targets, [format!("{part}:8080")]);
        assert_eq!(variable(&template, &name, "PORT"), "8080");
        assert_eq!(variable(&template, &name, "CATALOGUE"), part);
        assert_eq!(values(&compose, part, "environment.CATALOGUE"), [part].into());

        let service = Service::spawn(BINARY, [("CATALOGUE", part)]).await;
        for (path, status) in [
            (rule.path.clone(), StatusCode::OK),
            (format!("{}/1", rule.path), StatusCode::OK),
            (rule.health_path(), StatusCode::OK),
            (format!("{}X", rule.path), StatusCode::NOT_FOUND),
        ] {
            let answer = client().get(format!("{}{path}", service.base_url())).send().await.unwrap();
            assert_eq!(answer.status(), status, "{path}");
        }
    }
}
