import { anything, block, idle, integer, list, map, number, openBlock, optional, text } from "./field.ts";
import { NO_QUEUES, NO_SCALERS } from "./idle-reasons.ts";

const window = (description: string, seconds: number) =>
  block(description, {
    stabilizationWindowSeconds: optional(integer("Stabilization window in s.", { default: seconds })),
  });

/** Of a metric, the average over instances that is aimed at. */
const THRESHOLD = { exclusiveMinimum: 0 } as const;

/** `autoscaler` (eas-reference §1.8, §6.1): the file's form with `strategies`, the API's with `scaleStrategies`. */
export const autoscaler = block(
  "Scaling by load. `max` is above `min`.",
  {
    min: optional(integer("Fewest instances.", { maximum: 1000 })),
    max: optional(integer("Most instances.", { minimum: 1, maximum: 1000 })),
    strategies: optional(
      map<number>(
        "Metric and its threshold; not beside `scaleStrategies`.",
        { type: "number", ...THRESHOLD },
        { propertyNames: { type: "string", minLength: 1 } },
      ),
    ),
    scaleStrategies: optional(
      list(
        "Metrics and their thresholds, as in the API.",
        block("One of them.", {
          metricName: text("Metric.", { minLength: 1 }),
          threshold: number("Average per instance.", THRESHOLD),
          service: optional(text("The service whose metric it is, when another.")),
        }),
      ),
    ),
    behavior: optional(
      block("Pace.", {
        scaleUp: optional(window("Upwards.", 0)),
        scaleDown: optional(window("Downwards.", 300)),
        onZero: optional(
          openBlock("To and from no instance.", {
            scaleDownGracePeriodSeconds: optional(
              integer("Time without a request before the last one goes, in s.", { default: 600 }),
            ),
            scaleUpActivationReplicas: optional(
              integer("Instances started at once.", { minimum: 1, default: 1 }),
            ),
          }),
        ),
      }),
    ),
  },
  idle(NO_SCALERS),
);

/** Six fields: seconds first. What stands in them is checked by cron.ts. */
const cron = (description: string) => text(description, { minLength: 1 });

/** `cronscaler` (eas-reference §6.2; names as in the API, first letter in either case). */
export const cronscaler = openBlock(
  "Scaling by the clock.",
  {
    excludeDates: optional(list("Days without scaling, as cron.", cron("Cron with six fields."))),
    scaleJobs: optional(
      list(
        "Jobs.",
        openBlock("One job.", {
          name: optional(text("Name.")),
          schedule: cron("Cron with six fields, seconds first."),
          targetSize: integer("Number of instances.", { maximum: 1000 }),
          timeZone: optional(text("Time zone.")),
        }),
      ),
    ),
  },
  idle(NO_SCALERS),
);

/** `queue` (eas-reference §1.11): the list of its fields is not known in full. */
export const queue = openBlock(
  "Queue of an asynchronous service.",
  {
    cpu: optional(number("Cores of a queue instance.", { exclusiveMinimum: 0, default: 1 })),
    memory: optional(integer("Memory of a queue instance in MB.", { minimum: 1, default: 4000 })),
    max_delivery: optional(integer("Most deliveries of one entry.", { minimum: 1 })),
    resource: optional(text("Resource group.")),
    sink: optional(anything("Settings of the output queue.")),
    source: optional(anything("Settings of the input queue.")),
  },
  idle(NO_QUEUES),
);
