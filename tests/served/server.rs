//! The shipped binary as a server, on a port that is free.

use std::net::SocketAddr;
use std::path::Path;

use crate::client::{Wire, request};
use crate::support::{Daemon, command};

/// The shipped binary.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_live_trading_launcher");

/// A running server.
pub struct Served {
    pub daemon: Daemon,
    pub address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Served {
    /// Starts a program with these arguments, and flags behind `exchange`.
    pub fn start(program: &Path, arguments: &[&str], flags: &[&str]) -> Served {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let arguments = [arguments, &["exchange", "--port", "0"], flags].concat();
        let home = folder.path().to_string_lossy().into_owned();
        let mut daemon = Daemon::start(command(program, folder.path(), &[("HOME", &home)], &arguments));
        let line = daemon.hear("http://");
        let address = line.rsplit("http://").next().and_then(|address| address.trim().parse().ok());
        Served { daemon, address: address.expect("the server says where it listens"), _folder: folder }
    }

    /// Starts the binary that is tested.
    pub fn shipped(flags: &[&str]) -> Served {
        Served::start(Path::new(PROGRAM), &[], flags)
    }

    /// Connections for streams now, as the control endpoint counts them.
    pub fn connections(&self) -> u64 {
        let mut wire = Wire::connect(self.address);
        wire.send(&request("GET", "/control/faults", "", ""));
        let told: serde_json::Value =
            serde_json::from_slice(&wire.reply().expect("an answer").body).expect("the control endpoint speaks JSON");
        told["connections"].as_u64().expect("a number of connections")
    }

    /// Resident memory in MiB.
    pub fn resident_mib(&self) -> u64 {
        let path = format!("/proc/{}/status", self.daemon.child.id());
        let status = std::fs::read_to_string(path).expect("the process is there");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it has memory");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number of kB") / 1_024
    }

    /// Is everybody else served? Fails with what the server said if it is not.
    pub fn serves(&mut self) {
        if self.daemon.has_ended() {
            self.daemon.heard.extend(self.daemon.lines.try_iter());
            panic!("the server ended:\n{}", self.daemon.heard.join("\n"));
        }
        let mut wire = Wire::connect(self.address);
        wire.send(&request("GET", "/fapi/v1/time", "", ""));
        assert_eq!(wire.reply().expect("an answer").status, 200);
    }
}
