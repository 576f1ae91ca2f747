import { availableParallelism, homedir } from "node:os";
import { join, resolve } from "node:path";
import { nonEmptyText, type Setting, wholeNumber } from "../base/settings.ts";
import { VERSIONS_KEPT } from "../core/change/versions.ts";
import { DIRECT_HOST } from "../core/traffic/route-table.ts";
import {
  accessLog,
  autoOrAbove0,
  cgroups,
  host,
  logLevel,
  onOrOff,
  ownAddress,
  region,
  store,
} from "./setting-values.ts";

/** One of the settings, whatever its values are. */
export type AnySetting =
  | Setting<string>
  | Setting<string | null>
  | Setting<number>
  | Setting<number | null>
  | Setting<boolean>;

/** Ports have 16 bits. */
const PORT_MAX = 65_535;
/** Room for a handful of the largest sets (deep learning with GPU libraries: 5 GB), or for a hundred of common ones. */
const ENVIRONMENTS_MB = 20_000;

/** The settings of `sluice serve`: one table gives flag, environment name, help, and docs/reference/config.md. */
export const SERVE_SETTINGS = {
  home: {
    name: "home",
    text: "folder of everything Sluice keeps: store, models, logs, run files",
    defaultValue: join(homedir(), ".sluice"),
    defaultText: "~/.sluice",
    parse: nonEmptyText,
  },
  store: {
    name: "store",
    text: "where what is wanted is kept: home, a SQLite database in it; or, for several control processes of which one leads, postgres://user@host:port/database; or file:/path of a file with that line. A password comes by the file or the environment, not by the flag",
    defaultValue: null,
    defaultText: "`home`",
    isSecret: true,
    parse: store,
  },
  host: { name: "host", text: "address the gateway listens on", defaultValue: "127.0.0.1", parse: host },
  port: {
    name: "port",
    text: "port of the gateway; 0 takes a free one",
    defaultValue: 8080,
    parse: wholeNumber(0, PORT_MAX),
  },
  tlsCert: {
    name: "tlsCert",
    text: "file of the certificate for TLS, PEM, with its chain; read again when it changes",
    defaultValue: null,
    defaultText: "no TLS",
    parse: nonEmptyText,
  },
  tlsKey: {
    name: "tlsKey",
    text: "file of the certificate's private key, PEM, without a passphrase; read again when it changes",
    defaultValue: null,
    defaultText: "no TLS",
    parse: nonEmptyText,
  },
  tlsHost: {
    name: "tlsHost",
    text: "address the gateway listens on for TLS",
    defaultValue: null,
    defaultText: "as --host",
    parse: host,
  },
  tlsPort: {
    name: "tlsPort",
    text: "port of the gateway for TLS, beside the plain one; 0 takes a free one",
    defaultValue: 8443,
    parse: wholeNumber(0, PORT_MAX),
  },
  directHost: {
    name: "directHost",
    text: "IPv4 address that new instances listen on for clients that call them directly, and that these are told; one of the loopback is told to programs on this machine only",
    defaultValue: DIRECT_HOST,
    parse: ownAddress,
  },
  apiHost: {
    name: "apiHost",
    text: "address the control API listens on",
    defaultValue: "127.0.0.1",
    parse: host,
  },
  apiPort: {
    name: "apiPort",
    text: "port of the control API; 0 takes a free one",
    defaultValue: 8081,
    parse: wholeNumber(0, PORT_MAX),
  },
  signatureWindow: {
    name: "signatureWindow",
    text: "seconds that the clock of a client that signs its requests may be off",
    defaultValue: 900,
    parse: wholeNumber(10, 86_400),
  },
  gatewayWorkers: {
    name: "gatewayWorkers",
    text: "gateway processes, sharing the port; one for each core by default",
    defaultValue: availableParallelism(),
    defaultText: "the number of cores",
    parse: wholeNumber(1, 256),
  },
  region: {
    name: "region",
    text: "region name that API paths and the CLI use for this installation",
    defaultValue: "local",
    parse: region,
  },
  cgroups: {
    name: "cgroups",
    text: "control groups that hold instances to their cpu and memory: auto, off, or the path of a group to make theirs in, e.g. /sluice",
    defaultValue: "auto",
    parse: cgroups,
  },
  instanceProcesses: {
    name: "instanceProcesses",
    text: "processes and threads that one instance may have, where a control group can hold it to that",
    defaultValue: 4096,
    parse: wholeNumber(16, 4_194_304),
  },
  capacityCpu: {
    name: "capacityCpu",
    text: "cores that instances may ask for in all: auto, 8 times those of the machine, or a number",
    defaultValue: null,
    defaultText: "`auto`",
    parse: autoOrAbove0,
  },
  capacityMemory: {
    name: "capacityMemory",
    text: "MB of memory that instances may ask for in all: auto, what the machine has less an eighth and at least 512, or a number",
    defaultValue: null,
    defaultText: "`auto`",
    parse: autoOrAbove0,
  },
  versionsKept: {
    name: "versionsKept",
    text: "versions of a service that are kept to go back to; the one in force and the one before are always among them",
    defaultValue: VERSIONS_KEPT,
    parse: wholeNumber(2, 100),
  },
  modelsMb: {
    name: "modelsMb",
    text: "MB of models and processor packages that are kept; what nobody uses goes first, the longest unused before others",
    defaultValue: null,
    defaultText: "80 % of the disk",
    parse: wholeNumber(1, 2 ** 40),
  },
  environmentsMb: {
    name: "environmentsMb",
    text: "MB of Python environments over which those that nobody uses go, the longest unused before others",
    defaultValue: ENVIRONMENTS_MB,
    parse: wholeNumber(1, 2 ** 40),
  },
  preparedEnvironments: {
    name: "preparedEnvironments",
    text: "folder of Python environments that another Sluice made with the same Python (its environments/): used from there, and never changed",
    defaultValue: null,
    defaultText: "none",
    parse: nonEmptyText,
  },
  accessLog: {
    name: "accessLog",
    text: "share of the requests that get a line in logs/access-<gateway>.log: off, or a number above 0 to 1",
    defaultValue: null,
    defaultText: "`off`",
    parse: accessLog,
  },
  accessLogQuery: {
    name: "accessLogQuery",
    text: "on: lines of the access log have the query of the address too, whatever is in it; off",
    defaultValue: false,
    defaultText: "`off`",
    parse: onOrOff,
  },
  fromBackup: {
    name: "fromBackup",
    text: "file of `sluice backup` that a new store begins with; does nothing when the store has something, or had",
    defaultValue: null,
    defaultText: "none",
    parse: nonEmptyText,
  },
  logLevel: {
    name: "logLevel",
    text: "least level that is logged: debug, info, warn, error",
    defaultValue: "info",
    parse: logLevel,
  },
} as const satisfies Record<string, AnySetting>;

export interface ServeSettings {
  readonly home: string;
  /** Null: in the home. Else an address of PostgreSQL, or of a file that holds one; it may have a password. */
  readonly store: string | null;
  readonly host: string;
  readonly port: number;
  /** Null: no TLS. */
  readonly tlsCert: string | null;
  readonly tlsKey: string | null;
  /** Null: as `host`. */
  readonly tlsHost: string | null;
  readonly tlsPort: number;
  readonly directHost: string;
  readonly apiHost: string;
  readonly apiPort: number;
  readonly signatureWindow: number;
  readonly gatewayWorkers: number;
  readonly region: string;
  /** `auto`, `off`, or a path. */
  readonly cgroups: string;
  readonly instanceProcesses: number;
  /** Cores and MB; null: what the machine has. */
  readonly capacityCpu: number | null;
  readonly capacityMemory: number | null;
  readonly versionsKept: number;
  /** Null: 80 % of the disk. */
  readonly modelsMb: number | null;
  readonly environmentsMb: number;
  /** Null: none. */
  readonly preparedEnvironments: string | null;
  /** Null: off. */
  readonly accessLog: number | null;
  readonly accessLogQuery: boolean;
  readonly fromBackup: string | null;
  readonly logLevel: string;
}

/** Where everything stands below the home folder. */
export interface HomeLayout {
  readonly home: string;
  readonly data: string;
  readonly database: string;
  readonly accessKey: string;
  /** Not in `data`: who has a copy of the store has no sealing key. */
  readonly sealingKey: string;
  readonly run: string;
  readonly controlFile: string;
  readonly logs: string;
  readonly models: string;
  readonly environments: string;
  readonly clientConfig: string;
  readonly settings: string;
}

/** The folders of design §6 below `home`. */
export function homeLayout(home: string): HomeLayout {
  const root = resolve(home);
  return {
    home: root,
    data: join(root, "data"),
    database: join(root, "data", "sluice.db"),
    accessKey: join(root, "data", "access-key.json"),
    sealingKey: join(root, "sealing-key.json"),
    run: join(root, "run"),
    controlFile: join(root, "run", "control.json"),
    logs: join(root, "logs"),
    models: join(root, "models"),
    environments: join(root, "environments"),
    clientConfig: join(root, "config.json"),
    settings: join(root, "sluice.json"),
  };
}
