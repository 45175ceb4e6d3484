//! Figures of what the server does: counters, gauges and histograms, described where they are counted.
//!
//! It knows no figures of its own and nothing of how they are shown: that is what the recorder of the `metrics` crate does,
//! which the program installs before anything is counted. Each crate declares its own with [`metrics!`], all in one file; what
//! is not declared cannot be counted.
//!
//! A label has a fixed list of values, of which the last stands for all others, so no peer can make series. Every series has
//! its handle from the beginning: counting costs a look through some words and one addition.
//!
//! ```
//! meter::metrics! {
//!     /// Connections that came.
//!     CONNECTIONS: Counter "connections_total" { protocol: ["smtp", "imap", "other"], outcome: ["accepted", "refused"] };
//!     /// How long a delivery took.
//!     DELIVERY_SECONDS: Histogram "delivery_seconds" buckets [0.1, 1.0, 10.0];
//! }
//! CONNECTIONS.add(1, &["imap", "refused"]);
//! DELIVERY_SECONDS.record(0.5, &[]);
//! assert_eq!(ALL[0].description().full_name(), "postamt_connections_total");
//! ```

use std::sync::OnceLock;

/// What stands before all names, so that they are told from those of other programs.
pub const PREFIX: &str = "postamt_";

/// What a figure is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Description {
    /// Its name here, with its unit.
    pub name: &'static str,
    /// The name of its static, for whoever looks for where it is counted.
    pub ident: &'static str,
    /// As `counter`.
    pub kind: &'static str,
    /// What it says.
    pub help: &'static str,
    /// What it is told apart by.
    pub labels: &'static [Label],
}

/// What a figure is told apart by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Label {
    /// As `protocol`.
    pub name: &'static str,
    /// All there are; the last stands for others.
    pub values: &'static [&'static str],
}

impl Description {
    /// As it is shown.
    pub fn full_name(&self) -> String {
        format!("{PREFIX}{}", self.name)
    }

    /// What it says, as one line.
    pub fn sentence(&self) -> String {
        self.help.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// How many series it has.
    pub fn series(&self) -> usize {
        self.labels.iter().map(|label| label.values.len()).product()
    }

    /// Which of the series has these values.
    fn place(&self, values: &[&str]) -> usize {
        debug_assert_eq!(values.len(), self.labels.len(), "{}", self.name);
        self.labels.iter().zip(values).fold(0, |place, (label, value)| {
            let last = label.values.len() - 1;
            place * label.values.len() + label.values.iter().position(|known| known == value).unwrap_or(last)
        })
    }

    /// The labels of a series.
    fn labels_of(&self, mut place: usize) -> Vec<metrics::Label> {
        let mut labels = Vec::with_capacity(self.labels.len());
        for label in self.labels.iter().rev() {
            if let Some(value) = label.values.get(place % label.values.len()) {
                labels.push(metrics::Label::new(label.name, *value));
            }
            place /= label.values.len();
        }
        labels.reverse();
        labels
    }

    fn handles<H>(&self, one: impl Fn(String, Vec<metrics::Label>) -> H) -> Box<[H]> {
        (0..self.series()).map(|place| one(self.full_name(), self.labels_of(place))).collect()
    }
}

/// A figure that was declared.
pub trait Figure: Sync {
    /// What it is.
    fn description(&self) -> &Description;
    /// Bounds of a histogram's buckets.
    fn buckets(&self) -> &'static [f64] {
        &[]
    }
    /// Makes it known to the recorder, with all its series.
    fn register(&self);
}

/// What only grows.
pub struct Counter {
    description: Description,
    handles: OnceLock<Box<[metrics::Counter]>>,
}

/// What grows and shrinks.
pub struct Gauge {
    description: Description,
    handles: OnceLock<Box<[metrics::Gauge]>>,
}

/// How often something took so long, or was so large.
pub struct Histogram {
    description: Description,
    buckets: &'static [f64],
    handles: OnceLock<Box<[metrics::Histogram]>>,
}

impl Counter {
    /// For [`metrics!`].
    pub const fn new(description: Description, _: &'static [f64]) -> Counter {
        Counter { description, handles: OnceLock::new() }
    }

    /// Adds to the series with these values, in the order of the labels.
    pub fn add(&self, n: u64, values: &[&str]) {
        let handles = self.handles.get_or_init(|| self.make());
        if let Some(handle) = handles.get(self.description.place(values)) {
            handle.increment(n);
        }
    }

    fn make(&self) -> Box<[metrics::Counter]> {
        self.description.handles(|name, labels| metrics::counter!(name, labels))
    }
}

impl Gauge {
    /// For [`metrics!`].
    pub const fn new(description: Description, _: &'static [f64]) -> Gauge {
        Gauge { description, handles: OnceLock::new() }
    }

    /// It is `value` now.
    pub fn set(&self, value: f64, values: &[&str]) {
        self.with(values, |handle| handle.set(value));
    }

    /// It is more by `difference` now, or less.
    pub fn change(&self, difference: f64, values: &[&str]) {
        self.with(values, |handle| handle.increment(difference));
    }

    fn with(&self, values: &[&str], done: impl FnOnce(&metrics::Gauge)) {
        let handles = self.handles.get_or_init(|| self.make());
        if let Some(handle) = handles.get(self.description.place(values)) {
            done(handle);
        }
    }

    fn make(&self) -> Box<[metrics::Gauge]> {
        self.description.handles(|name, labels| metrics::gauge!(name, labels))
    }
}

impl Histogram {
    /// For [`metrics!`].
    pub const fn new(description: Description, buckets: &'static [f64]) -> Histogram {
        Histogram { description, buckets, handles: OnceLock::new() }
    }

    /// It was `value` once.
    pub fn record(&self, value: f64, values: &[&str]) {
        let handles = self.handles.get_or_init(|| self.make());
        if let Some(handle) = handles.get(self.description.place(values)) {
            handle.record(value);
        }
    }

    fn make(&self) -> Box<[metrics::Histogram]> {
        self.description.handles(|name, labels| metrics::histogram!(name, labels))
    }
}

impl Figure for Counter {
    fn description(&self) -> &Description {
        &self.description
    }

    fn register(&self) {
        metrics::describe_counter!(self.description.full_name(), self.description.sentence());
        self.make();
    }
}

impl Figure for Gauge {
    fn description(&self) -> &Description {
        &self.description
    }

    fn register(&self) {
        metrics::describe_gauge!(self.description.full_name(), self.description.sentence());
        self.make();
    }
}

impl Figure for Histogram {
    fn description(&self) -> &Description {
        &self.description
    }

    fn buckets(&self) -> &'static [f64] {
        self.buckets
    }

    fn register(&self) {
        metrics::describe_histogram!(self.description.full_name(), self.description.sentence());
        self.make();
    }
}

/// Declares the figures of a crate, and `ALL` of them: `/// What it says.`, then the name of the static, its kind, its name
/// with unit, and its labels with their values or its buckets.
#[macro_export]
macro_rules! metrics {
    ($($(#[doc = $help:literal])+ $ident:ident: $kind:ident $name:literal
        $({ $($label:ident: $values:expr),+ $(,)? })? $(buckets [$($bucket:expr),+ $(,)?])?;)+) => {
        $($(#[doc = $help])+
        pub static $ident: $crate::$kind = $crate::$kind::new(
            $crate::Description {
                name: $name,
                ident: stringify!($ident),
                kind: stringify!($kind),
                help: concat!($($help),+),
                labels: &[$($($crate::Label { name: stringify!($label), values: &$values }),+)?],
            },
            &[$($($bucket),+)?],
        );)+
        /// All of them.
        pub static ALL: &[&dyn $crate::Figure] = &[$(&$ident),+];
    };
}

#[cfg(test)]
mod tests;
