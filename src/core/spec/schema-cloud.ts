import { AFFINITY_NAME_MAX } from "../traffic/affinity.ts";
import {
  anything,
  block,
  countOrPercent,
  EFFECTIVE,
  flag,
  idle,
  integer,
  list,
  number,
  oneOf,
  optional,
  text,
} from "./field.ts";
import {
  NAME_ONLY,
  NO_CLOUD_LOGS,
  NO_CLOUD_NETWORK,
  NO_DEDICATED_GATEWAY,
  NO_IMAGES,
  ONE_MACHINE,
} from "./idle-reasons.ts";

const named = (reason = NAME_ONLY) => optional(anything("Only the name is known.", idle(reason)));

/** `cloud` (eas-reference §1.5). */
export const cloud = block(
  "Machines and network of a cloud.",
  {
    computing: optional(
      block(
        "Machines.",
        {
          instance_type: optional(text("Machine type.")),
          instances: optional(
            list(
              "Machine types, tried in order.",
              block("One of them.", {
                type: text("Machine type, or `dedicated_resource`.", { minLength: 1 }),
                spot_price_limit: optional(number("Highest price of a preemptible machine.")),
                capacity: optional(countOrPercent("Most instances on this type.")),
              }),
            ),
          ),
          disable_spot_protection_period: optional(
            flag("No protected first hour of a preemptible machine.", { default: false }),
          ),
        },
        idle(ONE_MACHINE),
      ),
    ),
    networking: optional(
      block(
        "Direct link to a network.",
        {
          vpc_id: optional(text("Network.")),
          vswitch_id: optional(text("Switches, parted by commas.")),
          vswitch_owner: optional(text("Owner of the switches.")),
          security_group_id: optional(text("Security group.")),
          destination_cidrs: optional(text("Address ranges reached through the link.")),
          default_route: optional(text("Default route.")),
        },
        idle(NO_CLOUD_NETWORK),
      ),
    ),
    logging: optional(
      block(
        "Collection of log files.",
        { paths: optional(list("Files.", text("Path."))), logtail_uid: named() },
        idle(NO_CLOUD_LOGS),
      ),
    ),
    container_registry: optional(
      block("Registry of images.", { instance_id: optional(text("Registry instance.")) }, idle(NO_IMAGES)),
    ),
    monitoring: optional(
      block("Monitoring.", { enable_tracing: optional(flag("Tracing.")) }, idle("requests are not traced")),
    ),
    role_chain: named("there are no cloud roles here"),
  },
  idle("this installation is one machine and in no cloud"),
);

const limit = (description: string) =>
  block(description, {
    enable: optional(flag("The limit is in force.", { ...EFFECTIVE, default: false })),
    limit: optional(
      integer("The limit, over all gateway workers; required with `enable`.", {
        ...EFFECTIVE,
        minimum: 1,
        maximum: 1_000_000,
      }),
    ),
    evaluate: optional(
      flag("Extension: what is above the limit is counted and let through.", {
        ...EFFECTIVE,
        default: false,
      }),
    ),
  });

/** Names of headers and cookies (RFC 9110 §5.6.2). */
const AFFINITY_NAME = {
  minLength: 1,
  maxLength: AFFINITY_NAME_MAX,
  pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]*$",
  "x-allowed": "1 to 64 letters, digits or !#$%&'*+.^_`|~-",
} as const;

/** Longest time a limit may allow: a day. */
const DAY_MS = 86_400_000;

/** `networking` (eas-reference §1.6). */
export const networking = block("How the service is reached.", {
  gateway: optional(
    text("Dedicated gateway.", {
      pattern: "^gw-.",
      "x-allowed": 'the id of a dedicated gateway, "gw-…"',
      ...idle(NO_DEDICATED_GATEWAY),
    }),
  ),
  gateway_policy: optional(
    block("Limits at the gateway.", {
      rate_limit: optional(limit("Requests a second; more are 429.")),
      concurrency_limit: optional(limit("Requests at once; more are 429.")),
      load_balancing: optional(
        block("Extension: which instance gets a request.", {
          policy: optional(
            oneOf(
              "`least_busy`: the fewest requests in flight; `random_two`: of two at random the less busy one; `hash`: the same for the same client.",
              ["least_busy", "random_two", "hash"],
              { ...EFFECTIVE, default: "least_busy" },
            ),
          ),
          hash_header: optional(
            text("For `hash`: header that a client is known by.", {
              ...EFFECTIVE,
              ...AFFINITY_NAME,
            }),
          ),
          hash_cookie: optional(
            text("For `hash`: cookie that a client is known by; the gateway sets it where it is missing.", {
              ...EFFECTIVE,
              ...AFFINITY_NAME,
            }),
          ),
        }),
      ),
      request_limit: optional(
        block("Extension: limits of one request.", {
          body_bytes: optional(
            integer("Largest request body, with the framing of chunks; larger is 413.", {
              ...EFFECTIVE,
              minimum: 1,
            }),
          ),
          header_bytes: optional(
            integer("Largest start line and header; larger is 431. The gateway's own limit is 32768.", {
              ...EFFECTIVE,
              minimum: 256,
              maximum: 32_768,
            }),
          ),
          idle_timeout: optional(
            integer("Longest time in ms without a byte while the body comes or the answer goes.", {
              ...EFFECTIVE,
              minimum: 1,
              maximum: DAY_MS,
            }),
          ),
          total_timeout: optional(
            integer("Longest time in ms from the header to the end of the answer, streams too.", {
              ...EFFECTIVE,
              minimum: 1,
              maximum: DAY_MS,
            }),
          ),
        }),
      ),
      body_digest: optional(
        oneOf(
          "Extension. Whether the body of a signed request (`Authorization: EAS`) is checked against its Content-MD5. `ignore` is for Java clients with `setIsCompressed(true)`: they sign the digest of other bytes than they send.",
          ["check", "ignore"],
          { ...EFFECTIVE, default: "check" },
        ),
      ),
    }),
  ),
  nlb: optional(
    list(
      "Network load balancers; `default` and ones of your own exclude each other.",
      block("One of them.", {
        id: text("Which.", {
          pattern: "^(default$|nlb-.)",
          minLength: 1,
          "x-allowed": '"default" or the id of one, "nlb-…"',
        }),
        listener_port: optional(
          integer("Port; not 8080.", { minimum: 1, maximum: 65_535, not: { enum: [8080] } }),
        ),
        netType: optional(oneOf("Reach.", ["intranet", "internet"])),
      }),
      idle(NO_CLOUD_NETWORK),
    ),
  ),
  dns: optional(
    block(
      "Name resolution.",
      { nameservers: optional(list("Servers.", text("Address."))) },
      idle("processes resolve names as their machine does"),
    ),
  ),
  path: optional(text("Path prefix.", idle("a service is called at /api/predict/ and its name"))),
  enable_https: optional(flag("HTTPS.", idle(NO_DEDICATED_GATEWAY))),
  enable_http2: optional(flag("HTTP/2.", idle("the gateway always takes HTTP/2 beside HTTP/1.1"))),
  disable_internet_endpoint: optional(flag("No public address.", idle(NO_DEDICATED_GATEWAY))),
  use_host_network: optional(
    flag("The network of the machine.", idle("processes always use the network of their machine")),
  ),
  nacos: named(NO_CLOUD_NETWORK),
  port_exposure: named(NO_CLOUD_NETWORK),
  restriction_model: named(),
  restriction_rules: named(),
});
