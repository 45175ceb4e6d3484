//! Mailboxes and messages of an account over a Store: lanes, rows, views, change log, quota.
