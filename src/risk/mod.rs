//! Whether we may.
