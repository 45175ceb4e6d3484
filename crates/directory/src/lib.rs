//! Domains, accounts, addresses and credentials.
