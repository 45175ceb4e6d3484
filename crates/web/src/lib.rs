//! HTTP: the status page and health.
