import {
  any,
  balancer,
  below,
  cron,
  enabled,
  flag,
  hash,
  instances,
  job,
  mount,
  name,
  named,
  number,
  oneOf,
  part,
  type Row,
  scaling,
  text,
  texts,
  whole,
} from "./field-rows.ts";

/** eas-reference §1.5 and §1.6. */
export const CLOUD: readonly Row[] = [
  ["cloud.computing.instance_type", text],
  ["cloud.computing.instances[].type", name],
  ["cloud.computing.instances[].spot_price_limit", number([0, 3.6], [-1]), instances],
  ["cloud.computing.instances[].capacity", part, instances],
  ["cloud.computing.disable_spot_protection_period", flag],
  ...["vpc_id", "vswitch_id", "vswitch_owner", "security_group_id", "destination_cidrs", "default_route"].map(
    (each): Row => [`cloud.networking.${each}`, text],
  ),
  ["cloud.logging.paths", texts],
  ["cloud.container_registry.instance_id", text],
  ["cloud.monitoring.enable_tracing", flag],
  ...named("cloud", "logging.logtail_uid", "role_chain"),
  [
    "networking.gateway",
    [
      ["gw-m2vkzbpixm7mo****", ""],
      ["m2v", "gw-", 5],
    ],
  ],
  ...["rate_limit", "concurrency_limit"].flatMap((limit): readonly Row[] => [
    [`networking.gateway_policy.${limit}.enable`, flag, enabled(limit)],
    [`networking.gateway_policy.${limit}.limit`, whole(1, 1_000_000), enabled(limit)],
    [`networking.gateway_policy.${limit}.evaluate`, flag, enabled(limit)],
  ]),
  [
    "networking.gateway_policy.load_balancing.policy",
    [
      ["least_busy", "random_two"],
      ["hash", "other", 5],
    ],
  ],
  [
    "networking.gateway_policy.load_balancing.hash_header",
    [["X-User"], ["", "a b", "a".repeat(65), 5]],
    hash("hash_header"),
  ],
  ["networking.gateway_policy.load_balancing.hash_cookie", [["user"], ["", "a;b", 5]], hash("hash_cookie")],
  ["networking.gateway_policy.request_limit.body_bytes", whole(1)],
  ["networking.gateway_policy.request_limit.header_bytes", whole(256, 32_768)],
  ["networking.gateway_policy.request_limit.idle_timeout", whole(1, 86_400_000)],
  ["networking.gateway_policy.request_limit.total_timeout", whole(1, 86_400_000)],
  ["networking.gateway_policy.body_digest", oneOf("check", "ignore")],
  [
    "networking.nlb[].id",
    [
      ["default", "nlb-1"],
      ["", "x", "nlb-", 5],
    ],
  ],
  [
    "networking.nlb[].listener_port",
    [
      [1, 65_535],
      [0, 8080, 65_536, "80"],
    ],
    balancer,
  ],
  ["networking.nlb[].netType", oneOf("intranet", "internet"), balancer],
  ["networking.dns.nameservers", texts],
  ["networking.path", text],
  ...["enable_https", "enable_http2", "disable_internet_endpoint", "use_host_network"].map(
    (each): Row => [`networking.${each}`, flag],
  ),
  ...named("networking", "nacos", "port_exposure", "restriction_model", "restriction_rules"),
];

/** eas-reference §1.7. */
export const STORAGE = below(
  "storage[]",
  {},
  [
    "mount_path",
    [
      ["/mnt/data", "/dev/shm", "/data_oss/"],
      ["", "data", "/", "/etc", "/usr//lib/", "/proc/.", "/mnt/../etc", 5],
    ],
    { storage: [{ nfs: { server: "s" } }] },
  ],
  ["oss.path", [["oss://bucket/path/"], ["", "/a", "s3://b/a", "oss:///a", 5]], mount({})],
  ...["endpoint", "resource_type"].map(
    (each): Row => [`oss.${each}`, text, mount({ oss: { path: "oss://b/" } })],
  ),
  ["oss.readOnly", flag, mount({ oss: { path: "oss://b/" } })],
  ["nfs.server", name, mount({})],
  ...["path", "resourceGroup"].map((each): Row => [`nfs.${each}`, text, mount({ nfs: { server: "s" } })]),
  ["nfs.readOnly", flag, mount({ nfs: { server: "s" } })],
  ["dataset.id", name, mount({})],
  ["dataset.version", text, mount({ dataset: { id: "d" } })],
  ["dataset.read_only", flag, mount({ dataset: { id: "d" } })],
  ["git.repo", name, mount({})],
  ...["branch", "commit", "username", "password"].map(
    (each): Row => [`git.${each}`, text, mount({ git: { repo: "r" } })],
  ),
  ["empty_dir.medium", oneOf("memory"), mount({})],
  ["empty_dir.size_limit", number([0, 0.5, 20], [-1]), mount({ empty_dir: {} })],
  ["properties.resource_type", text, mount({ nfs: { server: "s" } })],
  ...["image", "cpfs", "secret"].map((each): Row => [each, any, mount({})]),
);

/** eas-reference §1.8, §1.11, §6.1 and §6.2. */
export const SCALING: readonly Row[] = [
  ["autoscaler.min", whole(0, 1000)],
  ["autoscaler.max", whole(1, 1000)],
  [
    "autoscaler.strategies",
    [
      [{ qps: 10, "queue[avgbacklog]": 0.5 }, {}],
      ["qps", []],
    ],
  ],
  ["autoscaler.scaleStrategies[].metricName", name, scaling()],
  ["autoscaler.scaleStrategies[].threshold", number([0.1, 10], [0, -1]), scaling()],
  ["autoscaler.scaleStrategies[].service", text, scaling()],
  ["autoscaler.behavior.scaleUp.stabilizationWindowSeconds", whole(0)],
  ["autoscaler.behavior.scaleDown.stabilizationWindowSeconds", whole(0)],
  ["autoscaler.behavior.onZero.scaleDownGracePeriodSeconds", whole(0)],
  ["autoscaler.behavior.onZero.scaleUpActivationReplicas", whole(1)],
  [
    "cronscaler.excludeDates",
    [
      [["* * * * * 6,0"], []],
      ["x", [5]],
    ],
  ],
  ["cronscaler.scaleJobs[].name", text, job],
  ["cronscaler.scaleJobs[].schedule", [cron[0], [...cron[1], "", 5]], job],
  ["cronscaler.scaleJobs[].targetSize", whole(0, 1000), job],
  ["cronscaler.scaleJobs[].timeZone", text, job],
  ["queue.cpu", number([0.5, 4], [0, -1])],
  ["queue.memory", whole(1)],
  ["queue.max_delivery", whole(1)],
  ["queue.resource", text],
  ...named("queue", "sink", "source"),
];
