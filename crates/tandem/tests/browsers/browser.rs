//! A browser as a shopper uses it, one call after the other.

use std::fmt::Display;
use std::future::Future;
use std::thread;
use std::time::{Duration, Instant};

use fantoccini::cookies::Cookie;
use fantoccini::elements::Element;
use fantoccini::error::CmdError;
use fantoccini::wd::WindowHandle;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::driver::{self, Driver, Kind};
use crate::harness::{self, DEADLINE};

/// A session with a fresh profile. Dropping it kills the browser, also in a panic; the last lines of the driver's log
/// are printed then.
///
/// Every method panics when the browser refuses; those that look for something wait for it up to [`DEADLINE`].
pub(crate) struct Browser {
    client: Client,
    driver: Driver,
    runtime: Runtime,
}

impl Browser {
    /// One as it is out of the box, which accepts any certificate.
    pub(crate) fn start(kind: Kind) -> Self {
        Self::with(kind, None)
    }

    /// One that calls itself `user_agent`.
    pub(crate) fn with_user_agent(kind: Kind, user_agent: &str) -> Self {
        Self::with(kind, Some(user_agent))
    }

    fn with(kind: Kind, user_agent: Option<&str>) -> Self {
        let capabilities = driver::capabilities(kind, user_agent);
        let driver = Driver::start(kind);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities.as_object().cloned().expect("an object"));
        let url = driver.url();
        // A browser that does not start, or a driver that waits for it for ever.
        let failed = |why: &dyn Display| -> ! { panic!("no session in {kind:?}: {why}\n{}", driver.log()) };
        let client = match within(&runtime, builder.connect(&url)) {
            Some(Ok(client)) => client,
            Some(Err(e)) => failed(&e),
            None => failed(&format!("not within {DEADLINE:?}")),
        };
        Self { client, driver, runtime }
    }

    /// The process group of driver and browser.
    pub(crate) fn group(&self) -> u32 {
        self.driver.group()
    }

    /// Opens a page and waits until it is loaded.
    pub(crate) fn goto(&self, url: &str) {
        self.must(&format!("open {url}"), self.client.goto(url));
    }

    pub(crate) fn url(&self) -> String {
        self.must("tell the address", self.client.current_url()).into()
    }

    /// Back in the history, where the page may come out of a cache. Whether it is there yet is for the test to wait for.
    pub(crate) fn back(&self) {
        self.must("go back", self.client.back());
    }

    pub(crate) fn reload(&self) {
        self.must("reload", self.client.refresh());
    }

    /// Clicks; a page that opens thereby may not be there yet.
    pub(crate) fn click(&self, css: &str) {
        self.on(css, "click", |element| async move { element.click().await });
    }

    /// Puts `text` into a field in place of what is in it, with the events of typing.
    pub(crate) fn fill(&self, css: &str, text: &str) {
        self.on(css, "fill", |element| async move {
            element.clear().await?;
            element.send_keys(text).await
        });
    }

    /// The text as it is shown.
    pub(crate) fn text(&self, css: &str) -> String {
        self.on(css, "read", |element| async move { element.text().await })
    }

    /// Runs the body of a function, and gives what it returns.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.must(script, self.client.execute(script, Vec::new()))
    }

    /// Runs the body of an async function to its end; panics when it throws.
    pub(crate) fn run_async(&self, script: &str) -> Value {
        let script = format!(
            "const done = arguments[arguments.length - 1]; \
             (async () => {{ {script} }})().then(v => done({{v}}), e => done({{e: String(e)}}))"
        );
        let mut result = self.must(&script, self.client.execute_async(&script, Vec::new()));
        assert!(result.get("e").is_none(), "{script}: {}", result["e"]);
        result["v"].take()
    }

    /// Waits until the expression `condition` is truthy in the page, whichever page is there by then. In Firefox it sees
    /// what the page has declared by `var` or put on `window`, but neither `let` nor `const`.
    pub(crate) fn wait_until(&self, condition: &str) {
        let script = format!("return Boolean({condition})");
        self.poll(condition, || match self.call(self.client.execute(&script, Vec::new())) {
            Ok(Value::Bool(true)) => Ok(()),
            Ok(_) => Err("it is false".to_owned()),
            Err(e) => Err(e.to_string()),
        });
    }

    /// A command of Chromium's own protocol, for what WebDriver has no word for.
    pub(crate) fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.ask_driver("goog/cdp/execute", &json!({"cmd": command, "params": parameters}))
    }

    /// What Chromium wrote to its console since it was last asked: level and text.
    pub(crate) fn console(&self) -> Vec<(String, String)> {
        let entries = self.ask_driver("se/log", &json!({"type": "browser"}));
        let text = |entry: &Value, name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        let entries = entries.as_array().map(Vec::as_slice).unwrap_or_default();
        entries.iter().map(|entry| (text(entry, "level"), text(entry, "message"))).collect()
    }

    /// Past the client, which knows WebDriver's own commands only.
    fn ask_driver(&self, command: &str, body: &Value) -> Value {
        let session = self.call(self.client.session_id()).expect("it has a session").expect("it has begun");
        let path = format!("/session/{session}/{command}");
        let headers = [("Content-Type", "application/json")];
        let body = body.to_string();
        let answer =
            harness::Client::new(self.driver.address()).call("POST", &path, &headers, body.as_bytes());
        let answer = answer.unwrap_or_else(|e| panic!("the driver does not answer {command}: {e}"));
        assert_eq!(answer.status, 200, "{command}: {}", answer.text());
        answer.json()["value"].take()
    }

    /// The cookies that this page gets, also those that no script sees.
    pub(crate) fn cookies(&self) -> Vec<Cookie<'static>> {
        self.must("tell its cookies", self.client.get_all_cookies())
    }

    /// The one named `name`.
    pub(crate) fn cookie(&self, name: &str) -> Option<Cookie<'static>> {
        self.cookies().into_iter().find(|cookie| cookie.name() == name)
    }

    /// Forgets the cookies that this page gets. WebKit says yes before it has done so.
    pub(crate) fn delete_cookies(&self) {
        self.must("delete its cookies", self.client.delete_all_cookies());
        self.poll("delete its cookies", || match self.cookies().as_slice() {
            [] => Ok(()),
            left => Err(format!("{left:?}")),
        });
    }

    /// The tab that calls go to.
    pub(crate) fn tab(&self) -> WindowHandle {
        self.must("tell its tab", self.client.window())
    }

    /// Opens an empty tab; calls go there from now on.
    pub(crate) fn new_tab(&self) -> WindowHandle {
        let tab = self.must("open a tab", self.client.new_window(true)).handle;
        self.switch_to(&tab);
        tab
    }

    pub(crate) fn switch_to(&self, tab: &WindowHandle) {
        self.must("change tabs", self.client.switch_to_window(tab.clone()));
    }

    /// Closes the tab as a person does; calls go to one of the others. The last one must stay: with it ends the browser.
    pub(crate) fn close_tab(&self) {
        let here = self.tab();
        let tabs = self.must("tell its tabs", self.client.windows());
        let other = tabs.into_iter().find(|tab| *tab != here).expect("a tab beside the one to close");
        self.must("close a tab", self.client.close_window());
        self.switch_to(&other);
    }

    /// Does something with an element as soon as it is there and the browser lets it happen.
    fn on<T, F>(&self, css: &str, what: &str, act: impl Fn(Element) -> F) -> T
    where
        F: Future<Output = Result<T, CmdError>>,
    {
        self.poll(&format!("{what} {css}"), || {
            let found = self.call(self.client.find(Locator::Css(css)));
            found.and_then(|element| self.call(act(element))).map_err(|e| e.to_string())
        })
    }

    fn poll<T>(&self, what: &str, mut attempt: impl FnMut() -> Result<T, String>) -> T {
        let end = Instant::now() + DEADLINE;
        loop {
            match attempt() {
                Ok(value) => return value,
                Err(why) => assert!(Instant::now() < end, "not within {DEADLINE:?}: {what}: {why}"),
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn must<T>(&self, what: &str, command: impl Future<Output = Result<T, CmdError>>) -> T {
        self.call(command).unwrap_or_else(|e| panic!("the browser does not {what}: {e}"))
    }

    fn call<T>(&self, command: impl Future<Output = Result<T, CmdError>>) -> Result<T, CmdError> {
        let answer = within(&self.runtime, command);
        answer.unwrap_or_else(|| panic!("the driver does not answer within {DEADLINE:?}"))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if thread::panicking() {
            let log = self.driver.log();
            let from = log.ceil_char_boundary(log.len().saturating_sub(3_000));
            eprintln!("--- log of the driver\n{}---", &log[from..]);
        }
    }
}

fn within<T>(runtime: &Runtime, future: impl Future<Output = T>) -> Option<T> {
    runtime.block_on(async { tokio::time::timeout(DEADLINE, future).await.ok() })
}
