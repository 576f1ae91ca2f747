/** One metric of `GET /metrics`. From this table come its HELP and TYPE lines and docs/reference/metrics.md. */
export interface Metric {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram" | "summary";
  /** In the order of the reference; `le` of histograms is understood. */
  readonly labels: readonly string[];
  readonly help: string;
}

/** Every metric there is, by the order in which they are told. Units are the base ones: seconds and bytes. */
export const METRICS = {
  requests: {
    name: "sluice_requests_total",
    type: "counter",
    labels: ["service", "instance", "code"],
    help: "Requests that came to their end, by status; 499 is a client that left first. Instance is none for requests that came to none.",
  },
  duration: {
    name: "sluice_request_duration_seconds",
    type: "histogram",
    labels: ["service"],
    help: "From a request's head to the end of its answer, as the gateways saw it.",
  },
  grouped: {
    name: "sluice_grouped_requests_total",
    type: "counter",
    labels: ["service", "group"],
    help: "Requests that came to the service through its group's address.",
  },
  bytesIn: {
    name: "sluice_request_bytes_total",
    type: "counter",
    labels: ["service", "instance"],
    help: "Bytes that clients sent, heads included.",
  },
  bytesOut: {
    name: "sluice_response_bytes_total",
    type: "counter",
    labels: ["service", "instance"],
    help: "Bytes that clients were sent, heads included.",
  },
  retries: {
    name: "sluice_retries_total",
    type: "counter",
    labels: ["service", "instance"],
    help: "Requests that were taken from this instance to a second try.",
  },
  ejections: {
    name: "sluice_ejections_total",
    type: "counter",
    labels: ["service", "instance"],
    help: "Times that a gateway could not reach the instance and set it aside until a connection was made.",
  },
  limited: {
    name: "sluice_limited_requests_total",
    type: "counter",
    labels: ["service", "limit", "outcome"],
    help: "Requests that met a limit of the service: refused, or evaluated, which is counted and let through.",
  },
  mirrorSent: {
    name: "sluice_mirror_sent_total",
    type: "counter",
    labels: ["service", "target"],
    help: "Copies of the service's requests that were sent to the target.",
  },
  mirrorAnswered: {
    name: "sluice_mirror_answered_total",
    type: "counter",
    labels: ["service", "target"],
    help: "Copies that the target answered, with any status.",
  },
  mirrorFailed: {
    name: "sluice_mirror_failed_total",
    type: "counter",
    labels: ["service", "target"],
    help: "Copies that were sent and not answered in whole.",
  },
  mirrorDropped: {
    name: "sluice_mirror_dropped_total",
    type: "counter",
    labels: ["service", "target", "reason"],
    help: "Copies that were not sent: busy, missing, memory, too_large, unfinished.",
  },
  mirrorCompared: {
    name: "sluice_mirror_compared_total",
    type: "counter",
    labels: ["service", "target"],
    help: "Pairs of answers that were compared.",
  },
  mirrorDiffering: {
    name: "sluice_mirror_differing_total",
    type: "counter",
    labels: ["service", "target"],
    help: "Compared pairs that differ.",
  },
  mirrorUncompared: {
    name: "sluice_mirror_uncompared_total",
    type: "counter",
    labels: ["service", "target"],
    help: "Pairs of answers that could not be compared.",
  },
  queue: {
    name: "sluice_queue_seconds",
    type: "summary",
    labels: ["service", "instance"],
    help: "Waits in the queue of the instance's engine; requests that did not wait are not in it.",
  },
  compute: {
    name: "sluice_compute_seconds",
    type: "summary",
    labels: ["service", "instance"],
    help: "From giving a request to a processor worker until its answer begins, in the instance's engine; those of direct callers, too.",
  },
  batches: {
    name: "sluice_batch_size",
    type: "histogram",
    labels: ["service", "instance"],
    help: "Requests in each batch that a processor worker was given, where metadata.rpc.batching is on.",
  },
  inFlight: {
    name: "sluice_in_flight",
    type: "gauge",
    labels: ["service", "instance"],
    help: "Requests in work at the gateways' newest reports.",
  },
  instances: {
    name: "sluice_instances",
    type: "gauge",
    labels: ["service", "state"],
    help: "Instances by state: ready, or the phase of one that is not ready.",
  },
  instancesWanted: {
    name: "sluice_instances_wanted",
    type: "gauge",
    labels: ["service"],
    help: "Instances that the service is to have; 0 while it is stopped.",
  },
  prepareTime: {
    name: "sluice_prepare_seconds",
    type: "gauge",
    labels: ["service", "stage"],
    help: "What bringing the files and packages of the version in force took, by stage: processor fetch, environment, model fetch, warm-up fetch.",
  },
  startTimes: {
    name: "sluice_instance_start_seconds",
    type: "gauge",
    labels: ["service", "instance", "stage"],
    help: "How long the newest start of the instance took, by stage: start, import where its worker tells, load, warm-up.",
  },
  workerMemory: {
    name: "sluice_worker_resident_memory_bytes",
    type: "gauge",
    labels: ["service", "instance"],
    help: "Memory of the instance's processor workers, to 2 %.",
  },
  memoryGrowth: {
    name: "sluice_worker_memory_growth_bytes",
    type: "gauge",
    labels: ["service", "instance"],
    help: "Memory that 1,000 requests leave behind in the workers; 0: none, or not clearly. Of Java it is not told.",
  },
  unrouted: {
    name: "sluice_unrouted_requests_total",
    type: "counter",
    labels: ["gateway"],
    help: "Requests that no service is to blame for: unknown addresses, wrong tokens of groups, bytes that are no request.",
  },
  connections: {
    name: "sluice_gateway_connections",
    type: "gauge",
    labels: ["gateway"],
    help: "Open connections of clients.",
  },
  listening: {
    name: "sluice_gateway_listening",
    type: "gauge",
    labels: ["gateway"],
    help: "1 when the gateway takes requests.",
  },
  certificateEnd: {
    name: "sluice_gateway_certificate_not_after_timestamp_seconds",
    type: "gauge",
    labels: ["gateway"],
    help: "When the TLS certificate ends that the gateway shows; no series without one.",
  },
  tableNumber: {
    name: "sluice_route_table_number",
    type: "gauge",
    labels: ["gateway"],
    help: "The route table that the gateway serves by; all gateways have the same one soon after a change.",
  },
  gatewayLimited: {
    name: "sluice_gateway_limited_total",
    type: "counter",
    labels: ["gateway", "limit"],
    help: "Connections and requests that met a limit of the gateway itself.",
  },
  gatewayCpu: {
    name: "sluice_gateway_cpu_seconds_total",
    type: "counter",
    labels: ["gateway"],
    help: "CPU time of the gateway's processes, user and system.",
  },
  gatewayMemory: {
    name: "sluice_gateway_resident_memory_bytes",
    type: "gauge",
    labels: ["gateway"],
    help: "Memory of the gateway's process.",
  },
  logWritten: {
    name: "sluice_access_log_lines_total",
    type: "counter",
    labels: ["gateway"],
    help: "Lines of the access log that were handed to the disk.",
  },
  logDropped: {
    name: "sluice_access_log_dropped_total",
    type: "counter",
    labels: ["gateway"],
    help: "Lines of the access log that were dropped because the disk did not keep up.",
  },
  apiRefused: {
    name: "sluice_api_refused_total",
    type: "counter",
    labels: ["reason"],
    help: "Requests to the control API that were not let in: unauthorized (no right key), locked (too many failures of their address), forbidden (not allowed to their key).",
  },
  loopLastRun: {
    name: "sluice_loop_last_run_timestamp_seconds",
    type: "gauge",
    labels: ["loop"],
    help: "When the loop of the control process ran last; 0: never.",
  },
  cpu: {
    name: "process_cpu_seconds_total",
    type: "counter",
    labels: [],
    help: "CPU time of the control process, user and system.",
  },
  memory: {
    name: "process_resident_memory_bytes",
    type: "gauge",
    labels: [],
    help: "Memory of the control process.",
  },
  startTime: {
    name: "process_start_time_seconds",
    type: "gauge",
    labels: [],
    help: "When the control process began, since 1970; the counters above begin with it.",
  },
} as const satisfies Record<string, Metric>;
