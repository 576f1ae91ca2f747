import Type, { type Static } from "typebox";
import {
  anything,
  block,
  EFFECTIVE,
  type Field,
  flag,
  idle,
  integer,
  list,
  map,
  oneOf,
  optional,
  SECRET,
  text,
} from "./field.ts";
import { NAME_ONLY, NO_IMAGES, NO_SINK, NO_UNITS } from "./idle-reasons.ts";
import { cloud, networking } from "./schema-cloud.ts";
import { containers, features, storage } from "./schema-containers.ts";
import { metadata } from "./schema-metadata.ts";
import { autoscaler, cronscaler, queue } from "./schema-scaling.ts";

const named = (description = "Only the name is known.", reason = NAME_ONLY) =>
  optional(anything(description, idle(reason)));

/**
 * The canonical, nested form of a service.json with every field of eas-reference §1. One value gives the types,
 * the checks (check.ts), the published JSON Schema and the reference. `x-effective` marks what this build acts on.
 */
export const serviceSchema = Type.Object(
  {
    metadata,
    token: optional(
      text("Access token. Without it one is generated when the service is created, and kept.", {
        ...EFFECTIVE,
        ...SECRET,
        minLength: 1,
        maxLength: 512,
        pattern: "^[\\x21-\\x7e]*$",
        "x-allowed": "1 to 512 visible ASCII characters without spaces",
      }),
    ),
    generate_token: optional(
      flag("A token is generated.", {
        default: true,
        deprecated: true,
        ...idle("a token is generated whenever `token` is left out, whatever this says"),
      }),
    ),
    processor: optional(
      text(
        "Code of a built-in processor. For a processor of your own: absent, or any other word.",
        EFFECTIVE,
      ),
    ),
    processor_type: optional(
      oneOf("Language of a processor of your own.", ["python", "java", "cpp", "node"], EFFECTIVE),
    ),
    processor_path: optional(
      text("Folder, file or archive with a processor of your own. Forms as in `model_path`.", EFFECTIVE),
    ),
    processor_entry: optional(
      text(
        "Its main file, relative to `processor_path`, such as `app.py`, `libecho.so` or `app.ts`; for Python also the folder of a package. Required but for Java, where it may name the jar that comes first.",
        EFFECTIVE,
      ),
    ),
    processor_mainclass: optional(
      text("Main class of a Java processor, with its package. Required for Java.", EFFECTIVE),
    ),
    processor_envs: optional(
      anything("Environment of the processor.", {
        ...SECRET,
        ...idle("only its name is known; what a processor is to be told goes into `model_config`"),
      }),
    ),
    processor_jvm_options: optional(
      Type.Union([Type.Array(Type.String()), Type.String()], {
        description:
          "Options of the Java machine that a Java processor of your own runs in: one text with spaces between them, or a list. They are seen by all users of the machine (`ps`): no place for secrets.",
        ...EFFECTIVE,
      }),
    ),
    processor_image: named(undefined, NO_IMAGES),
    processor_name: named(),
    processors: named(),
    requirements: optional(
      Type.Union([Type.Array(Type.String()), Type.String()], {
        description:
          "Python packages that a Python processor of your own runs with: a list of requirements, or the path of a requirements.txt, absolute or inside `processor_path`. They are made into an environment once.",
        ...EFFECTIVE,
      }),
    ),
    data_image: named(undefined, NO_IMAGES),
    model_path: optional(
      text(
        "The model: an absolute path of a file or folder, a `file://` URL, an http(s) URL of a tar.gz or zip archive, an `oss://` or `s3://` URL, or a `git+https://` URL. Required for a built-in processor.",
        EFFECTIVE,
      ),
    ),
    model_entry: optional(
      text("Entry file in the model's folder. Without it the file that `model_path` names.", EFFECTIVE),
    ),
    model_config: optional(anything("Any text or JSON, given to the processor as it is.", EFFECTIVE)),
    oss_endpoint: optional(
      text(
        "Endpoint of object storage.",
        idle("the endpoint and key of object storage are settings of the installation (OSS_ENDPOINT)"),
      ),
    ),
    warm_up_data_path: optional(
      text(
        "Requests that each instance must have answered before it is ready: a `.txt` file with one request a line, a `.bin` file that is one request as the SDK serialised it, or a folder of such files. Named like a model; what http(s) brings may be the file itself. For processors.",
        EFFECTIVE,
      ),
    ),
    model: named(),
    models: named(),
    multi_models: named(),
    uncompress: named(),
    labels: optional(
      map<string>(
        "Labels: at most 20.",
        { type: "string", maxLength: 256 },
        { ...EFFECTIVE, maxProperties: 20, propertyNames: { type: "string", minLength: 1, maxLength: 128 } },
      ),
    ),
    runtime: optional(
      block("How processes are run.", {
        enable_crash_block: optional(
          flag("A crashed instance is kept for inspection instead of started again.", {
            ...EFFECTIVE,
            default: false,
          }),
        ),
        base_image: named(undefined, NO_IMAGES),
        worker_image: named(undefined, NO_IMAGES),
        core_pattern: named(undefined, "where core files go is a setting of the whole machine"),
        disable_image_accelerate: named(undefined, NO_IMAGES),
        disable_image_cache: named(undefined, NO_IMAGES),
      }),
    ),
    containers: optional(containers),
    dockerAuth: optional(
      text("base64 of `user:password` for the registry of images.", { ...SECRET, ...idle(NO_IMAGES) }),
    ),
    storage: optional(storage),
    cloud: optional(cloud),
    networking: optional(networking),
    autoscaler: optional(autoscaler),
    cronscaler: optional(cronscaler),
    queue: optional(queue),
    sinker: optional(
      block(
        "Keeps requests and responses.",
        {
          type: optional(
            oneOf("Where; `config` has the block of that name.", ["maxcompute", "MaxCompute", "sls", "SLS"]),
          ),
          config: optional(
            block("Place.", {
              maxcompute: optional(
                block("MaxCompute.", {
                  project: optional(text("Project.")),
                  table: optional(text("Table.")),
                }),
              ),
              sls: optional(
                block("Log service.", {
                  project: optional(text("Project.")),
                  logstore: optional(text("Log store.")),
                }),
              ),
            }),
          ),
        },
        idle(NO_SINK),
      ),
    ),
    metrics: optional(
      list(
        "Declares custom metrics.",
        block("One metric.", { name: text("Name.", { minLength: 1 }), tags: named("Tags.") }),
        idle(
          "metrics of processors are not gathered; `/metrics` of the control API has those of gateway and engines",
        ),
      ),
    ),
    metrics_config: named(),
    alerts: named(undefined, "alerts are for the Prometheus that reads `/metrics`"),
    features: optional(features),
    unit: optional(
      block(
        "Distributed inference.",
        {
          size: optional(integer("Machines of one instance.", { minimum: 1, default: 2 })),
          enable_c4d: named(),
          enable_rebuild: named(),
        },
        idle(NO_UNITS),
      ),
    ),
    confidential: optional(
      block(
        "Encrypted models.",
        {
          trustee_endpoint: optional(text("Trust service.")),
          decryption_key: optional(text("Address of the key, `kbs:///…`.", SECRET)),
        },
        idle("models are not decrypted: bring them as they are to be read"),
      ),
    ),
    aimaster: named("Watchdog of distributed inference.", NO_UNITS),
    plugins: named(),
    source: named(),
    data_loader: named(),
    exporter: named(),
    members: named(),
    tasks: named(),
    raycluster: named(),
    serverless: named(),
    vineyard: named(),
    options: named(),
  },
  { description: "A service.json: what a service runs, and how.", additionalProperties: false },
);

/** A document that passed check.ts. */
export type ServiceDocument = Static<typeof serviceSchema>;

/** The same schema, as the readers of its keywords see it. */
export const SERVICE_FIELD = serviceSchema as unknown as Field;
