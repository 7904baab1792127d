//! What the policy crate promises, through its public functions.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]
#![expect(clippy::needless_pass_by_value, reason = "specs are written in place with json!")]

mod advising;
mod algebra;
mod combining;
mod compiling;
mod contexts;
mod cutting;
mod days;
mod edge;
mod explaining;
mod fail_closed;
mod golden;
mod naive;
mod providers;
mod publishing;
mod random;
mod resolving;
mod restricting;
mod stories;
mod support;
