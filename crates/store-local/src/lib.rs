//! The embedded backend: fjall with one committer, journal guard, space watermark; blobs as files.
