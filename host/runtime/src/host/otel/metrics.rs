//! `wasi:otel/metrics`.

use stoa_capabilities::telemetry::{
    BUCKETS_MAX, Buckets, Double, Dropped, EXEMPLARS_MAX, Exemplar, ExponentialPoint, Handle,
    HistogramPoint, Integer, Metric, MetricData, Nanoseconds, Number, NumberPoint, POINTS_MAX,
    Scope, Signal, SpanId, Temporality, TraceId,
};

use super::contract::metrics::{self, MetricNumber, ResourceMetrics, ScopeMetrics};
use super::contract::types::KeyValue;
use super::{Telemetry, read};

impl metrics::Host for Telemetry {
    /// All of it is tried: what is dropped of one metric says nothing of the next.
    fn export(&mut self, told: ResourceMetrics) -> Result<(), String> {
        let handle = &self.handle;
        if !handle.wants(Signal::Metrics) {
            unread(handle, &told.scope_metrics, Dropped::Unwanted);
            return Ok(());
        }
        if let Err(dropped) = read::fits(read::weight(&told.resource.attributes)) {
            unread(handle, &told.scope_metrics, dropped);
            return Err(dropped.to_string());
        }
        let mut outcome = Ok(());
        // Written out once, however many libraries there are.
        let teller = handle.origin(Some(read::resource(told.resource)), Scope::default());
        for of_scope in told.scope_metrics {
            if let Err(dropped) = read::fits(read::weight(&of_scope.scope.attributes)) {
                unread(handle, &[of_scope], dropped);
                outcome = outcome.and(Err(dropped));
                continue;
            }
            let origin = teller.by(read::scope(of_scope.scope));
            for metric in of_scope.metrics {
                let sent = match read_metric(metric) {
                    Ok(metric) => handle.metric(&origin, &metric),
                    Err(dropped) => {
                        handle.count(Signal::Metrics, Err(dropped));
                        Err(dropped)
                    }
                };
                outcome = outcome.and(sent);
            }
        }
        outcome.map_err(|dropped| dropped.to_string())
    }
}

/// Counts metrics that are dropped as they come.
fn unread(handle: &Handle, told: &[ScopeMetrics], why: Dropped) {
    let count = told.iter().map(|it| it.metrics.len()).sum::<usize>();
    for _ in 0..count.min(POINTS_MAX) {
        handle.count(Signal::Metrics, Err(why));
    }
}

/// What a metric brings, before it is cut to its limits.
fn weight(data: &metrics::MetricData) -> usize {
    use metrics::MetricData as Told;
    match data {
        Told::F64Gauge(told) | Told::U64Gauge(told) | Told::S64Gauge(told) => {
            let points = told.data_points.iter();
            points
                .map(|it| of_point(&it.attributes, &it.exemplars))
                .sum()
        }
        Told::F64Sum(told) | Told::U64Sum(told) | Told::S64Sum(told) => {
            let points = told.data_points.iter();
            points
                .map(|it| of_point(&it.attributes, &it.exemplars))
                .sum()
        }
        Told::F64Histogram(told) | Told::U64Histogram(told) | Told::S64Histogram(told) => {
            let points = told.data_points.iter();
            points
                .map(|it| of_point(&it.attributes, &it.exemplars))
                .sum()
        }
        Told::F64ExponentialHistogram(told)
        | Told::U64ExponentialHistogram(told)
        | Told::S64ExponentialHistogram(told) => {
            let points = told.data_points.iter();
            points
                .map(|it| of_point(&it.attributes, &it.exemplars))
                .sum()
        }
    }
}

fn of_point(attributes: &[KeyValue], exemplars: &[metrics::Exemplar]) -> usize {
    let examples = exemplars.iter();
    let examples = examples.map(|it| read::weight(&it.filtered_attributes));
    read::weight(attributes) + examples.sum::<usize>()
}

/// A metric with more points than are taken is none: without some of them it would say something else.
fn read_metric(metric: metrics::Metric) -> Result<Metric, Dropped> {
    use metrics::MetricData as Told;
    read::fits(weight(&metric.data))?;
    let data = match metric.data {
        Told::F64Gauge(gauge) | Told::U64Gauge(gauge) | Told::S64Gauge(gauge) => read_gauge(gauge)?,
        Told::F64Sum(sum) | Told::U64Sum(sum) | Told::S64Sum(sum) => read_sum(sum)?,
        Told::F64Histogram(it) | Told::U64Histogram(it) | Told::S64Histogram(it) => {
            read_histogram(it)?
        }
        Told::F64ExponentialHistogram(it)
        | Told::U64ExponentialHistogram(it)
        | Told::S64ExponentialHistogram(it) => read_exponential(it)?,
    };
    Ok(Metric {
        name: read::name(metric.name),
        description: read::text(metric.description),
        unit: read::name(metric.unit),
        data,
    })
}

fn read_gauge(gauge: metrics::Gauge) -> Result<MetricData, Dropped> {
    let (start, time) = (gauge.start_time.map(read::moment), read::moment(gauge.time));
    let point = |point: metrics::GaugeDataPoint| NumberPoint {
        attributes: read::attributes(point.attributes),
        start_time_unix_nano: start,
        time_unix_nano: time,
        value: number(point.value),
        exemplars: exemplars(point.exemplars),
    };
    let data_points = points(gauge.data_points, point)?;
    Ok(MetricData::Gauge { data_points })
}

fn read_sum(sum: metrics::Sum) -> Result<MetricData, Dropped> {
    let (start, time) = (read::moment(sum.start_time), read::moment(sum.time));
    let point = |point: metrics::SumDataPoint| NumberPoint {
        attributes: read::attributes(point.attributes),
        start_time_unix_nano: Some(start),
        time_unix_nano: time,
        value: number(point.value),
        exemplars: exemplars(point.exemplars),
    };
    Ok(MetricData::Sum {
        data_points: points(sum.data_points, point)?,
        aggregation_temporality: temporality(sum.temporality, false),
        is_monotonic: sum.is_monotonic,
    })
}

fn read_histogram(histogram: metrics::Histogram) -> Result<MetricData, Dropped> {
    let start = read::moment(histogram.start_time);
    let time = read::moment(histogram.time);
    let few = |point: &metrics::HistogramDataPoint| {
        point.bounds.len().max(point.bucket_counts.len()) <= BUCKETS_MAX
    };
    if !histogram.data_points.iter().all(few) {
        return Err(Dropped::TooLarge);
    }
    Ok(MetricData::Histogram {
        data_points: points(histogram.data_points, |it| histogram_point(it, start, time))?,
        aggregation_temporality: temporality(histogram.temporality, true),
    })
}

fn histogram_point(
    point: metrics::HistogramDataPoint,
    start: Nanoseconds,
    time: Nanoseconds,
) -> HistogramPoint {
    HistogramPoint {
        attributes: read::attributes(point.attributes),
        start_time_unix_nano: start,
        time_unix_nano: time,
        count: Integer(point.count),
        sum: number(point.sum).double(),
        bucket_counts: point.bucket_counts.into_iter().map(Integer).collect(),
        explicit_bounds: point.bounds.into_iter().map(Double).collect(),
        exemplars: exemplars(point.exemplars),
        min: point.min.map(|it| number(it).double()),
        max: point.max.map(|it| number(it).double()),
    }
}

fn read_exponential(histogram: metrics::ExponentialHistogram) -> Result<MetricData, Dropped> {
    let start = read::moment(histogram.start_time);
    let time = read::moment(histogram.time);
    let few = |point: &metrics::ExponentialHistogramDataPoint| {
        let counts = [&point.positive_bucket.counts, &point.negative_bucket.counts];
        counts.iter().all(|counts| counts.len() <= BUCKETS_MAX)
    };
    if !histogram.data_points.iter().all(few) {
        return Err(Dropped::TooLarge);
    }
    Ok(MetricData::ExponentialHistogram {
        data_points: points(histogram.data_points, |it| {
            exponential_point(it, start, time)
        })?,
        aggregation_temporality: temporality(histogram.temporality, true),
    })
}

fn exponential_point(
    point: metrics::ExponentialHistogramDataPoint,
    start: Nanoseconds,
    time: Nanoseconds,
) -> ExponentialPoint {
    ExponentialPoint {
        attributes: read::attributes(point.attributes),
        start_time_unix_nano: start,
        time_unix_nano: time,
        count: Integer(point.count),
        sum: number(point.sum).double(),
        scale: point.scale.into(),
        zero_count: Integer(point.zero_count),
        positive: buckets(point.positive_bucket),
        negative: buckets(point.negative_bucket),
        exemplars: exemplars(point.exemplars),
        min: point.min.map(|it| number(it).double()),
        max: point.max.map(|it| number(it).double()),
        zero_threshold: Double(point.zero_threshold),
    }
}

fn points<T, P>(told: Vec<T>, point: impl Fn(T) -> P) -> Result<Vec<P>, Dropped> {
    match told.len() > POINTS_MAX {
        true => Err(Dropped::TooLarge),
        false => Ok(told.into_iter().map(point).collect()),
    }
}

fn buckets(told: metrics::ExponentialBucket) -> Buckets {
    Buckets {
        offset: told.offset,
        bucket_counts: told.counts.into_iter().map(Integer).collect(),
    }
}

fn exemplars(told: Vec<metrics::Exemplar>) -> Vec<Exemplar> {
    let exemplar = |told: metrics::Exemplar| Exemplar {
        filtered_attributes: read::attributes(told.filtered_attributes),
        time_unix_nano: read::moment(told.time),
        value: number(told.value),
        span_id: SpanId::parse(&told.span_id),
        trace_id: TraceId::parse(&told.trace_id),
    };
    told.into_iter().take(EXEMPLARS_MAX).map(exemplar).collect()
}

fn number(number: MetricNumber) -> Number {
    match number {
        MetricNumber::F64(double) => Number::Double(Double(double)),
        MetricNumber::S64(integer) => Number::Integer(Integer(integer)),
        MetricNumber::U64(natural) => Number::natural(natural),
    }
}

/// With little memory, histograms are told since the last report. Of sums it is not said which are, and most are not.
fn temporality(told: metrics::Temporality, histogram: bool) -> Temporality {
    match told {
        metrics::Temporality::Cumulative => Temporality::Cumulative,
        metrics::Temporality::Delta => Temporality::Delta,
        metrics::Temporality::LowMemory if histogram => Temporality::Delta,
        metrics::Temporality::LowMemory => Temporality::Cumulative,
    }
}

#[cfg(test)]
mod tests {
    use stoa_capabilities::telemetry::ITEM_INPUT_BYTES_MAX;

    use super::*;
    use crate::host::otel::bindings::wasi::clocks::wall_clock::Datetime;

    const MOMENT: Datetime = Datetime {
        seconds: 1,
        nanoseconds: 0,
    };

    fn metric(data: metrics::MetricData) -> Result<Metric, Dropped> {
        read_metric(metrics::Metric {
            name: "orders".into(),
            description: String::new(),
            unit: "1".into(),
            data,
        })
    }

    fn gauge(points: usize) -> metrics::MetricData {
        let point = metrics::GaugeDataPoint {
            attributes: Vec::new(),
            value: MetricNumber::U64(7),
            exemplars: Vec::new(),
        };
        metrics::MetricData::U64Gauge(metrics::Gauge {
            data_points: vec![point; points],
            start_time: None,
            time: MOMENT,
        })
    }

    fn histogram(buckets: usize) -> metrics::MetricData {
        let point = metrics::HistogramDataPoint {
            attributes: Vec::new(),
            count: 3,
            bounds: vec![1.0; buckets - 1],
            bucket_counts: vec![1; buckets],
            min: None,
            max: Some(MetricNumber::S64(-1)),
            sum: MetricNumber::F64(0.5),
            exemplars: Vec::new(),
        };
        metrics::MetricData::F64Histogram(metrics::Histogram {
            data_points: vec![point],
            start_time: MOMENT,
            time: MOMENT,
            temporality: metrics::Temporality::LowMemory,
        })
    }

    #[test]
    fn a_metric_with_too_many_points_or_buckets_is_dropped() {
        assert_eq!(metric(gauge(POINTS_MAX + 1)), Err(Dropped::TooLarge));
        let outcome = metric(histogram(BUCKETS_MAX + 1));
        assert_eq!(outcome, Err(Dropped::TooLarge));
    }

    #[test]
    fn a_metric_that_brings_too_much_is_not_read() {
        let metrics::MetricData::U64Gauge(mut told) = gauge(2) else {
            panic!("it is a gauge");
        };
        told.data_points[1].attributes = vec![KeyValue {
            key: "k".into(),
            value: "x".repeat(ITEM_INPUT_BYTES_MAX),
        }];
        let outcome = metric(metrics::MetricData::U64Gauge(told));
        assert_eq!(outcome, Err(Dropped::TooLarge));
    }

    #[test]
    fn points_are_read_as_the_model_has_them() {
        let MetricData::Gauge { data_points } = metric(gauge(2)).expect("it is one").data else {
            panic!("it is a gauge");
        };
        assert_eq!(data_points.len(), 2);
        assert_eq!(data_points[0].value, Number::natural(7));
        assert_eq!(data_points[0].time_unix_nano.0, 1_000_000_000);
        let read = metric(histogram(3)).expect("it is one").data;
        let MetricData::Histogram {
            data_points,
            aggregation_temporality,
        } = read
        else {
            panic!("it is a histogram");
        };
        assert_eq!(aggregation_temporality, Temporality::Delta);
        assert_eq!(data_points[0].max, Some(Double(-1.0)));
        assert_eq!(data_points[0].sum, Double(0.5));
    }
}
