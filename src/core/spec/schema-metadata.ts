import { NAME_PATTERN } from "../names.ts";
import {
  anything,
  block,
  countOrPercent,
  EFFECTIVE,
  flag,
  idle,
  integer,
  number,
  oneOf,
  openBlock,
  optional,
  text,
} from "./field.ts";
import {
  NAME_ONLY,
  NO_CONSOLE,
  NO_GPU_SHARES,
  NO_IMAGES,
  NO_QUEUES,
  NO_UNITS,
  ONE_MACHINE,
} from "./idle-reasons.ts";
import { rpc } from "./schema-rpc.ts";

const named = (description = "Only the name is known.", reason = NAME_ONLY) =>
  optional(anything(description, idle(reason)));

const nameMarks = {
  ...EFFECTIVE,
  minLength: 1,
  pattern: NAME_PATTERN.source,
  "x-allowed": "1 to 63 characters of a–z, 0–9, _ and -, beginning with a letter or a digit",
} as const;

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
      {
        default: "Standard",
        ...idle(
          "every service is answered by its instances directly, as `Standard` ones are; the other kinds are not in this build",
        ),
      },
    ),
  ),
  gpu: optional(
    integer(
      "Whole GPUs of one instance, for processors whose code names GPUs. Without it they run on the CPU, and say so.",
      EFFECTIVE,
    ),
  ),
  gpu_memory: optional(
    integer("Share of one GPU, in GB of its memory; `gpu` is 0 or absent then.", idle(NO_GPU_SHARES)),
  ),
  gpu_core_percentage: optional(
    integer("Share of one GPU's compute in percent; needs `gpu_memory`.", {
      minimum: 1,
      maximum: 100,
      ...idle(NO_GPU_SHARES),
    }),
  ),
  gpu_model: named("GPU model.", ONE_MACHINE),
  qos: optional(
    oneOf(
      "BestEffort: cores are shared, `cpu` is the most of them.",
      ["", "BestEffort", "Guaranteed"],
      idle("cores are always shared, and `cpu`, where it is given, is the most of them"),
    ),
  ),
  resource: optional(
    text("Resource group.", {
      pattern: "^eas-v?r-.",
      "x-allowed": 'the id of a resource group, "eas-r-…" or "eas-vr-…"',
      ...idle(ONE_MACHINE),
    }),
  ),
  cuda: optional(
    text("CUDA version mounted at /usr/local/cuda.", {
      pattern: "^[0-9]{1,2}\\.[0-9]{1,2}$",
      "x-allowed": 'a version of CUDA, such as "11.2"',
      ...idle("programs and processors run with the CUDA libraries that they bring, or that the machine has"),
    }),
  ),
  rdma: optional(integer("1: RDMA.", { maximum: 1, ...idle(ONE_MACHINE) })),
  npu: named(undefined, ONE_MACHINE),
  fpga: named(undefined, ONE_MACHINE),
  shm_size: optional(integer("Size of /dev/shm in GB.", idle("processes share the /dev/shm of the machine"))),
  disk: optional(
    text("Size of the system disk.", {
      pattern: "^[1-9][0-9]{0,5}[KMGT]i?$",
      "x-allowed": 'a size, such as "30Gi"',
      ...idle("processes share the disk of the machine"),
    }),
  ),
  enable_grpc: optional(
    flag(
      "The gateway speaks gRPC to the service instead of HTTP/1.1, and that cannot change. A ready-made processor speaks both, unless this is false.",
      {
        default: false,
        ...EFFECTIVE,
      },
    ),
  ),
  enable_webservice: optional(
    flag("The service is a web application.", { default: false, ...idle(NO_CONSOLE) }),
  ),
  workspace_id: optional(anything("PAI workspace.", idle(NO_CONSOLE))),
  region: optional(text("Region.", idle("an installation is one region, named by its settings"))),
  workload_type: optional(oneOf("A scalable job.", ["elasticjob"], idle(NO_QUEUES))),
  resource_burstable: optional(
    flag("Overflow to public resources, which `cloud.computing.instances` names.", {
      default: false,
      ...idle(ONE_MACHINE),
    }),
  ),
  resource_rebalancing: optional(
    flag("Move back to resources of higher priority.", { default: false, ...idle(ONE_MACHINE) }),
  ),
  scheduling: optional(
    openBlock(
      "Placement of instances.",
      {
        spread: optional(
          block("Spreading.", {
            policy: optional(
              oneOf("`host`: over machines; `zone`: over zones.", ["host", "zone", "default"], {
                default: "default",
              }),
            ),
          }),
        ),
      },
      idle(ONE_MACHINE),
    ),
  ),
  elastic_job: named(undefined, NO_QUEUES),
  role: named(undefined, NO_UNITS),
  schema: named(),
  quota_id: named(undefined, ONE_MACHINE),
  quota_type: named(undefined, ONE_MACHINE),
  disable_sidecar: named(undefined, NO_IMAGES),
  uid: named(undefined, NO_CONSOLE),
  caller_uid: named(undefined, NO_CONSOLE),
});
