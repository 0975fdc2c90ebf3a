//! Starts the WebDriver server of a browser and finds out where it listens.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{Client, until};
use crate::leash::{Leashed, find, first_of};
use crate::port::Port;

/// A browser that is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Chromium,
    Firefox,
    WebKit,
}

/// Where Debian and others put the browser that WebKitGTK brings along.
const MINI_BROWSER: [&str; 4] = [
    "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser",
    "/usr/lib/aarch64-linux-gnu/webkit2gtk-4.1/MiniBrowser",
    "/usr/libexec/webkit2gtk-4.1/MiniBrowser",
    "/usr/lib/webkit2gtk-4.1/MiniBrowser",
];

/// A running WebDriver server. Dropping it kills it together with its browser.
pub(crate) struct Driver {
    process: Leashed,
    address: SocketAddr,
    /// WebKitGTK has no headless mode.
    _display: Option<Leashed>,
    _port: Option<Port>,
}

impl Driver {
    /// One that is ready for a session.
    pub(crate) fn start(kind: Kind) -> Self {
        match kind {
            Kind::Chromium => {
                // Left to itself it takes a free port of ::1 and fails where that of 127.0.0.1 is not free too.
                let port = Port::keep();
                let argument = format!("--port={}", port.address().port());
                Self { _port: Some(port), ..Self::ready("chromedriver", &[&argument], None) }
            }
            Kind::Firefox => Self::ready("geckodriver", &["--port=0", "--websocket-port=0"], None),
            Kind::WebKit => {
                let screen = ["-displayfd", "1", "-screen", "0", "1280x1024x24", "-nolisten", "tcp"];
                let (display, number) = Leashed::start_and_read(&find("Xvfb"), &screen);
                assert!(!number.is_empty(), "Xvfb did not start: {}", display.log());
                Self::ready("WebKitWebDriver", &["--port=0"], Some((display, number.trim())))
            }
        }
    }

    fn ready(program: &str, arguments: &[&str], display: Option<(Leashed, &str)>) -> Self {
        let mut environment = Vec::new();
        if let Some((_, number)) = &display {
            environment.push(("DISPLAY", format!(":{number}")));
            // It would rather take the desktop of whoever runs the tests.
            environment.push(("GDK_BACKEND", "x11".to_owned()));
            environment.push(("NO_AT_BRIDGE", "1".to_owned()));
        }
        let mut process = Leashed::start(&find(program), arguments, &environment);
        let mut port = None;
        until("the driver is ready", || {
            assert!(process.alive(), "{program} ended before it was ready: {}", process.log());
            port = port.or_else(|| listening_port(process.pid()));
            port.is_some_and(is_ready)
        });
        let address = SocketAddr::from(([127, 0, 0, 1], port.expect("just seen")));
        Self { process, address, _display: display.map(|(display, _)| display), _port: None }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The process group that the driver and its browser are in.
    pub(crate) fn group(&self) -> u32 {
        self.process.pid()
    }

    /// What driver and browser printed.
    pub(crate) fn log(&self) -> String {
        self.process.log()
    }
}

/// What to ask the driver for: the browser as it is, without a window.
pub(crate) fn capabilities(kind: Kind, user_agent: Option<&str>) -> Value {
    let named = user_agent.map(|text| format!("--user-agent={text}"));
    let arguments =
        |own: &[&'static str]| json!(own.iter().copied().chain(named.as_deref()).collect::<Vec<_>>());
    let (name, options) = match kind {
        Kind::Chromium => {
            // Its sandbox does not work for root, nor in most containers.
            let arguments = arguments(&["--headless=new", "--no-sandbox", "--disable-dev-shm-usage"]);
            ("goog:chromeOptions", json!({"binary": find("chromium"), "args": arguments}))
        }
        Kind::Firefox => {
            let prefs = user_agent.map_or(json!({}), |text| json!({"general.useragent.override": text}));
            (
                "moz:firefoxOptions",
                json!({"binary": find("firefox-esr"), "args": ["-headless"], "prefs": prefs}),
            )
        }
        Kind::WebKit => {
            let binary = first_of(&MINI_BROWSER);
            ("webkitgtk:browserOptions", json!({"binary": binary, "args": arguments(&["--automation"])}))
        }
    };
    let mut wanted = json!({"acceptInsecureCerts": true, (name): options});
    if kind == Kind::Chromium {
        // Else it keeps no console.
        wanted["goog:loggingPrefs"] = json!({"browser": "ALL"});
    }
    wanted
}

/// Where a process accepts connections. WebKitWebDriver takes a free port but tells nobody which, so ask the kernel.
fn listening_port(pid: u32) -> Option<u16> {
    let process = Path::new("/proc").join(pid.to_string());
    let open: Vec<_> = fs::read_dir(process.join("fd")).ok()?.flatten().collect();
    let open: Vec<_> = open.iter().filter_map(|file| fs::read_link(file.path()).ok()).collect();
    let table = fs::read_to_string(process.join("net/tcp")).ok()?;
    // Number, local address, remote address, state, …, the socket's number as the tenth.
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let socket = format!("socket:[{}]", fields.get(9)?);
        let listens = *fields.get(3)? == "0A" && open.iter().any(|file| file.as_os_str() == &*socket);
        listens.then(|| u16::from_str_radix(fields[1].rsplit(':').next()?, 16).ok()).flatten()
    })
}

fn is_ready(port: u16) -> bool {
    let mut client = Client::new(SocketAddr::from(([127, 0, 0, 1], port)));
    client.call("GET", "/status", &[], b"").is_ok_and(|answer| answer.json()["value"]["ready"] == true)
}
