//! The rules of the house, as tests: who may use whom, and where what stands.
//! See `tests/rules.rs`.
