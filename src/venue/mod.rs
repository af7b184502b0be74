//! Where orders go.
