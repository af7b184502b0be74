//! Health: is the daemon doing what it is for? Probes judge what the stages stamped into the [`Pulses`]; the
//! [`HealthMonitor`] says so in heartbeats, to people, to risk and to systemd; the [`Watchdog`] is a thread of
//! its own that ends the process when the loop, or the runtime under it, stands still.
//!
//! The monitor runs beside the trading loop and is never waited for. [`HealthMonitor::start`] is not async, so
//! there is nothing that a caller could await in front of its loop.
//!
//! [`Pulses`]: crate::pulse::Pulses

mod figures;
mod interval;
mod judge;
mod machine;
mod monitor;
pub mod probe;
mod round;
mod settings;
pub mod systemd;
mod watchdog;

pub use interval::{INTERVAL_VARIABLE, IntervalError, effective_interval, parse_interval};
pub use machine::Machine;
pub use monitor::{HealthMonitor, MonitorHandle, Report, STOP_WITHIN, Stopped, Wiring};
pub use settings::Settings;
pub use watchdog::{Guard, Stall, Watchdog, exit_process};
