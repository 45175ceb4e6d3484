//! What the server counts, for Prometheus.

use meter::Figure;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use std::fmt::Write;
use std::sync::OnceLock;
use std::time::Duration;

meter::metrics! {
    /// Deliveries that wait in the queue or are under way; a message has one for each way that its copies take.
    QUEUE_MESSAGES: Gauge "queue_messages" { state: ["waiting", "under_way"] };
    /// Accounts.
    ACCOUNTS: Gauge "accounts";
    /// 1 if mail is taken and given out, as `/healthz` says.
    HEALTHY: Gauge "healthy";
    /// Octets that the process holds of the machine's memory.
    MEMORY_OCTETS: Gauge "memory_octets";
    /// Seconds since the start.
    UPTIME_SECONDS: Gauge "uptime_seconds";
}

/// How often the samples of histograms are put into their buckets; until then each takes eight octets.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// The recorder's other end, once it is installed.
static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// Of all crates.
pub fn all() -> impl Iterator<Item = &'static dyn Figure> {
    [net::metrics::ALL, mta::metrics::ALL, store_local::metrics::ALL, ALL].into_iter().flatten().copied()
}

fn recorder() -> Result<PrometheusRecorder, BuildError> {
    let mut histograms = all().filter(|figure| !figure.buckets().is_empty());
    let builder = histograms.try_fold(PrometheusBuilder::new(), |builder, figure| {
        builder.set_buckets_for_metric(Matcher::Full(figure.description().full_name()), figure.buckets())
    })?;
    Ok(builder.build_recorder())
}

/// Begins to count. Must come before anything is counted: what was counted before is counted nowhere.
///
/// # Errors
/// When it was installed before.
pub fn install() -> anyhow::Result<()> {
    let recorder = recorder()?;
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder)
        .map_err(|_| anyhow::anyhow!("another recorder of metrics is installed already"))?;
    all().for_each(Figure::register);
    HANDLE.set(handle).map_err(|_| anyhow::anyhow!("metrics are counted already"))
}

/// Keeps the figures small; never ends.
pub async fn keep() {
    let Some(handle) = HANDLE.get() else { return };
    loop {
        tokio::time::sleep(UPKEEP_EVERY).await;
        handle.run_upkeep();
    }
}

/// All figures, in the text form of Prometheus.
pub fn text() -> String {
    HANDLE.get().map(PrometheusHandle::render).unwrap_or_default()
}

const INTRODUCTION: &str = "# Metrics

Printed by `postamt metrics`; a test keeps it true.

An `http` listener with the page `metrics` (those on loopback have it) shows them at `/metrics`, in the text form of
Prometheus:

```yaml
scrape_configs:
  - job_name: postamt
    static_configs:
      - targets: [\"127.0.0.1:8080\"]
```

Counters begin at nought with each start. All series are there from the beginning; labels have the values that stand here and
no others, so their number does not depend on who connects. A histogram `x` has the series `x_bucket`, `x_sum` and `x_count`.
";

/// The reference of all figures, in Markdown.
pub fn reference() -> String {
    let mut out = INTRODUCTION.to_owned();
    out.push_str("\n| metric | kind | labels | what it says |\n|---|---|---|---|\n");
    for figure in all() {
        let described = figure.description();
        let label = |label: &meter::Label| format!("`{}`: {}", label.name, label.values.join(", "));
        let mut labels: Vec<String> = described.labels.iter().map(label).collect();
        if !figure.buckets().is_empty() {
            let bounds: Vec<String> = figure.buckets().iter().map(f64::to_string).collect();
            labels.push(format!("buckets up to {}", bounds.join(", ")));
        }
        let (name, kind, labels) = (described.full_name(), described.kind.to_lowercase(), labels.join("; "));
        // Writing to a string cannot fail.
        let _ = writeln!(out, "| `{name}` | {kind} | {labels} | {} |", described.sentence());
    }
    out
}

#[cfg(test)]
mod tests;
