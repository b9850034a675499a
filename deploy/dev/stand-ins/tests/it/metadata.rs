use causeway_stand_ins::metadata;
use serde_json::Value;

#[tokio::test]
async fn a_container_is_listed_in_its_task_after_a_sidecar() {
    let server = metadata::start().unwrap();
    let uri = metadata::uri(&server, "privateservice");
    let container: Value = crate::get(&uri).await.json().await.unwrap();
    let task: Value = crate::get(&format!("{uri}/task")).await.json().await.unwrap();
    assert_eq!(task["Containers"][0]["Name"], "log-router");
    assert_eq!(task["Containers"][1], container);
    assert_eq!(container["Networks"][0]["IPv4Addresses"][0], "127.0.0.1");
    let other: Value = crate::get(&metadata::uri(&server, "books")).await.json().await.unwrap();
    assert_ne!(other["DockerId"], container["DockerId"]);
}
