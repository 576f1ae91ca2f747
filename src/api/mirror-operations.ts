import Type from "typebox";
import { ALLOWED, answer, flag, name, oneOf, query, text, whole } from "./fields.ts";
import type { OperationSchema } from "./operation.ts";

const opt = Type.Optional;
const none = query({});
const accepted = answer({
  Message: text("what happens now"),
  Generation: whole("extension: the change's generation"),
});

const modes = ["status", "exact", "json", "off"] as const;
const compare = Type.Object(
  {
    Mode: oneOf([...modes], "status codes; also bodies, byte by byte; also bodies, as JSON; not at all"),
    Tolerance: opt(
      Type.Number({
        description: "json: numbers are equal when they differ by at most this part of the larger, or of 1",
      }),
    ),
    IgnorePaths: opt(
      Type.Array(Type.String(), { description: "json: what is not looked at, e.g. $.time or $.rows[*].id" }),
    ),
    Samples: opt(whole("newest differing pairs to keep; 0 unless told: they hold users' data", 0, 20)),
  },
  { additionalProperties: false, description: "extension: compare the targets' answers with the clients'" },
);
const targets = Type.Array(name("of a service"), {
  description: "services that get the copies, 1 to 4",
  minItems: 1,
  maxItems: 4,
  [ALLOWED]: "1 to 4 services",
});
const ratio = whole("percent of the requests that are copied", 0, 100);

const shown = Type.Object({
  Status: whole("HTTP status"),
  Body: text("its first 4 KiB as UTF-8"),
  IsCut: flag("there is more of it"),
});

/** What became of the copies for one target. */
export const MIRROR_COUNTS = {
  Target: text("name"),
  Sent: whole("handed to a connection"),
  Answered: whole("answered in whole, with any status"),
  Failed: whole("sent and not answered: refused, reset, no HTTP, or not in time"),
  Dropped: Type.Record(Type.String(), Type.Integer(), {
    description: "not sent, by reason: TooLarge, Unfinished, Memory, Busy, Missing",
  }),
  Compared: whole("pairs of answers compared"),
  Differing: whole("pairs that differ"),
  Uncompared: whole("pairs that could not be compared: one is missing, cut off or over 64 KiB"),
};

/** Mirroring: eas-reference §6.5 and §8.2; comparing and counting are ours. */
export const MIRROR_OPERATIONS = {
  CreateServiceMirror: {
    summary: "Send copies of a service's requests to other services; their answers go to nobody",
    tag: "Services",
    query: none,
    body: Type.Object(
      { Ratio: ratio, Target: targets, Compare: opt(compare) },
      { additionalProperties: false },
    ),
    example: { Ratio: 10, Target: ["hello_next"] },
    response: accepted,
    refusals: ["MIRROR_EXISTS"],
  },
  UpdateServiceMirror: {
    summary: "Change a mirror; what is left out stays",
    tag: "Services",
    query: none,
    body: Type.Object(
      { Ratio: opt(ratio), Target: opt(targets), Compare: opt(compare) },
      { additionalProperties: false },
    ),
    example: { Ratio: 20 },
    response: accepted,
    refusals: ["MIRROR_NOT_FOUND"],
  },
  DescribeServiceMirror: {
    summary: "Describe a mirror, and what became of its copies since the control process began",
    tag: "Services",
    query: none,
    body: null,
    response: answer({
      ServiceName: text("name"),
      Ratio: text("percent, as a text"),
      Target: text("names, parted by commas"),
      Compare: opt(compare),
      Counts: Type.Array(
        Type.Object({
          ...MIRROR_COUNTS,
        }),
        { description: "extension: by target" },
      ),
    }),
    refusals: ["MIRROR_NOT_FOUND"],
  },
  DeleteServiceMirror: {
    summary: "End a mirror",
    tag: "Services",
    query: none,
    body: null,
    response: accepted,
    refusals: ["MIRROR_NOT_FOUND"],
  },
  ListServiceMirrorDifferences: {
    summary:
      "Extension: the newest pairs of answers that differ, newest first; kept only with Compare.Samples",
    tag: "Services",
    role: "operator",
    query: none,
    body: null,
    response: answer({
      Differences: Type.Array(
        Type.Object({
          Time: text("RFC 3339, UTC"),
          Target: text("whose answer differs"),
          RequestId: text("X-Request-Id of the request"),
          Text: text("the first difference, the primary's value first"),
          Primary: shown,
          Copy: shown,
        }),
      ),
    }),
    refusals: ["MIRROR_NOT_FOUND"],
  },
} as const satisfies Record<string, OperationSchema>;
