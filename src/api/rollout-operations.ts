import Type from "typebox";
import { answer, flag, formed, oneOf, query, text, whole } from "./fields.ts";
import type { OperationSchema } from "./operation.ts";

const opt = Type.Optional;
const none = query({});
const accepted = answer({
  Message: text("what happens now"),
  Generation: whole("extension: the change's generation"),
});

const PART = "a number of instances, or a part from 0% to 100%";
const partition = Type.Object(
  {
    Partition: formed(
      "^(\\d{1,4}|(100|\\d{1,2})%)$",
      PART,
      "instances that stay at the version before: a number, or a part such as 50%",
    ),
  },
  { additionalProperties: false },
);
const batch = Type.Object(
  {
    BatchSize: formed(
      "^([1-9]\\d{0,3}|(100|[1-9]\\d?)%)$",
      `${PART}, above 0`,
      "instances of one batch: a number, or a part such as 10%",
    ),
    Interval: opt(
      formed(
        "^(\\d{1,9}|(\\d{1,9}(ms|s|m|h))+)$",
        "a time such as 5m, 90s or 1h30m, at most a week (168h)",
        "between batches, such as 5m, 90s or 1h30m; 0s unless told",
      ),
    ),
  },
  { additionalProperties: false },
);
const rule = {
  Partition: opt(partition),
  Batch: opt(batch),
  Paused: opt(flag("what is begun is finished, and nothing more is begun")),
};

/** Rollout of a service's updates: eas-reference §6.4 and §8.2. */
export const ROLLOUT_OPERATIONS = {
  CreateServiceRollout: {
    summary: "Set how far and how fast updates go; what is left out holds nothing back",
    tag: "Services",
    query: none,
    body: Type.Object(rule, { additionalProperties: false }),
    example: { Batch: { BatchSize: "50%", Interval: "10s" } },
    response: accepted,
  },
  UpdateServiceRollout: {
    summary: "Change how far and how fast updates go, pause or go on; what is left out stays",
    tag: "Services",
    query: none,
    body: Type.Object(rule, { additionalProperties: false }),
    example: { Paused: false },
    response: accepted,
  },
  DescribeServiceRollout: {
    summary: "Describe how far the update of a service has come",
    tag: "Services",
    query: none,
    body: null,
    response: answer({
      Rollout: Type.Object({
        Status: Type.Object({
          Phase: oneOf(["Pending", "Running", "Paused", "Completed", "Failed"], "where the update is"),
          TotalReplicas: whole("instances asked for"),
          UpdatedReplicas: whole("of these, ready ones of the version in force"),
          CurrentRevision: text("version before the update; the one in force when none goes on"),
          UpdateRevision: text("version in force"),
          NextBatchStartTime: text("UTC, e.g. 2026/05/08 16:10:56; empty when no batch waits for its time"),
          Message: text("extension: the same for people"),
        }),
        Strategy: Type.Object({
          Partition: opt(partition),
          Batch: opt(batch),
          Paused: opt(flag("extension: as it was asked for")),
        }),
      }),
    }),
  },
  DeleteServiceRollout: {
    summary: "Hold nothing back any more; an update that goes on comes to its end",
    tag: "Services",
    query: none,
    body: null,
    response: accepted,
  },
} as const satisfies Record<string, OperationSchema>;
