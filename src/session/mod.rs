//! The one loop, pure.
