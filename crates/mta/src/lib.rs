//! The message's path: receive, route, queue, deliver.
