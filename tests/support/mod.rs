//! A daemon as a process: started, listened to, signalled, and never left behind.

#![expect(clippy::disallowed_methods, reason = "a test waits for another process in real time")]

pub mod books;
pub mod crash;
pub mod live;
pub mod recorded;
pub mod served;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

/// How long anything may take that takes a second on an idle machine.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Time between two looks at a process.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A running process, its lines as they come, and those that were taken.
pub struct Daemon {
    pub child: Child,
    pub lines: Receiver<String>,
    pub heard: Vec<String>,
}

/// How a process ended, and all that it said.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// Standard output and standard error, as the lines came.
    pub text: String,
}

/// The program with an environment of its own.
pub fn command(program: &Path, folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.env_clear().envs(variables.iter().copied()).current_dir(folder).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Daemon {
    /// Starts it.
    pub fn start(mut command: Command) -> Daemon {
        let mut child = command.spawn().expect("the program starts");
        let (sender, lines) = channel();
        listen(child.stdout.take().expect("standard output is piped"), sender.clone());
        listen(child.stderr.take().expect("standard error is piped"), sender);
        Daemon { child, lines, heard: Vec::new() }
    }

    /// Waits for a line with a text in it, and gives it.
    pub fn hear(&mut self, text: &str) -> String {
        self.listen_for(text).unwrap_or_else(|| panic!("`{text}` was never said:\n{}", self.heard.join("\n")))
    }

    /// Waits for a line with a text in it; none if the process ends without it, or takes too long.
    pub fn listen_for(&mut self, text: &str) -> Option<String> {
        let deadline = Instant::now() + PATIENCE;
        while let Ok(line) = self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            self.heard.push(line);
            let line = self.heard.last().filter(|line| line.contains(text));
            if line.is_some() {
                return line.cloned();
            }
        }
        None
    }

    /// Has it ended by itself?
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("the process can be asked about").is_some()
    }

    /// Ends it as a power cut would, and waits until it is gone.
    pub fn die(&mut self) {
        let _ = self.child.kill();
        self.wait();
    }

    /// Ends it as a power cut would.
    pub fn kill(mut self) -> Ended {
        self.die();
        self.end()
    }

    /// Waits for its end.
    pub fn end(mut self) -> Ended {
        let status = self.wait();
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            self.heard.push(line);
        }
        Ended { code: status.code(), text: self.heard.join("\n") }
    }

    fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("the process can be waited for") {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end");
            pause(LOOK_EVERY);
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Lets real time pass.
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// Waits until something is so.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "never: {what}");
        pause(LOOK_EVERY);
    }
}

fn listen(pipe: impl std::io::Read + Send + 'static, sender: Sender<String>) {
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
}
