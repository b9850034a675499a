//! The container engine, by its command line.

use std::process::Stdio;

use tokio::process::Command;

use crate::Result;

/// Runs a program to its end; what it printed, without the end of the last line.
pub async fn run(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().await?;
    if !output.status.success() {
        let problem = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{program} {}: {}", arguments.join(" "), problem.trim()).into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

pub async fn docker(arguments: &[&str]) -> Result<String> {
    run("docker", arguments).await
}

/// One field of `docker inspect`.
pub async fn inspect(container: &str, field: &str) -> Result<String> {
    docker(&["inspect", "--format", field, container]).await
}

/// The container's first process, as this machine counts.
pub async fn pid(container: &str) -> Result<String> {
    inspect(container, "{{.State.Pid}}").await
}

/// The most memory that the container's first process has had, in MB.
pub async fn peak_memory(container: &str) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", pid(container).await?))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes * 1024.0 / 1e6)
}

/// Drops every packet to and from the container, without a word to either side.
pub async fn cut_off(container: &str) -> Result {
    for chain in ["INPUT", "OUTPUT"] {
        firewall(container, &["-A", chain, "!", "-i", "lo", "-j", "DROP"], chain).await?;
    }
    Ok(())
}

/// The end of [`cut_off`].
pub async fn reconnect(container: &str) -> Result {
    let pid = pid(container).await?;
    run("nsenter", &["--target", &pid, "--net", "iptables", "-F"]).await.map(drop)
}

async fn firewall(container: &str, rule: &[&str], chain: &str) -> Result {
    let pid = pid(container).await?;
    let interface = if chain == "INPUT" { "-i" } else { "-o" };
    let rule = rule.iter().map(|&word| if word == "-i" { interface } else { word });
    let arguments: Vec<_> = ["--target", &pid, "--net", "iptables"].into_iter().chain(rule).collect();
    run("nsenter", &arguments).await.map(drop)
}
