use crate::Figure;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};

const COLOURS: [&str; 3] = ["red", "green", "other"];

crate::metrics! {
    /// Cats that were seen,
    /// by day or night.
    CATS: Counter "cats_total" { colour: COLOURS, time: ["day", "night"] };
    /// Cats on the mat.
    MAT: Gauge "mat_cats";
    /// How long a cat slept.
    SLEEP: Histogram "sleep_seconds" { colour: COLOURS } buckets [0.5, 2.0];
}

#[test]
fn every_series_is_there_from_the_beginning_and_no_value_makes_one() {
    let builder = PrometheusBuilder::new();
    let name = SLEEP.description().full_name();
    let builder = builder.set_buckets_for_metric(Matcher::Full(name), SLEEP.buckets()).unwrap();
    let recorder = builder.build_recorder();
    metrics::with_local_recorder(&recorder, || {
        ALL.iter().for_each(|figure| figure.register());
        CATS.add(2, &["green", "night"]);
        CATS.add(1, &["blue'\"\n", "night"]);
        CATS.add(1, &["pink", "dusk"]);
        MAT.set(5.0, &[]);
        MAT.change(-2.0, &[]);
        SLEEP.record(1.0, &["red"]);
    });
    let text = recorder.handle().render();
    for line in [
        "# HELP postamt_cats_total Cats that were seen, by day or night.",
        "# TYPE postamt_cats_total counter",
        "postamt_cats_total{colour=\"red\",time=\"day\"} 0",
        "postamt_cats_total{colour=\"green\",time=\"night\"} 2",
        "postamt_cats_total{colour=\"other\",time=\"night\"} 2",
        "postamt_mat_cats 3",
        "postamt_sleep_seconds_bucket{colour=\"red\",le=\"0.5\"} 0",
        "postamt_sleep_seconds_bucket{colour=\"red\",le=\"2\"} 1",
        "postamt_sleep_seconds_count{colour=\"red\"} 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    assert_eq!(text.lines().filter(|line| line.starts_with("postamt_cats_total{")).count(), 6, "{text}");
}
