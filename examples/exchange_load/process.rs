//! The server as a process: started, looked at, and never left behind.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Flags;
use crate::recording::SYMBOLS;

/// Lines that the server says before it listens, at most.
const BANNER_LINES: usize = 1_000;
/// What each account begins with.
const BALANCE: u64 = 1_000_000;

/// Ticks in which Linux tells processor time, on every architecture.
const TICKS_PER_SECOND: f64 = 100.0;

/// The running server.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    /// What the server says of its rate limits.
    pub rate_limits: String,
}

/// Memory and processor time of the server, and processor time of this process.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    pub at: Instant,
    pub resident_mib: f64,
    pub server_cpu: Duration,
    pub own_cpu: Duration,
}

/// The key and the secret of a client's account.
pub fn account(number: u32) -> (String, String) {
    (format!("load-{number}"), format!("secret-{number}"))
}

impl Server {
    /// Starts it on the recording in the folder, on a port that is free.
    pub fn start(program: &Path, folder: &Path, flags: &Flags) -> Result<Server, String> {
        let mut command = Command::new(program);
        let symbols: Vec<String> =
            SYMBOLS.iter().map(|(name, _)| name.to_uppercase().replace("USDT", "/USDT")).collect();
        command.args(["exchange", "--port", "0", "--no-rate-limits", "--symbols", &symbols.join(",")]);
        command.arg("--feed").arg(format!("file:{}", folder.join("recording").display()));
        for number in 0..flags.rest_clients {
            let (key, secret) = account(number);
            command.arg("--account").arg(format!("{key}:{secret}:{BALANCE}"));
        }
        if flags.state {
            command.arg("--state").arg(folder.join("state.sqlite"));
        }
        command.env_clear().env("HOME", folder).current_dir(folder);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().map_err(|error| format!("{}: {error}", program.display()))?;
        let output = child.stdout.take().ok_or("the server has no output")?;
        let (mut address, mut rate_limits) = (None, String::new());
        for line in BufReader::new(output).lines().map_while(Result::ok).take(BANNER_LINES) {
            if let Some((_, rest)) = line.split_once("http://") {
                address = address.or(rest.trim().parse().ok());
            }
            if let Some((_, rest)) = line.split_once("rate limits") {
                rate_limits = rest.trim().to_owned();
            }
            // Keys end the banner.
            if line.trim_start().starts_with("key ") {
                break;
            }
        }
        let server = address.map(|address| Server { child, address, rate_limits });
        server.ok_or_else(|| "the server ended, or does not say where it listens".to_owned())
    }

    /// Has it not ended by itself?
    pub fn check(&mut self) -> Result<(), String> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(format!("the server ended under load: {status}")),
            Err(error) => Err(error.to_string()),
        }
    }

    /// What it uses now.
    pub fn usage(&self) -> Result<Usage, String> {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
        Ok(Usage {
            at: Instant::now(),
            resident_mib: kib.ok_or_else(|| format!("{path} does not tell VmRSS"))? / 1_024.0,
            server_cpu: cpu(&self.child.id().to_string())?,
            own_cpu: cpu("self")?,
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Processor time of a process, in user and in system mode.
fn cpu(pid: &str) -> Result<Duration, String> {
    let path = format!("/proc/{pid}/stat");
    let stat = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    // The name, in brackets, may hold anything; the times are the 12th and 13th field behind it.
    let fields: Vec<&str> =
        stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().collect()).unwrap_or_default();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok());
    let (user, system) = ticks(11).zip(ticks(12)).ok_or_else(|| format!("{path} cannot be read"))?;
    Ok(Duration::from_secs_f64((user + system) as f64 / TICKS_PER_SECOND))
}
