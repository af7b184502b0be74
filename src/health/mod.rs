//! The monitor: probes over pulses, heartbeat, watchdog, systemd.
