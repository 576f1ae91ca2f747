import Type from "typebox";
import {
  anything,
  block,
  EFFECTIVE,
  flag,
  idle,
  integer,
  list,
  map,
  number,
  oneOf,
  openBlock,
  optional,
  SECRET,
  text,
} from "./field.ts";
import { NO_IMAGES, NO_MOUNTS, NO_PLATFORM_SWITCHES } from "./idle-reasons.ts";

/** Longest time of a probe's schedule, in s: a day. */
const PROBE_S_MAX = 86_400;
const PROBES_IN_A_ROW_MAX = 1000;
const seconds = (description: string, minimum: number, usual: number) =>
  optional(integer(description, { ...EFFECTIVE, minimum, maximum: PROBE_S_MAX, default: usual }));
const inARow = (description: string, usual: number) =>
  optional(integer(description, { ...EFFECTIVE, minimum: 1, maximum: PROBES_IN_A_ROW_MAX, default: usual }));
const PORT_MARKS = { ...EFFECTIVE, minimum: 1, maximum: 65_535 };

const probe = (description: string) =>
  block(`${description} Exactly one of \`http_get\`, \`tcp_socket\` and \`exec\`.`, {
    http_get: optional(
      block("Good when it answers 200 to 399.", {
        path: optional(text("Path.", { ...EFFECTIVE, default: "/", maxLength: 2000 })),
        port: optional(
          integer(
            "Port; that of the container, also when left out, means the one that the instance has.",
            PORT_MARKS,
          ),
        ),
        scheme: optional(
          oneOf("Scheme; certificates are not checked.", ["HTTP", "HTTPS", "http", "https"], {
            ...EFFECTIVE,
            default: "HTTP",
          }),
        ),
      }),
    ),
    tcp_socket: optional(
      block("Good when the port accepts a connection.", {
        port: integer("Port; that of the container means the one that the instance has.", PORT_MARKS),
      }),
    ),
    exec: optional(
      block("Good when the command exits 0.", {
        command: list("Command and its arguments.", text("Word."), EFFECTIVE),
      }),
    ),
    initial_delay_seconds: seconds("Wait before the first probe, in s.", 0, 0),
    period_seconds: seconds("Time between probes, in s.", 1, 10),
    timeout_seconds: seconds("Longest wait for one probe, in s.", 1, 1),
    success_threshold: inARow("Good probes in a row until it counts as good; above 1 for readiness only.", 1),
    failure_threshold: inARow("Bad probes in a row until it counts as bad.", 3),
  });

const words = (description: string) =>
  Type.Union([Type.String(), Type.Array(Type.String())], { description, ...EFFECTIVE });

/** `containers` (eas-reference §1.4). */
export const containers = list(
  "A program of your own that listens on a port, in place of a processor. The process runtime runs one, on this machine.",
  block("One container.", {
    image: optional(
      text("Address of the image. The process runtime runs the command without it.", {
        minLength: 1,
        ...idle(NO_IMAGES),
      }),
    ),
    env: optional(
      list(
        "Environment variables.",
        block("One variable.", {
          name: text("Name; PORT and those that begin with SLUICE_ are set by Sluice.", {
            ...EFFECTIVE,
            minLength: 1,
          }),
          value: optional(text("Value.", { ...EFFECTIVE, ...SECRET })),
        }),
        EFFECTIVE,
      ),
    ),
    command: optional(
      words("One start command: a text, cut into words as a shell does, or a list. Not beside `script`."),
    ),
    script: optional(text("Several start commands, parted by newline or `;`: run by `/bin/sh`.", EFFECTIVE)),
    args: optional(list("Arguments behind those of the command.", text("Argument."), EFFECTIVE)),
    port: optional(
      integer(
        "Port that the program listens on when it does not go by the variable PORT; 8080 and 9090 belong to the engine.",
        {
          ...EFFECTIVE,
          default: 8000,
          minimum: 1,
          maximum: 65_535,
          not: { enum: [8080, 9090] },
        },
      ),
    ),
    prepare: optional(
      block("Done before the start.", {
        pythonRequirements: optional(
          list(
            "Python packages that the command runs with, made into an environment once: `python` is then its own.",
            text("Requirement, such as `numpy==1.26.4`."),
            EFFECTIVE,
          ),
        ),
        pythonRequirementsPath: optional(
          text("Path of a requirements.txt: absolute, or inside `processor_path`.", EFFECTIVE),
        ),
      }),
    ),
    startup_check: optional(probe("Blocks the other two until it is good.")),
    liveness_check: optional(probe("The container is started again when it is bad.")),
    readiness_check: optional(probe("The instance gets no requests while it is bad.")),
    health_check: optional(probe("Older samples' name of the readiness check.")),
    resources: optional(
      anything(
        "Cores, memory, GPUs of this container.",
        idle("an instance is one container; `metadata.cpu` and `metadata.memory` say what it has"),
      ),
    ),
  }),
);

const isReadOnly = (usual: boolean) => optional(flag("No writing.", { default: usual }));

/** `storage` (eas-reference §1.7). */
export const storage = list(
  "Mounts; each has exactly one source. No mount stands inside of another, or in the place of a folder of the system.",
  block("One mount.", {
    mount_path: text("Absolute path in the instance.", {
      minLength: 1,
      pattern: "^/",
      "x-allowed": "an absolute path",
    }),
    oss: optional(
      block("Object storage.", {
        path: text("`oss://bucket/dir/`.", {
          minLength: 1,
          pattern: "^oss://[^/]",
          "x-allowed": 'an address "oss://bucket/folder/"',
        }),
        endpoint: optional(text("Endpoint.")),
        readOnly: isReadOnly(false),
        resource_type: optional(text("`model` for a model.")),
      }),
    ),
    nfs: optional(
      block("NFS.", {
        server: text("Server.", { minLength: 1 }),
        path: optional(text("Path on the server.")),
        readOnly: isReadOnly(false),
        resourceGroup: optional(text("Resource group.")),
      }),
    ),
    dataset: optional(
      block("Data set.", {
        id: text("Id.", { minLength: 1 }),
        version: optional(text("Version.")),
        read_only: isReadOnly(true),
      }),
    ),
    git: optional(
      block("Git repository, cloned when an instance starts, read-only.", {
        repo: text("Address.", { ...SECRET, minLength: 1 }),
        branch: optional(text("Branch.")),
        commit: optional(text("Commit.")),
        username: optional(text("User.", SECRET)),
        password: optional(text("Password.", SECRET)),
      }),
    ),
    empty_dir: optional(
      block("Empty folder that lives as long as the instance.", {
        medium: optional(oneOf("In memory; without it on the disk.", ["memory"])),
        size_limit: optional(number("Size in GB.")),
      }),
    ),
    image: optional(anything("Folder of an image.")),
    cpfs: optional(anything("Only the name is known.")),
    secret: optional(anything("Only the name is known.", SECRET)),
    properties: optional(
      openBlock("Notes on the mount.", { resource_type: optional(text("`model` for a model.")) }),
    ),
  }),
  idle(NO_MOUNTS),
);

/** `features` (eas-reference §1.10). */
export const features = map<string>(
  "Switches of the platform.",
  { type: "string" },
  idle(NO_PLATFORM_SWITCHES),
);
