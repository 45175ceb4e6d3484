//! What is counted of commits.

meter::metrics! {
    /// Commits that were asked for: `done` are durable, `conflict` were expected to find something else and may be tried
    /// again, `refused` found the disk full or the store read-only, `failed` may or may not be there.
    COMMITS: Counter "store_commits_total" { outcome: ["done", "conflict", "refused", "failed"] };
    /// Octets of keys and values in commits that are durable.
    COMMIT_OCTETS: Counter "store_commit_octets_total";
    /// How long a group of commits took from its beginning until it was durable.
    COMMIT_SECONDS: Histogram "store_commit_seconds"
        buckets [0.000_1, 0.000_3, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 10.0];
    /// How many commits were made durable together.
    COMMIT_GROUP: Histogram "store_commit_group_commits" buckets [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];
}
