//! Reads the text that `GET /metrics` answers.

use std::collections::HashMap;

/// The samples of one exposition: by name, each with its labels.
#[derive(Default)]
pub(super) struct Samples(HashMap<String, Vec<(String, f64)>>);

impl Samples {
    pub(super) fn read(text: &str) -> Self {
        let mut samples: HashMap<String, Vec<(String, f64)>> = HashMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((series, value)) = line.rsplit_once(' ') else { continue };
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            if let Ok(value) = value.parse() {
                samples.entry(name.to_owned()).or_default().push((labels.to_owned(), value));
            }
        }
        Self(samples)
    }

    fn of(&self, name: &str) -> &[(String, f64)] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    pub(super) fn sum(&self, name: &str, labels: &str) -> f64 {
        self.of(name).iter().filter(|(other, _)| other.contains(labels)).map(|(_, value)| value).sum()
    }

    pub(super) fn largest(&self, name: &str) -> Option<f64> {
        self.of(name).iter().map(|(_, value)| *value).reduce(f64::max)
    }

    /// Returns the cumulative buckets of a histogram, over all its labels, from the lowest bound to the highest.
    pub(super) fn buckets(&self, name: &str) -> Vec<(f64, f64)> {
        let mut buckets: Vec<(f64, f64)> = Vec::new();
        for (labels, total) in self.of(&format!("{name}_bucket")) {
            let bound = labels.split_once("le=\"").and_then(|(_, rest)| rest.split('"').next());
            let Some(bound) = bound.and_then(|text| text.parse::<f64>().ok()) else { continue };
            match buckets.iter_mut().find(|(other, _)| other.total_cmp(&bound).is_eq()) {
                Some((_, sum)) => *sum += total,
                None => buckets.push((bound, *total)),
            }
        }
        buckets.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        buckets
    }
}
