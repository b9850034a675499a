//! Compares the OpenAPI document that a service serves with the committed one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// If this variable is set, the committed document is written. `make documents` sets it.
const WRITE: &str = "WRITE_OPENAPI";

/// Fails unless `served` is the committed document of the service. A change that breaks callers needs another version, so
/// it is not written over the document of the same version.
pub fn assert_committed(service: &str, served: &Value) {
    let path = path_of(service);
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let before: Value = serde_json::from_str(&committed).unwrap_or_default();
    let broken = if allows_breaking(&before, served) { Vec::new() } else { breaking(&before, served) };
    assert!(
        broken.is_empty(),
        "this breaks callers of {service}: raise its version in Cargo.toml (0.1 → 0.2, 1.4 → 2.0)\n{}",
        broken.join("\n")
    );
    let text = serde_json::to_string_pretty(served).expect("a document is always JSON") + "\n";
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&path, text).expect("the document can be written");
    } else {
        assert!(text == committed, "{} differs from what {service} serves: run `make documents`", path.display());
    }
}

fn path_of(service: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../../docs/openapi/{service}.json"))
}

/// Another major version, or before 1.0 another minor one.
fn allows_breaking(before: &Value, now: &Value) -> bool {
    let level = |document: &Value| {
        let version = document["info"]["version"].as_str().unwrap_or_default().to_owned();
        let parts: Vec<String> = version.split('.').map(str::to_owned).collect();
        let count = if version.starts_with("0.") { 2 } else { 1 };
        parts.into_iter().take(count).collect::<Vec<_>>()
    };
    level(before) != level(now)
}

/// Returns what callers rely on and `now` lacks, and what it newly requires of them.
pub fn breaking(before: &Value, now: &Value) -> Vec<String> {
    let mut broken = Vec::new();
    for (path, methods) in entries(&before["paths"]) {
        for (method, operation) in entries(methods) {
            let place = format!("{} {path}", method.to_uppercase());
            let newer = &now["paths"][path][method];
            if newer.is_null() {
                broken.push(format!("{place} is gone"));
                continue;
            }
            for (status, _) in
                entries(&operation["responses"]).filter(|(status, _)| newer["responses"][*status].is_null())
            {
                broken.push(format!("{place} no longer answers {status}"));
            }
            let required = required_of_callers(newer, now);
            let added = required.difference(&required_of_callers(operation, before)).cloned().collect::<Vec<_>>();
            broken.extend(added.into_iter().map(|name| format!("{place} now requires {name}")));
        }
    }
    for (name, schema) in entries(&before["components"]["schemas"]) {
        let newer = &now["components"]["schemas"][name]["properties"];
        let gone = entries(&schema["properties"]).filter(|(property, _)| newer[*property].is_null());
        broken.extend(gone.map(|(property, _)| format!("{name}.{property} is gone")));
    }
    broken
}

/// Parameters, the body, and the keys of its schemas.
fn required_of_callers(operation: &Value, document: &Value) -> BTreeSet<String> {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let parameters = parameters.filter(|parameter| parameter["required"] == true);
    let mut required: BTreeSet<_> =
        parameters.map(|parameter| format!("the parameter {}", parameter["name"])).collect();
    let body = &operation["requestBody"];
    required.extend((body["required"] == true).then(|| "a body".to_owned()));
    for (kind, content) in entries(&body["content"]) {
        let schema = &content["schema"];
        let named = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next());
        let schema = named.map_or(schema, |name| &document["components"]["schemas"][name]);
        let keys = schema["required"].as_array().into_iter().flatten();
        required.extend(keys.map(|key| format!("the key {key} ({kind})")));
    }
    required
}

fn entries(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    object.as_object().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document() -> Value {
        json!({
            "info": {"version": "0.1.0"},
            "paths": {"/things": {
                "get": {"parameters": [{"name": "after", "required": false}], "responses": {"200": {}, "503": {}}},
                "post": {
                    "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/New"}}}},
                    "responses": {"201": {}},
                },
            }},
            "components": {"schemas": {"New": {"required": ["name"], "properties": {"name": {}, "size": {}}}}},
        })
    }

    #[test]
    fn what_callers_rely_on_must_stay_and_nothing_more_may_be_required() {
        let get = "/paths/~1things/get";
        let rows = [
            ("/paths/~1things".to_owned(), Value::Null, "GET /things is gone"),
            (get.to_owned(), Value::Null, "GET /things is gone"),
            (format!("{get}/responses/503"), Value::Null, "GET /things no longer answers 503"),
            (format!("{get}/parameters/0/required"), json!(true), "GET /things now requires the parameter \"after\""),
            ("/paths/~1things/post/requestBody/required".to_owned(), json!(true), "POST /things now requires a body"),
            (
                "/components/schemas/New/required".to_owned(),
                json!(["name", "size"]),
                "POST /things now requires the key \"size\" (application/json)",
            ),
            ("/components/schemas/New/properties/size".to_owned(), Value::Null, "New.size is gone"),
        ];
        let mut before = document();
        before["paths"]["/things"]["post"]["requestBody"]["required"] = json!(false);
        for (place, value, told) in rows {
            let mut now = before.clone();
            *now.pointer_mut(&place).unwrap() = value;
            assert_eq!(breaking(&before, &now).first().map(String::as_str), Some(told), "{place}");
        }
    }

    #[test]
    fn what_is_added_breaks_nobody_and_a_version_may_break() {
        let before = document();
        let mut now = before.clone();
        now["paths"]["/others"] = json!({"get": {"responses": {"200": {}}}});
        now["paths"]["/things"]["get"]["responses"]["429"] = json!({});
        now["components"]["schemas"]["New"]["properties"]["colour"] = json!({});
        assert_eq!(breaking(&before, &now), Vec::<String>::new());
        let of = |version| json!({"info": {"version": version}});
        for (older, newer, allowed) in
            [("0.1.0", "0.1.1", false), ("0.1.9", "0.2.0", true), ("1.4.0", "1.5.0", false), ("1.4.0", "2.0.0", true)]
        {
            assert_eq!(allows_breaking(&of(older), &of(newer)), allowed, "{older} → {newer}");
        }
    }
}
