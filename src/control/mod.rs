//! The socket in the state directory.
