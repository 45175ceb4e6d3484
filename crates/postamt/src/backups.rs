//! Backups: what the command line does with crate `backup`, on a running server or without one.
//!
//! | module | what |
//! |---|---|
//! | [`names`] | the key by which encrypted objects are named |
//! | [`source`] | what a backup is taken of: the running server, or a stopped one's folder |
//! | [`scratch`] | a store that a test restore fills |
//! | [`mail`] | an account's mail out of a backup |
//! | [`rewind`] | accounts of a restored store become what they were at another moment |

pub mod mail;
pub mod names;
pub mod rewind;
pub mod scratch;
pub mod source;
