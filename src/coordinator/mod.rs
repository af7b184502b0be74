//! The production loop.
