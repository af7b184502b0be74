//! The durable truth about ourselves.
