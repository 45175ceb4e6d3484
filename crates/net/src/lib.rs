//! Listeners, TLS, limits, and the one loop that drives any conversation.
