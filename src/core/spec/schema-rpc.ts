import { anything, block, EFFECTIVE, flag, idle, integer, number, oneOf, optional, text } from "./field.ts";
import { NAME_ONLY, NO_QUEUES } from "./idle-reasons.ts";
import { BATCH_CODES } from "./processors.ts";

const named = (description: string, reason = NAME_ONLY) => optional(anything(description, idle(reason)));

/** `metadata.rpc` (eas-reference §1.3). */
export const rpc = block("How one instance takes requests.", {
  batching: optional(
    flag(
      "Requests are given to the processor in batches: to one of your own with `process_batch` (in Python, C++ or Node), and to ready-made ones " +
        `where the model takes any number of rows (${BATCH_CODES.join(", ")}).`,
      { ...EFFECTIVE, default: false },
    ),
  ),
  max_batch_size: optional(
    integer("Most requests in one batch.", { ...EFFECTIVE, minimum: 1, maximum: 1024, default: 16 }),
  ),
  max_batch_timeout: optional(
    integer("Longest wait of a request for others, in ms; most wait less, or not at all.", {
      ...EFFECTIVE,
      maximum: 60_000,
      default: 50,
    }),
  ),
  keepalive: optional(
    integer("Longest life of one request in ms: receiving, queueing and computing; longer is 408.", {
      ...EFFECTIVE,
      minimum: 1,
      maximum: 86_400_000,
      default: 5000,
    }),
  ),
  io_threads: optional(
    integer("Threads for network input and output.", {
      minimum: 1,
      default: 4,
      ...idle(
        "an engine serves all of its connections with one thread, whose cost is below that of handing them over",
      ),
    }),
  ),
  max_queue_size: optional(
    integer("Requests of one instance that may wait for a worker; one more is 450.", {
      ...EFFECTIVE,
      maximum: 100_000,
      default: 64,
    }),
  ),
  worker_threads: optional(
    integer("Requests that one instance works on at once; with several worker_processes, each of them.", {
      ...EFFECTIVE,
      minimum: 1,
      maximum: 1024,
      default: 5,
    }),
  ),
  worker_processes: optional(
    integer(
      "Processes of one instance that work on requests, each with worker_threads threads. A Python processor is loaded once and shared where it can be; processors in other languages are loaded by each. Each sizes its thread pools (OMP_NUM_THREADS and its kind) by its part of metadata.cpu, rounded up. An addition of Sluice.",
      { ...EFFECTIVE, minimum: 1, maximum: 64 },
    ),
  ),
  rate_limit: optional(
    number("Most requests a second of one instance; more are 429. 0: no limit.", {
      ...EFFECTIVE,
      maximum: 1_000_000,
      default: 0,
    }),
  ),
  enable_sigterm: optional(
    flag("The processor is sent SIGTERM, after its last answer, when its instance ends.", {
      ...EFFECTIVE,
      default: false,
    }),
  ),
  proxy_path: optional(text("Path that an asynchronous container service is called at.", idle(NO_QUEUES))),
  decompressor: optional(
    oneOf(
      "How clients compress request bodies; the processor gets them decompressed.",
      ["zlib", "gzip", "snappy", "zstd", "lz4"],
      EFFECTIVE,
    ),
  ),
  mirror: named("Mirroring.", "only its name is known; `sluice mirror create` copies requests"),
  retries: named("Retries.", "only its name is known; the gateway retries by rules of its own"),
  health_check_path: optional(
    text(
      "Path of the health check.",
      idle("checks stand in `containers`; a processor's engine is asked itself"),
    ),
  ),
  health_check_port: optional(
    integer("Port of the health check.", {
      minimum: 1,
      maximum: 65_535,
      ...idle("checks stand in `containers`; a processor's engine is asked itself"),
    }),
  ),
  disable_auto_queue_watch: optional(
    flag("The instance does not read the input queue by itself.", idle(NO_QUEUES)),
  ),
  enable_service_hang_detect: optional(
    flag(
      "A hanging instance is noticed.",
      idle("the engine always ends requests that take longer than `keepalive`"),
    ),
  ),
  service_hang_detect_period: optional(
    integer(
      "How often it is looked for.",
      idle("the engine always ends requests that take longer than `keepalive`"),
    ),
  ),
});
