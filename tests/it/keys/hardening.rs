//! A real process: no core whatever kills it, and what it makes is its owner's.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};

use rustix::process::{DumpableBehavior, dumpable_behavior};

use crate::support::process::{Process, signal};

fn of_process(pid: u32, file: &str) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap()
}

#[tokio::test]
async fn a_process_that_dies_leaves_no_core() {
    let database = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", database.path().join("gateway.db").display());
    let mut process = Process::new(&url);
    for killed_by in ["SEGV", "ABRT"] {
        process.start().await;
        let pid = process.child().id();
        let limits = of_process(pid, "limits");
        let cores = limits
            .lines()
            .find(|line| line.starts_with("Max core file size"))
            .unwrap();
        let words: Vec<_> = cores.split_whitespace().collect();
        assert_eq!(words[4..6], ["0", "0"], "{cores}");
        assert!(
            of_process(pid, "status")
                .lines()
                .any(|line| line == "Umask:\t0077")
        );

        signal(process.child(), killed_by);
        // The first SEGV from outside only ends Rust's handler for overflows of the stack.
        std::thread::sleep(std::time::Duration::from_millis(200));
        if process.child().try_wait().unwrap().is_none() {
            signal(process.child(), killed_by);
        }
        let status = process.child().wait().unwrap();
        assert!(status.signal().is_some(), "{status}");
        assert!(!status.core_dumped(), "{status}");
    }
}

/// The control: where this machine writes cores at all, a process that is not hardened leaves one.
#[test]
fn a_core_would_be_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new("sh")
        .args(["-c", "ulimit -c unlimited 2>/dev/null; kill -SEGV $$"])
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let status = child.wait().unwrap();
    let pattern = std::fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap_or_default();
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let hard_limit_is_zero = limits
        .lines()
        .any(|line| line.starts_with("Max core file size") && line.split_whitespace().nth(5) == Some("0"));
    let can = !hard_limit_is_zero && !pattern.trim().is_empty();
    // A pattern with a path may name a place that is not there.
    let sure = can && !pattern.contains('/');
    assert!(status.core_dumped() || !sure, "{status}, `{pattern}`");
}

/// Not dumpable: also when cores are piped to a program, which no limit stops; and no other process of the same user may
/// read the memory.
#[test]
fn a_hardened_process_is_not_dumpable() {
    assert_ne!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    doelpoort::process::harden().unwrap();
    assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
}
