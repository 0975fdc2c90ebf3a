//! Processes that cannot outlive the test, however it ends.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use tempfile::TempDir;

use crate::harness::until;

/// Becomes the program, with a watcher beside it that kills the whole process group as soon as standard input ends. It
/// ends when the test lets go of it: on drop, in a panic, on SIGKILL.
const SCRIPT: &str = r#"
exec 3<&0 </dev/null
(read -r end <&3; kill -KILL 0) &
exec 3<&-
exec "$@"
"#;

/// A program, everything it starts, and a home of its own for all of them.
pub(crate) struct Leashed {
    child: Child,
    lead: Option<ChildStdin>,
    home: Option<TempDir>,
}

impl Leashed {
    /// Starts `program`. Its output goes to a file in the home, see [`Leashed::log`].
    pub(crate) fn start(program: &Path, arguments: &[&str], environment: &[(&str, String)]) -> Self {
        Self::spawn(program, arguments, environment, false)
    }

    /// The same, with the first line that it prints.
    pub(crate) fn start_and_read(program: &Path, arguments: &[&str]) -> (Self, String) {
        let mut leashed = Self::spawn(program, arguments, &[], true);
        let stdout = leashed.child.stdout.take().expect("standard output is a pipe");
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).expect("its output");
        (leashed, line)
    }

    fn spawn(program: &Path, arguments: &[&str], environment: &[(&str, String)], read: bool) -> Self {
        let home = tempfile::tempdir().expect("a temporary folder");
        let log = File::create(home.path().join("log")).expect("a log");
        let stdout = if read { Stdio::piped() } else { log.try_clone().expect("the log twice").into() };
        // Profiles, caches and settings of browsers all end up below these.
        let own = ["HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"];
        let mut child = Command::new("sh")
            .args(["-c", SCRIPT, "leash"])
            .arg(program)
            .args(arguments)
            .envs(own.map(|name| (name, home.path())))
            .env("LC_ALL", "C.UTF-8")
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(stdout)
            .stderr(log)
            .spawn()
            .expect("sh starts");
        let lead = child.stdin.take();
        Self { child, lead, home: Some(home) }
    }

    /// Of the program, and of the process group.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether the program itself still runs.
    pub(crate) fn alive(&mut self) -> bool {
        self.child.try_wait().expect("its status").is_none()
    }

    /// What it printed so far, with whatever its children did.
    pub(crate) fn log(&self) -> String {
        let path = self.home.as_ref().map(|home| home.path().join("log")).unwrap_or_default();
        let bytes = std::fs::read(path).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Leashed {
    fn drop(&mut self) {
        drop(self.lead.take());
        let _ = self.child.wait();
        // What the kill has not reached yet may still write.
        if let Some(path) = self.home.take().map(TempDir::keep) {
            until("the home of a driver is removed", || {
                std::fs::remove_dir_all(&path).is_ok() || !path.exists()
            });
        }
    }
}

/// Where `name` is on the `PATH`.
///
/// # Panics
///
/// When it is not there: a browser test that cannot run has failed.
pub(crate) fn find(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    found.unwrap_or_else(|| missing(name))
}

/// The first of `files` that is there, or a panic as in [`find`].
pub(crate) fn first_of(files: &[&str]) -> PathBuf {
    let found = files.iter().map(PathBuf::from).find(|file| file.is_file());
    found.unwrap_or_else(|| missing(&files.join(" or ")))
}

fn missing(what: &str) -> ! {
    panic!(
        "{what} is not installed, and the browser tests need it. Run ./test once: it installs all they need."
    )
}

#[test]
#[should_panic = "no-such-browser is not installed"]
fn a_browser_that_is_missing_is_a_failure() {
    find("no-such-browser");
}
