//! What is written.

use store::{Batch, Bytes, Cell, Space};

/// A message of 4 KiB and the six rows that come with it.
pub fn delivery(n: u64) -> Batch {
    static BODY: [u8; 4096] = [b'x'; 4096];
    let mut batch = Batch::new(Cell::new(format!("account {}", n % 64)));
    batch.put(Space::Bodies, n.to_be_bytes().to_vec(), Bytes::from_static(&BODY));
    for (row, octets) in [("email", 400), ("member", 60), ("bymod", 20), ("log", 60), ("thread", 24), ("head", 120)] {
        let key = [row.as_bytes(), b"/", &n.to_be_bytes()].concat();
        batch.put(Space::Rows, key, BODY.get(..octets).unwrap_or_default());
    }
    batch
}
