//! The wiring: configuration, store, directory, mail store, listeners.

use crate::plan::{Bound, ServePlan};

/// Serves `plan` until it is told to stop; `ready` is called once all listeners stand.
pub async fn serve(plan: ServePlan, ready: impl FnOnce(&[Bound])) -> anyhow::Result<()> {
    drop(ready);
    anyhow::bail!("this build has no mail store, so nothing can be served from {}", plan.data.display())
}
