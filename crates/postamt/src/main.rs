//! The whole post office in one program.
fn main() {}
