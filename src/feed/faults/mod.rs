//! Rehearsed faults of a feed.
