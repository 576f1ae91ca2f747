import Type from "typebox";
import { answer, flag, notEffective, query, text, textList, whole } from "./fields.ts";
import type { OperationSchema } from "./operation.ts";

/** Spelled as EAS spells them, `CurrentReaon` too (eas-reference §8.3). */
const container = Type.Object({
  Name: text("worker: what computes in the instance, the processor or a program of your own"),
  Image: text("image of the first container of the service.json, or empty"),
  Port: whole("TCP port for direct calls; 0 while it has none"),
  Ready: flag("answers requests"),
  RestartCount: whole("starts after a crash"),
  CurrentStatus: text("Waiting, Running or Terminated"),
  CurrentReaon: text("why it is not running or not ready; empty when all is well"),
  CurrentTimestamp: text("since when, RFC 3339, UTC; empty before its first start"),
  LastStatus: text("Terminated when a run of it has ended, else empty"),
  LastReason: text("how that run ended: Error, OOMKilled, Unhealthy, Completed, StartFailed or Lost"),
  LastTimestamp: text("when that run ended, RFC 3339, UTC; or empty"),
});

/** eas-reference §8.2, what instances consist of and what they may run on. */
export const CONTAINER_OPERATIONS = {
  ListServiceContainers: {
    summary: "List what runs in an instance: here one thing, without a container around it",
    tag: "Services",
    query: query({}),
    body: null,
    response: answer({ ServiceName: text("name"), Containers: Type.Array(container) }),
  },
  DescribeMachineSpec: {
    summary: "Describe the kinds of node that this installation has, and what there is room for",
    tag: "Regions",
    query: query({
      InstanceTypes: Type.Optional(textList("only these kinds")),
      ...notEffective("ChargeType", "ResourceType"),
    }),
    body: null,
    response: answer({
      InstanceMetas: Type.Array(
        Type.Object({
          InstanceType: text(
            "the kind, by what instances may ask for in all: 16 cores and 7 GB are `node.16c7g`",
          ),
          CPU: whole("cores that instances may ask for in all (the setting capacityCpu)"),
          Memory: Type.Number({ description: "GB that instances may ask for in all (capacityMemory)" }),
          GPU: text("model of its GPUs; empty: not known, or none"),
          GPUAmount: whole("GPUs with a driver"),
          GPUMemory: Type.Number({ description: "GB of each; 0: not known" }),
          IsAvailable: flag("there is room for another instance, if only a small one"),
          StockStatus: text("WithStock or WithoutStock, by IsAvailable"),
          FreeCPU: Type.Number({ description: "extension: cores that no instance has asked for" }),
          FreeMemory: Type.Number({ description: "extension: GB that no instance has asked for" }),
          NonProtectSpotDiscount: Type.Number({ description: "0" }),
          SpotDiscount: Type.Number({ description: "0" }),
          Vendor: text("empty"),
        }),
        { description: "one: all instances run on this machine" },
      ),
      Types: Type.Array(
        Type.Object({
          CPU: whole("cores"),
          Memory: Type.Array(Type.Integer(), { description: "GB" }),
        }),
        {
          description:
            "sizes of an instance that fit an empty node, by powers of two; any between them does, too",
        },
      ),
    }),
  },
} as const satisfies Record<string, OperationSchema>;
