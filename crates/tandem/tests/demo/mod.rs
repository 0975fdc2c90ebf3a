//! A running `tandem demo`.
#![allow(dead_code, reason = "each test binary uses a part")]
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

/// The demo as a child process, and what it says on its first lines.
pub(crate) struct Demo {
    child: Child,
    /// The address that it says to open.
    pub(crate) open: String,
    pub(crate) shop: SocketAddr,
    pub(crate) stand_in: SocketAddr,
}

impl Demo {
    pub(crate) fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tandem"))
            .args(["demo", "--port", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut address_behind = |text: &str| -> String {
            let line = lines.find(|line| line.contains(text)).expect(text);
            let rest = &line[line.find(text).unwrap() + text.len()..];
            rest.split_whitespace().next().unwrap().to_owned()
        };
        let open = address_behind("Open ");
        let stand_in = address_behind("what platforms would show");
        // Keeps reading, so that the child never waits for room in the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let at = |url: &str| {
            let port = url.rsplit(':').next().unwrap().split('/').next().unwrap();
            SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap()))
        };
        let (shop, stand_in) = (at(&open), at(&stand_in));
        Self { child, open, shop, stand_in }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // Asked nicely, it removes its files.
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}
