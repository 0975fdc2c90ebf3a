//! Whoever reads the start of what a command says, and goes away, has seen enough: no command complains of that.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::io::Read;
use std::process::{Command, Stdio};

/// Runs it with a standard output that nobody reads any more; exit code and standard error.
fn unread(arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    (child.wait().unwrap().code(), said)
}

#[test]
fn a_demo_that_nobody_reads_still_tells_by_its_exit_code_how_it_went() {
    let (code, said) = unread(&["demo", "--exit", "--port", "0"]);
    assert_eq!((code, said.contains("panicked")), (Some(0), false), "{said}");
}

#[test]
fn commands_end_quietly() {
    for arguments in [&["check", "--example"][..], &["--help"], &["explain", "--help"]] {
        let (code, said) = unread(arguments);
        assert_eq!((code, said.as_str()), (Some(0), ""), "{arguments:?}");
    }
}
