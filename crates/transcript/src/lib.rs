//! Runs protocol transcripts against conversations on a virtual clock.
