//! Limits: how much of the host a component may use. They give no power over anything of somebody else's.

use stoa_manifest::Limits;

use super::found::Scope;

pub(super) fn compare(scope: &mut Scope<'_>, old: &Limits, new: &Limits) {
    for ((name, old), (_, new)) in values(old).into_iter().zip(values(new)) {
        if old != new {
            let (old, new) = (worded(old), worded(new));
            scope.other(format_args!("has {new} as `{name}`, not {old}"));
        }
    }
}

fn worded(limit: Option<u64>) -> String {
    limit.map_or_else(|| "the default".to_owned(), |limit| limit.to_string())
}

fn values(limits: &Limits) -> [(&'static str, Option<u64>); 16] {
    let Limits {
        memory_bytes_max,
        table_elements_max,
        instances_max,
        deadline_ms_max,
        cpu_ms_max,
        requests_in_flight_max,
        requests_queued_max,
        queue_ms_max,
        requests_per_instance_max,
        requests_concurrent_per_instance_max,
        request_body_bytes_max,
        response_body_bytes_max,
        response_headers_max,
        log_bytes_per_second_max,
        outbound_requests_max,
        outbound_connections_max,
    } = *limits;
    [
        ("memory_bytes_max", Some(memory_bytes_max)),
        ("table_elements_max", Some(table_elements_max)),
        ("instances_max", Some(instances_max)),
        ("deadline_ms_max", Some(deadline_ms_max)),
        ("cpu_ms_max", Some(cpu_ms_max)),
        ("requests_in_flight_max", Some(requests_in_flight_max)),
        ("requests_queued_max", Some(requests_queued_max)),
        ("queue_ms_max", Some(queue_ms_max)),
        ("requests_per_instance_max", requests_per_instance_max),
        (
            "requests_concurrent_per_instance_max",
            Some(requests_concurrent_per_instance_max),
        ),
        ("request_body_bytes_max", request_body_bytes_max),
        ("response_body_bytes_max", Some(response_body_bytes_max)),
        ("response_headers_max", Some(response_headers_max)),
        ("log_bytes_per_second_max", Some(log_bytes_per_second_max)),
        ("outbound_requests_max", Some(outbound_requests_max)),
        ("outbound_connections_max", Some(outbound_connections_max)),
    ]
}
