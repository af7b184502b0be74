//! The counters that every stage stamps.
