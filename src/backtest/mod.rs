//! The session turned from files, without a runtime.
