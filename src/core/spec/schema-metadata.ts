import { NAME_PATTERN } from "../names.ts";
import {
  anything,
  block,
  countOrPercent,
  EFFECTIVE,
  flag,
  integer,
  number,
  oneOf,
  openBlock,
  optional,
  text,
} from "./field.ts";
import { BATCH_CODES } from "./processors.ts";

const nameMarks = {
  ...EFFECTIVE,
  minLength: 1,
  pattern: NAME_PATTERN.source,
  "x-allowed": "1 to 63 characters of a–z, 0–9, _ and -, beginning with a letter or a digit",
} as const;

/** `metadata.rpc` (eas-reference §1.3). */
const rpc = block("How one instance takes requests.", {
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
    integer(
      "Threads for network input and output. Nothing to set here: an engine serves all of its connections with one, whose cost is below that of handing them over.",
      { minimum: 1, default: 4 },
    ),
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
  proxy_path: optional(text("Path that an asynchronous container service is called at.")),
  decompressor: optional(
    oneOf(
      "How clients compress request bodies; the processor gets them decompressed.",
      ["zlib", "gzip", "snappy", "zstd", "lz4"],
      EFFECTIVE,
    ),
  ),
  mirror: optional(anything("Mirroring; only the name is known.")),
  retries: optional(anything("Retries; only the name is known.")),
  health_check_path: optional(text("Path of the health check.")),
  health_check_port: optional(integer("Port of the health check.", { minimum: 1, maximum: 65_535 })),
  disable_auto_queue_watch: optional(flag("The instance does not read the input queue by itself.")),
  enable_service_hang_detect: optional(flag("A hanging instance is noticed.")),
  service_hang_detect_period: optional(integer("How often it is looked for.")),
});

/** `metadata` (eas-reference §1.2). */
export const metadata = block("What the service is and how large.", {
  name: text("Name of the service, and part of its address `/api/predict/{name}`.", nameMarks),
  instance: integer("Number of instances.", { ...EFFECTIVE, maximum: 1000 }),
  group: optional(
    text("Service group that it shares traffic in; fixed for the life of the service.", {
      ...nameMarks,
      minLength: 0,
    }),
  ),
  traffic_state: optional(
    oneOf("Part in the traffic of its group.", ["grouping", "standalone"], {
      ...EFFECTIVE,
      default: "grouping",
    }),
  ),
  cpu: optional(
    number(
      "Cores of one instance; may be a fraction. Given, it is also the most that a control group lets it have.",
      {
        ...EFFECTIVE,
        exclusiveMinimum: 0,
        maximum: 1024,
        default: 1,
      },
    ),
  ),
  memory: optional(
    integer(
      "Memory of one instance in MB. Without it 1000 for each started core. What uses up more is ended.",
      {
        ...EFFECTIVE,
        minimum: 16,
        maximum: 4_194_304,
      },
    ),
  ),
  eas: optional(
    openBlock("Settings of the service's life.", {
      termination_grace_period: optional(
        integer("Longest time in s that a stopping instance may finish its requests.", {
          ...EFFECTIVE,
          maximum: 86_400,
          default: 30,
        }),
      ),
    }),
  ),
  rpc: optional(rpc),
  rolling_strategy: optional(
    block("Pace of a rolling update.", {
      max_surge: optional(
        countOrPercent(
          "Instances above the wanted count while some are replaced. A percentage is rounded up; with neither this nor max_unavailable above 0 nothing could be replaced, so that is refused.",
          { ...EFFECTIVE, default: "2%" },
        ),
      ),
      max_unavailable: optional(
        countOrPercent(
          "Instances below the wanted count while some are replaced; so many old ones stop at once. A percentage is rounded down.",
          { ...EFFECTIVE, default: 0 },
        ),
      ),
    }),
  ),
  type: optional(
    oneOf(
      "Kind of service.",
      [
        "Standard",
        "Async",
        "LLMGatewayService",
        "SDCluster",
        "ScalableJob",
        "ScalableJobService",
        "Queue",
        "LLM",
        "RAG",
        "Serverless",
        "OfflineTask",
        "AssistantJob",
      ],
      { default: "Standard" },
    ),
  ),
  gpu: optional(
    integer(
      "Whole GPUs of one instance, for processors whose code names GPUs. Without it they run on the CPU, and say so.",
      EFFECTIVE,
    ),
  ),
  gpu_memory: optional(integer("Share of one GPU, in GB of its memory; `gpu` is 0 or absent then.")),
  gpu_core_percentage: optional(
    integer("Share of one GPU's compute in percent; needs `gpu_memory`.", { minimum: 1, maximum: 100 }),
  ),
  gpu_model: optional(anything("GPU model; only the name is known.")),
  qos: optional(
    oneOf("BestEffort: cores are shared, `cpu` is the most of them.", ["", "BestEffort", "Guaranteed"]),
  ),
  resource: optional(text("Resource group, `eas-r-…`.")),
  cuda: optional(text("CUDA version mounted at /usr/local/cuda.")),
  rdma: optional(integer("1: RDMA.", { maximum: 1 })),
  npu: optional(anything("Only the name is known.")),
  fpga: optional(anything("Only the name is known.")),
  shm_size: optional(integer("Size of /dev/shm in GB.")),
  disk: optional(text("Size of the system disk, such as `30Gi`.")),
  enable_grpc: optional(
    flag(
      "The gateway speaks gRPC to the service instead of HTTP/1.1, and that cannot change. A ready-made processor speaks both, unless this is false.",
      {
        default: false,
        ...EFFECTIVE,
      },
    ),
  ),
  enable_webservice: optional(flag("The service is a web application.", { default: false })),
  workspace_id: optional(anything("PAI workspace.")),
  region: optional(text("Region.")),
  workload_type: optional(text("`elasticjob`: a scalable job.")),
  resource_burstable: optional(flag("Overflow to public resources.", { default: false })),
  resource_rebalancing: optional(flag("Move back to resources of higher priority.", { default: false })),
  scheduling: optional(
    openBlock("Placement of instances.", {
      spread: optional(
        block("Spreading.", {
          policy: optional(
            oneOf("`host`: over machines; `zone`: over zones.", ["host", "zone", "default"], {
              default: "default",
            }),
          ),
        }),
      ),
    }),
  ),
  elastic_job: optional(anything("Only the name is known.")),
  role: optional(anything("Only the name is known.")),
  schema: optional(anything("Only the name is known.")),
  quota_id: optional(anything("Only the name is known.")),
  quota_type: optional(anything("Only the name is known.")),
  disable_sidecar: optional(anything("Only the name is known.")),
  uid: optional(anything("Only the name is known.")),
  caller_uid: optional(anything("Only the name is known.")),
});
