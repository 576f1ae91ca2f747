import {
  any,
  below,
  container,
  type FieldRow,
  flag,
  java,
  method,
  name,
  named,
  probe,
  type Row,
  text,
  whole,
} from "./field-rows.ts";
import { CLOUD, SCALING, STORAGE } from "./reference-fields-cloud.ts";
import { METADATA } from "./reference-fields-metadata.ts";

/** eas-reference §1.1. */
const TOP: readonly Row[] = [
  [
    "token",
    [
      ["a", "!".repeat(512)],
      ["", "a b", "ä", "a".repeat(513), 5],
    ],
  ],
  ["generate_token", flag],
  [
    "processor",
    [
      ["mine", ""],
      ["pmml", 5, []],
    ],
  ],
  [
    "processor_type",
    [
      ["python", "cpp", "node"],
      ["ruby", 5],
    ],
  ],
  [
    "processor_path",
    [
      ["/code", "https://example.com/a.zip", "oss://bucket/a"],
      ["code", "ftp://a/b", 5],
    ],
  ],
  [
    "processor_entry",
    [
      ["app.py", "a/b.py"],
      ["/app.py", "../app.py", "", 5],
    ],
  ],
  [
    "processor_mainclass",
    [
      ["a.B", "Echo"],
      ["a b", "", 5],
    ],
    java,
  ],
  [
    "processor_jvm_options",
    [
      ["-Xss1m -Da=b", ["-Xss1m"]],
      ["-cp x", '"a', 5, [5]],
    ],
    java,
  ],
  [
    "requirements",
    [
      ["requirements.txt", ["numpy==1.26.4"], []],
      [["-e ."], ["numpy=1"], "../r.txt", 5, [5]],
    ],
  ],
  [
    "model_path",
    [
      ["/m", "file:///m", "https://example.com/m.tar.gz", "s3://bucket/m"],
      ["m", "ftp://a/b", 5],
    ],
  ],
  [
    "model_entry",
    [
      ["m.bin", ""],
      ["/m.bin", "../m", 5],
    ],
    { model_path: "/m" },
  ],
  ["model_config", any],
  ["oss_endpoint", text],
  [
    "warm_up_data_path",
    [
      ["/w.txt", ""],
      ["w.txt", 5],
    ],
  ],
  ["dockerAuth", text],
  [
    "labels",
    [
      [{}, { a: "" }, { ["k".repeat(128)]: "v".repeat(256) }],
      ["x", [], Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`l${i}`, ""]))],
    ],
  ],
  ["features", [[{ "eas.aliyun.com/extra-ephemeral-storage": "100Gi" }], ["x", []]]],
  ["runtime.enable_crash_block", flag],
  ["unit.size", whole(1)],
  [
    "sinker.type",
    [
      ["maxcompute", "MaxCompute"],
      ["kafka", 5],
    ],
    { sinker: { config: { maxcompute: { project: "p", table: "t" } } } },
  ],
  ["sinker.config.maxcompute.project", text],
  ["sinker.config.maxcompute.table", text],
  ["sinker.config.sls.project", text],
  ["sinker.config.sls.logstore", text],
  ["confidential.trustee_endpoint", text],
  ["confidential.decryption_key", text],
  ["metrics[].name", name],
  ["metrics[].tags", any, { metrics: [{ name: "m" }] }],
  ...named(
    "",
    "processor_envs",
    "processor_image",
    "processor_name",
    "processors",
    "data_image",
    "model",
    "models",
    "multi_models",
    "uncompress",
    "metrics_config",
    "alerts",
    "aimaster",
    "plugins",
    "source",
    "data_loader",
    "exporter",
    "members",
    "tasks",
    "raycluster",
    "serverless",
    "vineyard",
    "options",
  ),
  ...named(
    "runtime",
    "base_image",
    "worker_image",
    "core_pattern",
    "disable_image_accelerate",
    "disable_image_cache",
  ),
  ...named("unit", "enable_c4d", "enable_rebuild"),
];

/** eas-reference §1.4. */
const CONTAINERS = below(
  "containers[]",
  container(),
  ["image", name],
  [
    "env[].name",
    [
      ["A", "a.b"],
      ["", "A=B", "SLUICE_X", 5],
    ],
  ],
  ["env[].value", text, container({ env: [{ name: "A" }] })],
  [
    "command",
    [
      ["python app.py", ["python", "app.py"]],
      ["cd a && b", "a; b", "a | b", "'a", 5, [5]],
    ],
    { containers: [{}] },
  ],
  ["script", [["cd a && b; c\nd"], [" ", 5, ["a"]]], { containers: [{}] }],
  [
    "args",
    [
      [["-x"], []],
      ["-x", [5]],
    ],
    { containers: [{ command: "x" }] },
  ],
  [
    "port",
    [
      [1, 8000, 65_535],
      [0, 65_536, 8080, 9090, "8000", 1.5],
    ],
  ],
  ["prepare.pythonRequirements", [[["numpy==1.16.4", "absl-py==0.11.0"]], ["numpy", [5]]]],
  ["prepare.pythonRequirementsPath", [["/r.txt", ""], [5]]],
  ["resources", any],
  ...["startup_check", "liveness_check", "readiness_check", "health_check"].flatMap((check) =>
    probe.map(([path, values]): Row => [`${check}.${path}`, values, container({ [check]: method(path) })]),
  ),
);

/** Every field of a service.json. */
export const REFERENCE_FIELDS: readonly FieldRow[] = [
  ...METADATA,
  ...TOP,
  ...CONTAINERS,
  ...CLOUD,
  ...STORAGE,
  ...SCALING,
].map(([path, [good, bad], beside = {}]) => ({ path, good, bad, beside }));
