import { instanceCountOf } from "../change/decision.ts";
import type { ExplainInput } from "./explain-input.ts";
import { counted, type Finding } from "./finding.ts";

/** What of a service's traffic is not as one might expect: of its group, of its gateways, of its limits. */
export function explainTraffic(input: ExplainInput): Finding[] {
  return [...ofReadiness(input), ...ofGroup(input), ...ofGateways(input), ...ofLimits(input)].map((told) => ({
    ...told,
    instance: null,
  }));
}

type Told = Omit<Finding, "instance">;

/** Nobody is ready: who answers in its place. */
function ofReadiness({ record, status, group }: ExplainInput): Told[] {
  if (record.desired !== "running" || status.serving.length > 0) return [];
  const others = (group?.members ?? []).filter((m) => m.name !== record.name && m.percent > 0);
  const shares = others.map((m) => `${m.name} (${m.percent}%)`).join(", ");
  const ofGroup =
    group === null
      ? []
      : [
          others.length > 0
            ? `The group ${group.record.name} goes on: its requests go to ${shares}.`
            : `Requests to the group ${group.record.name} get 503, too: no member can serve.`,
        ];
  return [
    {
      kind: "NoReadyInstance",
      severity: instanceCountOf(record.document) === 0 ? "info" : isOnItsWay(status) ? "waiting" : "trouble",
      text: "No instance serves: requests to the service's own address get 503.",
      causes: ofGroup,
      advices: [],
    },
  ];
}

/** All of it comes up for the first time, and nothing is in its way. */
function isOnItsWay({ instances, reason }: ExplainInput["status"]): boolean {
  const isNew = instances.every(
    (i) => i.readySinceMs === null && i.failuresInARow === 0 && i.reason !== "NoRoom",
  );
  return isNew && reason !== "FETCH_FAILED";
}

function ofGroup({ record, group, status }: ExplainInput): Told[] {
  if (group === null || record.desired !== "running") return [];
  const own = group.members.find((m) => m.name === record.name);
  const release = `sluice release ${record.name}`;
  if (record.trafficState === "standalone") {
    return [
      {
        kind: "Standalone",
        severity: "info",
        text: `It is standalone: it gets nothing of the traffic of group ${group.record.name}, only requests to its own address.`,
        causes: ["Its traffic state is standalone (metadata.traffic_state, or release -s)."],
        advices: [`To let it take part: ${release} -s grouping.`],
      },
    ];
  }
  if (record.weight === 0) {
    return [
      {
        kind: "WeightZero",
        severity: "info",
        text: `Its weight is 0: it gets nothing of the traffic of group ${group.record.name}, only requests to its own address.`,
        causes: ["The weight was set by release -w, here or of the other one of the pair."],
        advices: [`To give it a share: ${release} -w <n>.`],
      },
    ];
  }
  if (status.serving.length === 0 || own === undefined) return [];
  const by = group.record.mode === "auto" ? "by the number of instances that serve" : "by weights";
  const all = group.members.filter((m) => m.percent > 0).map((m) => `${m.name} ${m.percent}%`);
  return [
    {
      kind: "Share",
      severity: "info",
      text: `It gets ${own.percent}% of the traffic of group ${group.record.name}.`,
      causes: [`Shares are ${by}: ${all.join(", ")}.`],
      advices: [],
    },
  ];
}

function ofGateways({ gateways }: ExplainInput): Told[] {
  const refusing = gateways.flatMap((g): Told[] =>
    g.refusal === null
      ? []
      : [
          {
            kind: "TableRefused",
            severity: "trouble",
            text: `Gateway ${g.id} has refused the route table ${g.refusal.tableNumber}: it serves by the one before, and instances that only that one names cannot end.`,
            causes: [`Its reason: ${g.refusal.reason}.`],
            advices: ["Replace the gateways: sluice gateways restart."],
          },
        ],
  );
  if (gateways.some((g) => g.isListening)) return refusing;
  return [
    ...refusing,
    {
      kind: "NoGateway",
      severity: "trouble",
      text: "No gateway listens: no request can come in.",
      causes: [
        gateways.length === 0
          ? "None is there yet."
          : `${counted(gateways.length, "gateway")} came up and has no table yet.`,
      ],
      advices: [
        "They are started by themselves; if this lasts, read the gateways' logs in the home of Sluice.",
      ],
    },
  ];
}

function ofLimits({ limits }: ExplainInput): Told[] {
  return Object.entries(limits)
    .filter(([, count]) => count > 0)
    .map(([limit, count]) => ({
      kind: "LimitMet",
      severity: "trouble",
      text: `The limit ${limit} has answered ${counted(count, "request")} in the last minute.`,
      causes: ["These requests reached no instance."],
      advices: ["If they should have: raise the limit in networking.gateway_policy, or add instances."],
    }));
}
