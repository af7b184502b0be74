//! Tests of the protection plan.
