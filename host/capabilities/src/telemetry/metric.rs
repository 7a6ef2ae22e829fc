//! Metrics.

use serde::{Serialize, Serializer};

use super::context::{SpanId, TraceId};
use super::number::{Double, Integer, Nanoseconds};
use super::value::Attributes;

/// A metric and what was measured of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Metric {
    /// Its name.
    pub name: String,
    /// What it is, for people.
    pub description: String,
    /// What it is counted in.
    pub unit: String,
    /// What was measured.
    #[serde(flatten)]
    pub data: MetricData,
}

/// What was measured, by its kind.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum MetricData {
    /// How it is now.
    Gauge {
        /// By attributes.
        data_points: Vec<NumberPoint>,
    },
    /// How much it is together.
    Sum {
        /// By attributes.
        data_points: Vec<NumberPoint>,
        /// Since when.
        aggregation_temporality: Temporality,
        /// Whether it never gets less.
        is_monotonic: bool,
    },
    /// How often it was how much, in buckets that somebody chose.
    Histogram {
        /// By attributes.
        data_points: Vec<HistogramPoint>,
        /// Since when.
        aggregation_temporality: Temporality,
    },
    /// How often it was how much, in buckets that grow by powers.
    ExponentialHistogram {
        /// By attributes.
        data_points: Vec<ExponentialPoint>,
        /// Since when.
        aggregation_temporality: Temporality,
    },
}

/// Since when is counted. The numbers are the model's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Temporality {
    /// Since the last report.
    Delta = 1,
    /// Since the start.
    Cumulative = 2,
}

/// A measured number.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub enum Number {
    /// A double.
    #[serde(rename = "asDouble")]
    Double(Double),
    /// An integer.
    #[serde(rename = "asInt")]
    Integer(Integer<i64>),
}

impl Number {
    /// Of a natural number, for which the model has nothing: a double where it is too large for an integer.
    pub fn natural(number: u64) -> Self {
        match i64::try_from(number) {
            Ok(integer) => Self::Integer(Integer(integer)),
            Err(_) => Self::Double(Double(number as f64)),
        }
    }

    /// As a double, which is all that histograms have.
    pub fn double(self) -> Double {
        match self {
            Self::Double(double) => double,
            Self::Integer(Integer(integer)) => Double(integer as f64),
        }
    }
}

/// A number under some attributes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NumberPoint {
    /// Which tell it from others of the metric.
    pub attributes: Attributes,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time_unix_nano: Option<Nanoseconds>,
    /// Until when.
    pub time_unix_nano: Nanoseconds,
    /// How much.
    #[serde(flatten)]
    pub value: Number,
    /// Examples.
    pub exemplars: Vec<Exemplar>,
}

/// A histogram under some attributes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HistogramPoint {
    /// Which tell it from others of the metric.
    pub attributes: Attributes,
    /// Since when.
    pub start_time_unix_nano: Nanoseconds,
    /// Until when.
    pub time_unix_nano: Nanoseconds,
    /// How often.
    pub count: Integer<u64>,
    /// How much together.
    pub sum: Double,
    /// How often in each bucket.
    pub bucket_counts: Vec<Integer<u64>>,
    /// Where buckets end; one less.
    pub explicit_bounds: Vec<Double>,
    /// Examples.
    pub exemplars: Vec<Exemplar>,
    /// The least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<Double>,
    /// The most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<Double>,
}

/// An exponential histogram under some attributes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExponentialPoint {
    /// Which tell it from others of the metric.
    pub attributes: Attributes,
    /// Since when.
    pub start_time_unix_nano: Nanoseconds,
    /// Until when.
    pub time_unix_nano: Nanoseconds,
    /// How often.
    pub count: Integer<u64>,
    /// How much together.
    pub sum: Double,
    /// How fine: buckets end at powers of 2^(2^-scale).
    pub scale: i32,
    /// How often it was nothing.
    pub zero_count: Integer<u64>,
    /// How often it was more.
    pub positive: Buckets,
    /// How often it was less.
    pub negative: Buckets,
    /// Examples.
    pub exemplars: Vec<Exemplar>,
    /// The least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<Double>,
    /// The most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<Double>,
    /// What counts as nothing.
    pub zero_threshold: Double,
}

/// Buckets side by side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Buckets {
    /// The number of the first.
    pub offset: i32,
    /// How often in each.
    pub bucket_counts: Vec<Integer<u64>>,
}

/// A single measurement, as an example.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Exemplar {
    /// Which the metric does not count by.
    pub filtered_attributes: Attributes,
    /// When.
    pub time_unix_nano: Nanoseconds,
    /// How much.
    #[serde(flatten)]
    pub value: Number,
    /// The span in which it was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub span_id: Option<SpanId>,
    /// The trace of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<TraceId>,
}

impl Serialize for Temporality {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(*self as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_the_model_has_no_place_for_are_doubles() {
        assert_eq!(Number::natural(7), Number::Integer(Integer(7)));
        let large = Number::natural(u64::MAX);
        assert_eq!(large, Number::Double(Double(u64::MAX as f64)));
        assert_eq!(Number::natural(7).double(), Double(7.0));
    }

    #[test]
    fn a_sum_is_written_as_the_encoding_has_it() {
        let point = NumberPoint {
            attributes: Attributes::default(),
            start_time_unix_nano: Some(Integer(1)),
            time_unix_nano: Integer(2),
            value: Number::natural(3),
            exemplars: Vec::new(),
        };
        let metric = Metric {
            name: "orders".into(),
            description: String::new(),
            unit: "1".into(),
            data: MetricData::Sum {
                data_points: vec![point],
                aggregation_temporality: Temporality::Cumulative,
                is_monotonic: true,
            },
        };
        let written = serde_json::to_value(&metric).expect("it can be written");
        assert_eq!(
            written,
            serde_json::json!({
                "name": "orders", "description": "", "unit": "1",
                "sum": {
                    "dataPoints": [{
                        "attributes": [], "startTimeUnixNano": "1", "timeUnixNano": "2",
                        "asInt": "3", "exemplars": [],
                    }],
                    "aggregationTemporality": 2,
                    "isMonotonic": true,
                },
            })
        );
    }
}
