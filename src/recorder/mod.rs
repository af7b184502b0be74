//! The black box.
