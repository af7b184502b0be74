//! Composes the rooms below in one fixed order.
