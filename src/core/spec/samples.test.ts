import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSpec } from "./parse.ts";

/** The field list of the JSON deployment page as one document (eas-reference §1), shortened where nothing is lost. */
const everything = {
  token: "****M5Mjk0NDZhM2EwYzUzOGE0OGMx****",
  processor: "tensorflow_cpu_1.12",
  model_path: "oss://examplebucket/exampledir/",
  oss_endpoint: "oss-cn-beijing.aliyuncs.com",
  model_entry: "",
  model_config: "",
  processor_path: "",
  processor_entry: "",
  processor_mainclass: "",
  processor_type: "",
  warm_up_data_path: "",
  runtime: { enable_crash_block: false },
  unit: { size: 2 },
  sinker: { type: "MaxCompute", config: { maxcompute: { project: "cl****", table: "te****" } } },
  cloud: {
    computing: {
      instances: [
        { capacity: 800, type: "dedicated_resource" },
        { capacity: 200, type: "ecs.c7.4xlarge", spot_price_limit: 3.6 },
      ],
      disable_spot_protection_period: true,
    },
    networking: { vpc_id: "vpc-b****", vswitch_id: "vsw-b****", security_group_id: "sg-b****" },
  },
  autoscaler: { min: 2, max: 5, strategies: { qps: 10 } },
  storage: [
    {
      mount_path: "/data_oss",
      oss: { endpoint: "oss-cn-shanghai-internal.aliyuncs.com", path: "oss://bucket/path/" },
    },
  ],
  confidential: { trustee_endpoint: "xx", decryption_key: "xx" },
  metadata: {
    name: "test_eascmd",
    resource: "eas-r-9lkbl2jvdm0puv****",
    instance: 1,
    workspace_id: "1405**",
    gpu: 0,
    cpu: 1,
    memory: 2000,
    gpu_memory: 10,
    gpu_core_percentage: 10,
    qos: "",
    cuda: "11.2",
    enable_grpc: false,
    enable_webservice: false,
    rdma: 1,
    rpc: {
      batching: false,
      keepalive: 5000,
      io_threads: 4,
      max_batch_size: 16,
      max_batch_timeout: 50,
      max_queue_size: 64,
      worker_threads: 5,
      rate_limit: 0,
      enable_sigterm: false,
    },
    rolling_strategy: { max_surge: 1, max_unavailable: 1 },
    "eas.termination_grace_period": 30,
    scheduling: { spread: { policy: "host" } },
    resource_rebalancing: false,
    workload_type: "elasticjob",
    shm_size: 100,
  },
  features: {
    "eas.aliyun.com/extra-ephemeral-storage": "100Gi",
    "eas.aliyun.com/gpu-driver-version": "tesla=550.127.08",
  },
  networking: { gateway: "gw-m2vkzbpixm7mo****" },
  containers: [
    {
      image: "registry-vpc.cn-shanghai.aliyuncs.com/xxx/yyy:zzz",
      prepare: { pythonRequirements: ["numpy==1.16.4", "absl-py==0.11.0"] },
      command: "python app.py",
      port: 8000,
    },
  ],
  dockerAuth: "dGVzdGNhbzoxM*******",
};

test("the sample of all fields with a processor that is not here is refused for that, and for nothing else", () => {
  assert.throws(
    () => parseSpec({ ...everything, processor: "easyrec-2.4" }),
    (error: { facts: { problems: { path: string }[] } }) => {
      assert.deepEqual(
        error.facts.problems.map((problem) => problem.path),
        ["$.processor"],
      );
      return true;
    },
  );
});

test("as it stands it is accepted, and each field without effect is named", () => {
  const { spec, notEffective } = parseSpec(everything);
  assert.deepEqual(spec.processor.kind === "builtin" && spec.processor.family, "tensorflow");
  assert.equal(spec.name, "test_eascmd");
  assert.equal(spec.memoryMb, 2000);
  assert.deepEqual(notEffective.map((field) => field.path).toSorted(), [
    "$.autoscaler",
    "$.cloud",
    "$.confidential",
    "$.containers",
    "$.dockerAuth",
    "$.features",
    "$.metadata.cuda",
    "$.metadata.enable_webservice",
    "$.metadata.gpu",
    "$.metadata.gpu_core_percentage",
    "$.metadata.gpu_memory",
    "$.metadata.rdma",
    "$.metadata.resource",
    "$.metadata.resource_rebalancing",
    "$.metadata.rpc.io_threads",
    "$.metadata.scheduling",
    "$.metadata.shm_size",
    "$.metadata.workload_type",
    "$.metadata.workspace_id",
    "$.networking.gateway",
    "$.oss_endpoint",
    "$.sinker",
    "$.storage",
    "$.unit",
  ]);
});

test("other shapes of the field: probes, percentages, an asynchronous service, the API's autoscaler", () => {
  const probe = { http_get: { path: "/", port: 8000 }, initial_delay_seconds: 3, period_seconds: 5 };
  const { notEffective } = parseSpec({
    name: "async",
    processor: "pmml",
    model_path: "file:///m.pmml",
    generate_token: "true",
    "metadata.type": "Async",
    metadata: { instance: 1, rolling_strategy: { max_surge: "20%" } },
    containers: [
      {
        image: "i",
        script: "a; b",
        port: 8001,
        startup_check: probe,
        liveness_check: { tcp_socket: { port: 1 } },
      },
    ],
    cloud: { computing: { instances: [{ type: "ecs.c8i.xlarge", capacity: "20%" }] } },
    queue: { cpu: 1, max_delivery: 1, memory: 4000, resource: "", unheard_of: 1, "sink.memory_ratio": 0.5 },
    autoscaler: {
      min: 0,
      max: 5,
      scaleStrategies: [{ metricName: "qps", threshold: 10 }],
      behavior: {
        scaleDown: { stabilizationWindowSeconds: 100 },
        onZero: { scaleDownGracePeriodSeconds: 60 },
      },
    },
    metrics: [{ name: "qps", tags: "status" }],
    storage: [
      { mount_path: "/a", empty_dir: { medium: "memory", size_limit: 1 } },
      { mount_path: "/b", nfs: { server: "s" } },
    ],
  });
  assert.equal(notEffective.length, 8);
});

/** Documents of the pages about groups and JSON deployment, and the shapes of eas-reference §1.12. */
const SAMPLES: readonly (readonly [what: string, document: object, idle: readonly string[]])[] = [
  [
    "a member of a group",
    {
      name: "pmml_prod",
      model_path: "http://examplebucket.oss-cn-shanghai.aliyuncs.com/models/lr_xxxx.pmml",
      processor: "pmml",
      metadata: { cpu: 1, instance: 4, group: "pmml", traffic_state: "grouping" },
    },
    [],
  ],
  [
    "an image with a script",
    {
      metadata: { name: "demo", instance: 1, workspace_id: "your-workspace-id" },
      cloud: { computing: { instances: [{ type: "ecs.c7a.large" }] } },
      containers: [
        {
          image: "eas-registry-vpc.cn-hangzhou.cr.aliyuncs.com/pai-eas/python-inference:py39-ubuntu2004",
          script: "python app.py",
          port: 8000,
        },
      ],
    },
    ["$.metadata.workspace_id", "$.containers[0].image", "$.cloud"],
  ],
  [
    "TensorFlow",
    {
      name: "tf",
      model_path: "http://examplebucket/m.tar.gz",
      processor: "tensorflow_cpu_1.12",
      metadata: { instance: 1, cpu: 1 },
    },
    [],
  ],
  [
    "a processor in C++",
    {
      metadata: { cpu: 1, instance: 1, memory: 1000 },
      name: "echo",
      processor_entry: "libecho.so",
      processor_path: "oss://bucket/echo.tar.gz",
      processor_type: "cpp",
    },
    [],
  ],
  [
    "an image with a command and what goes with it",
    {
      metadata: { name: "a", instance: 1, cpu: 1, memory: 1000, workspace_id: 1 },
      containers: [{ image: "i", command: "python app.py", port: 8000, env: [{ name: "A", value: "b" }] }],
      cloud: { computing: { instance_type: "ecs.gn6i-c4g1.xlarge" } },
      storage: [{ mount_path: "/mnt/data/", oss: { path: "oss://bucket/dir/", readOnly: false } }],
      dockerAuth: "dTpw",
    },
    ["$.metadata.workspace_id", "$.containers[0].image", "$.dockerAuth", "$.storage", "$.cloud"],
  ],
];

for (const [what, document, idle] of SAMPLES) {
  test(`a sample is accepted, and what does nothing is named: ${what}`, () => {
    assert.deepEqual(
      parseSpec(document)
        .notEffective.map(({ path }) => path)
        .toSorted(),
      idle.toSorted(),
    );
  });
}

test("an image without a command is refused for that alone", () => {
  assert.throws(
    () => parseSpec({ metadata: { name: "a", instance: 1 }, containers: [{ image: "i", port: 8000 }] }),
    /images need the docker runtime/,
  );
});
