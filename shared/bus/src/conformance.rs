//! What every bus must do, written against the port.
