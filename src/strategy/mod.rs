//! Views in, signals out.
