//! What we own and owe.
