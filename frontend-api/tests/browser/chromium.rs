//! Chromium over its debugging pipe: messages of JSON that end with NUL, on file descriptors 3 and 4.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use causeway_testing::not_run;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::helpers::{PATIENCE, eventually};

/// Another browser is another context: it shares no cookie.
pub struct Chromium {
    pipe: Arc<Mutex<Pipe>>,
    _process: Child,
    _profile: tempfile::TempDir,
}

struct Pipe {
    sending: ChildStdin,
    receiving: BufReader<ChildStdout>,
    number: u64,
    complaints: Vec<String>,
}

/// A page in a browser of its own.
#[derive(Clone)]
pub struct Tab {
    pipe: Arc<Mutex<Pipe>>,
    session: String,
    /// The browser's own; its cookies and permissions belong to it.
    context: Value,
}

/// Debian's name and others'.
#[expect(clippy::print_stderr, reason = "a test that proves nothing must say so")]
fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let found = std::env::split_paths(&path)
        .find_map(|directory| names.map(|name| directory.join(name)).into_iter().find(|program| program.is_file()));
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "there is no Chromium (Debian: chromium)");
        eprintln!("skipped: there is no Chromium (Debian: chromium)");
        not_run::note("need Chromium");
    }
    found
}

impl Chromium {
    /// Starts it; `None`, said aloud, where there is none.
    pub async fn start() -> Option<Self> {
        let profile = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "exec \"$@\" 3<&0 4>&1 0</dev/null 1>/dev/null", "sh"]).arg(program()?);
        command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]);
        command.args(["--disable-extensions", "--disable-background-networking", "--disable-component-update"]);
        command.args(["--hide-scrollbars", "--remote-debugging-pipe"]);
        command.arg(format!("--user-data-dir={}", profile.path().display()));
        command.env("TZ", "Asia/Tokyo").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.kill_on_drop(true).spawn().unwrap();
        let (sending, receiving) = (process.stdin.take().unwrap(), BufReader::new(process.stdout.take().unwrap()));
        let pipe = Pipe { sending, receiving, number: 0, complaints: Vec::new() };
        Some(Self { pipe: Arc::new(Mutex::new(pipe)), _process: process, _profile: profile })
    }

    /// Opens an empty page in a new browser.
    pub async fn open(&self) -> Tab {
        let mut pipe = self.pipe.lock().await;
        let context = pipe.call("", "Target.createBrowserContext", json!({})).await.unwrap();
        let page = json!({"url": "about:blank", "browserContextId": context["browserContextId"]});
        let target = pipe.call("", "Target.createTarget", page).await.unwrap();
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = pipe.call("", "Target.attachToTarget", attach).await.unwrap();
        let session = session["sessionId"].as_str().unwrap().to_owned();
        let tab = Tab { pipe: self.pipe.clone(), session, context: context["browserContextId"].clone() };
        drop(pipe);
        for domain in ["Page", "Runtime", "Log"] {
            tab.call(&format!("{domain}.enable"), json!({})).await;
        }
        tab.call("Emulation.setLocaleOverride", json!({"locale": "en-GB"})).await;
        tab.resize(1280).await;
        tab
    }

    /// Lets pages of `origin` in the browser of `tab` do what a person would be asked about.
    pub async fn permit(&self, tab: &Tab, origin: &str, permissions: &[&str]) {
        let grant = json!({"permissions": permissions, "browserContextId": tab.context, "origin": origin});
        self.pipe.lock().await.call("", "Browser.grantPermissions", grant).await.unwrap();
    }

    /// What the pages complained of: errors of scripts, and what the policy refused.
    pub async fn complaints(&self) -> Vec<String> {
        self.pipe.lock().await.complaints.clone()
    }
}

impl Pipe {
    async fn call(&mut self, session: &str, method: &str, params: Value) -> Result<Value, String> {
        self.number += 1;
        let mut message = json!({"id": self.number, "method": method, "params": params});
        if !session.is_empty() {
            message["sessionId"] = session.into();
        }
        self.sending.write_all(format!("{message}\0").as_bytes()).await.unwrap();
        loop {
            let mut bytes = Vec::new();
            let read = timeout(4 * PATIENCE, self.receiving.read_until(0, &mut bytes)).await;
            assert!(read.expect("Chromium answers").unwrap() > 0, "Chromium has ended");
            bytes.pop();
            let mut answer: Value = serde_json::from_slice(&bytes).unwrap();
            if answer["id"] == self.number {
                return if answer["error"].is_null() { Ok(answer["result"].take()) } else { Err(answer.to_string()) };
            }
            let complains = match answer["method"].as_str() {
                Some("Runtime.exceptionThrown") => true,
                Some("Log.entryAdded") => {
                    let entry = &answer["params"]["entry"];
                    entry["level"] == "error" && entry["source"] != "network"
                }
                _ => false,
            };
            if complains {
                self.complaints.push(answer["params"].to_string());
            }
        }
    }
}

impl Tab {
    pub async fn call(&self, method: &str, params: Value) -> Value {
        self.pipe.lock().await.call(&self.session, method, params).await.unwrap()
    }

    /// What an expression gives; `None` while the page changes.
    async fn evaluate(&self, expression: &str) -> Option<Value> {
        let params = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let mut result = self.pipe.lock().await.call(&self.session, "Runtime.evaluate", params).await.ok()?;
        assert!(result["exceptionDetails"].is_null(), "{expression}: {}", result["exceptionDetails"]);
        Some(result["result"]["value"].take())
    }

    pub async fn js(&self, expression: &str) -> Value {
        eventually(expression, async || self.evaluate(expression).await).await
    }

    pub async fn text(&self, selector: &str) -> String {
        let text = self.js(&format!("document.querySelector({})?.innerText ?? ''", json!(selector))).await;
        text.as_str().unwrap().to_owned()
    }

    /// Waits until an expression is true on a page that is whole.
    pub async fn until(&self, expression: &str) {
        let whole = format!("document.readyState === 'complete' && Boolean({expression})");
        let address = "location.href + ' ' + document.querySelector('main')?.innerText";
        let mut seen = Value::Null;
        let waited = tokio::time::timeout(PATIENCE, async {
            while self.evaluate(&whole).await != Some(Value::Bool(true)) {
                seen = self.evaluate(address).await.unwrap_or_default();
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        });
        assert!(waited.await.is_ok(), "{expression} never held: {seen}");
    }

    pub async fn go(&self, url: &str) {
        self.call("Page.navigate", json!({"url": url})).await;
        self.until(&format!("location.href !== 'about:blank' && {} !== ''", json!(url))).await;
    }

    /// Types into a field.
    pub async fn fill(&self, selector: &str, value: &str) {
        let (selector, value) = (json!(selector), json!(value));
        self.js(&format!("(field => {{ field.value = {value}; }})(document.querySelector({selector}))")).await;
    }

    /// Clicks, and waits until something holds.
    pub async fn click(&self, selector: &str, then: &str) {
        self.js(&format!("document.querySelector({}).click()", json!(selector))).await;
        self.until(then).await;
    }

    /// Chooses a file in the page's only field for one.
    pub async fn choose(&self, file: &Path) {
        let document = self.call("DOM.getDocument", json!({})).await;
        let query = json!({"nodeId": document["root"]["nodeId"], "selector": "input[type=file]"});
        let field = self.call("DOM.querySelector", query).await;
        self.call("DOM.setFileInputFiles", json!({"files": [file], "nodeId": field["nodeId"]})).await;
    }

    /// Turns the scripts of pages off, or on again.
    pub async fn disable_scripts(&self, disabled: bool) {
        self.call("Emulation.setScriptExecutionDisabled", json!({"value": disabled})).await;
    }

    pub async fn resize(&self, width: u32) {
        self.zoom(width, 1).await;
    }

    /// A window of this width in pixels of the page, each of which is `factor` pixels of the screen wide.
    pub async fn zoom(&self, width: u32, factor: u32) {
        let size = json!({"width": width, "height": 800, "deviceScaleFactor": factor, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// Such as `prefers-color-scheme` and `dark`.
    pub async fn media(&self, features: &[(&str, &str)]) {
        let features: Vec<Value> = features.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
        self.call("Emulation.setEmulatedMedia", json!({"features": features})).await;
    }

    /// Writes a picture of the whole page.
    pub async fn picture(&self, path: &Path) {
        let size = self.js("[innerWidth, document.documentElement.scrollHeight]").await;
        let clip = json!({"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1});
        let params = json!({"format": "png", "captureBeyondViewport": true, "clip": clip});
        let shot = self.call("Page.captureScreenshot", params).await;
        std::fs::write(path, STANDARD.decode(shot["data"].as_str().unwrap()).unwrap()).unwrap();
    }
}
