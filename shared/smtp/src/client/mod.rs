//! The client side of a session: commands out, replies in.
