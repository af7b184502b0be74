//! What we asked and what came of it.
