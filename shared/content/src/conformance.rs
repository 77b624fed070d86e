//! The contract of the port, as tests that every adapter passes.
