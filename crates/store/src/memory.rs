//! The reference: everything in memory, with the crash semantics of a disk.
