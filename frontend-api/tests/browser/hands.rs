//! What hands do: keys, dragging, pasting.

use std::path::Path;

use serde_json::json;

use crate::chromium::{Chromium, Tab};

impl Tab {
    /// Presses Tab, Enter or another key.
    pub async fn press(&self, key: &str) {
        let (code, text) = match key {
            "Tab" => (9, ""),
            "Enter" => (13, "\r"),
            other => panic!("no code for {other}"),
        };
        let kind = if text.is_empty() { "rawKeyDown" } else { "keyDown" };
        let down = json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text});
        self.call("Input.dispatchKeyEvent", down).await;
        let up = json!({"type": "keyUp", "key": key, "code": key, "windowsVirtualKeyCode": code});
        self.call("Input.dispatchKeyEvent", up).await;
    }

    /// Types into what has the focus.
    pub async fn write(&self, text: &str) {
        self.call("Input.insertText", json!({"text": text})).await;
    }

    /// Waits until an element has the focus.
    pub async fn until_focus(&self, selector: &str) {
        self.until(&format!("document.activeElement.matches({})", json!(selector))).await;
    }

    /// Presses Tab until an element has the focus.
    pub async fn tab_to(&self, selector: &str) {
        let has_focus = format!("document.activeElement.matches({})", json!(selector));
        for _ in 0..60 {
            if self.js(&has_focus).await == true {
                return;
            }
            self.press("Tab").await;
        }
        panic!("no Tab leads to {selector}");
    }

    /// Drags a file from outside onto an element.
    pub async fn drop_onto(&self, selector: &str, file: &Path, before_dropping: &str) {
        let middle = format!(
            "(({{ x, y, width, height }}) => [x + width / 2, y + height / 2])\
             (document.querySelector({}).getBoundingClientRect())",
            json!(selector)
        );
        let at = self.js(&middle).await;
        let data = json!({"items": [], "files": [file], "dragOperationsMask": 1});
        let event = |kind| json!({"type": kind, "x": at[0], "y": at[1], "data": data});
        self.call("Input.dispatchDragEvent", event("dragEnter")).await;
        self.call("Input.dispatchDragEvent", event("dragOver")).await;
        self.until(before_dropping).await;
        self.call("Input.dispatchDragEvent", event("drop")).await;
    }

    /// Puts the icon of the API's page into the clipboard, and pastes it where the focus is.
    pub async fn paste_picture(&self, chromium: &Chromium, base: &str) {
        chromium.permit(self, base, &["clipboardReadWrite", "clipboardSanitizedWrite"]).await;
        self.call("Page.bringToFront", json!({})).await;
        let copy = "fetch('/docs/favicon-32x32.png').then(async (answer) => navigator.clipboard.write(\
                    [new ClipboardItem({ 'image/png': await answer.blob() })])).then(() => true)";
        assert_eq!(self.js(copy).await, true);
        let key = json!({"type": "rawKeyDown", "key": "v", "code": "KeyV", "windowsVirtualKeyCode": 86, "modifiers": 2,
            "commands": ["paste"]});
        self.call("Input.dispatchKeyEvent", key).await;
    }
}
