//! RFC 5322 and MIME: a streaming, budgeted structure scanner, envelopes, parts, text.
