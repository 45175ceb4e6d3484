//! Ordered keys and bytes: the two traits every backend implements, the in-memory reference, the conformance suite.
