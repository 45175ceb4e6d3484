//! All rows at one moment.

use crate::engine::{Picture, guarded_read};
use crate::rows::Shared;
use std::sync::{Arc, Weak};
use store::{Answer, Query, ReadError, Reading, RowPlace, Snapshot, SnapshotPage, ready};

/// It keeps neither store nor engine open: whoever closes or reopens them does not wait for a reader.
pub(crate) struct LocalSnapshot {
    shared: Weak<Shared>,
    picture: Box<dyn Picture>,
}

impl LocalSnapshot {
    pub(crate) fn take(shared: &Arc<Shared>) -> Result<Box<dyn Snapshot>, ReadError> {
        let picture = shared.engine().as_ref().ok_or_else(|| shared.is_closed())?.picture();
        Ok(Box::new(LocalSnapshot { shared: Arc::downgrade(shared), picture }))
    }

    fn look<T>(&self, look: impl FnOnce(&dyn Picture) -> Result<T, ReadError>) -> Result<T, ReadError> {
        let shared = self.shared.upgrade().ok_or_else(|| ReadError::Unavailable("the store was closed".into()))?;
        let _engine = shared.engine(); // while it is held, no other can take its place
        guarded_read(|| look(&*self.picture))
    }
}

impl Snapshot for LocalSnapshot {
    fn rows(&self, after: Option<&RowPlace>, octets_max: usize) -> Answer<'_, Result<SnapshotPage, ReadError>> {
        ready(self.look(|picture| picture.rows_behind(after, octets_max)))
    }

    fn read(&self, queries: Vec<Query>) -> Answer<'_, Result<Reading, ReadError>> {
        ready(self.look(|picture| picture.read(&queries)))
    }
}
