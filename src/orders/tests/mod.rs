//! Tests of the table of orders.
