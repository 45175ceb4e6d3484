//! What comes out of a measurement: a table for people, and a line of JSON for programs.

use crate::process;
use serde_json::{Map, Value};
use std::time::Duration;

/// Figures as they come.
pub struct Figures {
    what: &'static str,
    all: Map<String, Value>,
    missed: Vec<String>,
}

impl Figures {
    /// Of the measurement that is called so; the machine's load before it is the first of them.
    pub fn of(what: &'static str) -> Figures {
        println!("{what}, machine load {}", process::machine_load());
        let mut all = Map::new();
        all.insert("load_before".to_owned(), process::machine_load().into());
        Figures { what, all, missed: Vec::new() }
    }

    /// Notes a figure.
    pub fn note(&mut self, name: &str, value: f64, unit: &str) {
        println!("  {:44} {} {unit}", name.replace('_', " "), rounded(value));
        let key = if unit.is_empty() { name.to_owned() } else { format!("{name}_{}", unit.replace(['/', ' '], "_")) };
        self.all.insert(key, rounded(value).parse::<f64>().unwrap_or(value).into());
    }

    /// Notes a figure that shall not be greater.
    pub fn at_most(&mut self, name: &str, value: f64, unit: &str, most: f64) {
        self.note(name, value, unit);
        self.judge(value <= most, &format!("{name} is {} {unit}, budget {most}", rounded(value)));
    }

    /// Notes a figure that shall not be less.
    pub fn at_least(&mut self, name: &str, value: f64, unit: &str, least: f64) {
        self.note(name, value, unit);
        self.judge(value >= least, &format!("{name} is {} {unit}, wanted {least}", rounded(value)));
    }

    fn judge(&mut self, held: bool, text: &str) {
        if !held {
            println!("      ^ beyond the budget");
            self.missed.push(text.to_owned());
        }
    }

    /// Quantiles of latencies.
    pub fn latencies(&mut self, name: &str, samples: &mut [Duration], [p50_max, p99_max]: [f64; 2]) {
        samples.sort_unstable();
        self.note(&format!("{name}_samples"), samples.len() as f64, "");
        self.at_most(&format!("{name}_p50"), quantile(samples, 0.5), "ms", p50_max);
        self.at_most(&format!("{name}_p99"), quantile(samples, 0.99), "ms", p99_max);
        self.note(&format!("{name}_max"), quantile(samples, 1.0), "ms");
    }

    /// Prints the line for programs, with the generator's own processor time.
    pub fn end(mut self) {
        self.note("generator_cpu", crate::cpu().as_secs_f64(), "s");
        println!("  machine load {}; {}", process::machine_load(), self.verdict());
        self.all.insert("bench".to_owned(), self.what.into());
        self.all.insert("missed".to_owned(), self.missed.into());
        println!("{}", Value::Object(self.all));
    }

    fn verdict(&self) -> String {
        if self.missed.is_empty() {
            "within the budget".to_owned()
        } else {
            format!("missed: {}", self.missed.join("; "))
        }
    }
}

/// In milliseconds, of sorted samples.
fn quantile(sorted: &[Duration], part: f64) -> f64 {
    let at = (sorted.len() as f64 * part).ceil() as usize;
    sorted.get(at.saturating_sub(1)).map_or(0.0, |sample| sample.as_secs_f64() * 1e3)
}

fn rounded(value: f64) -> String {
    match value.abs() {
        size if size >= 1000.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}
