//! How long what was deleted can be brought back.

use super::keys::DELETED;
use super::reader::Section;
use super::units::{Size, Span};
use crate::language::both;
use crate::plan::Deleted;
use std::path::Path;
use std::time::Duration;

/// Whoever wants more wants an archive.
const KEPT_MAX: Duration = Duration::from_secs(3650 * 24 * 3600);

pub(super) fn read(root: &Section<'_>, folder: &Path) -> Deleted {
    let mut deleted = Deleted::default();
    let Some(section) = root.section("deleted", &DELETED) else { return deleted };
    if let Some(kept) = section.parsed::<Span>("kept") {
        deleted.kept = kept.value.0;
        if deleted.kept > KEPT_MAX {
            section.mistake(kept.span, "kept", both!("must be at most 3650 d", "darf höchstens 3650 d sein"));
        }
    }
    deleted.octets_max = section.parsed::<Size>("size").map(|found| found.value.0);
    deleted.socket = section.text("socket").map(|found| folder.join(found.value));
    deleted
}
