import { join } from "node:path";
import type { InstanceId, ServiceName } from "../../src/core/names.ts";
import type { RouteTable } from "../../src/core/traffic/route-table.ts";
import type { EngineInstance } from "../../src/testing/engine-instance.ts";
import { GatewayWorkers } from "../harness/gateway-workers.ts";
import type { Outcome, Row, Verdict } from "../harness/outcome.ts";
import { Stage } from "../harness/stage.ts";
import { median, ratios } from "../harness/statistics.ts";
import { measureByWrk, type Turn } from "../harness/wrk.ts";
import { proportionalKib } from "./memory.ts";
import {
  AUTHORIZATION,
  ask,
  bare,
  bento,
  engineInstance,
  MODELS,
  type ModelName,
  mlserver,
  requestOf,
  type ServedSide,
} from "./peers.ts";

/** Each side is warmed up so long, once: connections are made, code is compiled. */
const WARM_S = 2;
const CONNECTIONS = [1, 8, 64];
const OURS = "/api/predict/svc/v2/models/svc/infer";

export interface SpeedOptions {
  readonly rounds: number;
  readonly seconds: number;
}

/** Requests a second, percentiles and CPU a request of one model on every side, in turns. */
export async function speed(model: ModelName, options: SpeedOptions): Promise<Outcome> {
  const stage = new Stage();
  const engine = engineInstance(model);
  try {
    const sides = [...(await ours(stage, engine)), ...(await peers(stage, model))];
    for (const side of sides) await ask(side, model);
    const memory = new Map(sides.map((side) => [side.name, proportionalKib(side.pids()) / 1024]));
    const headers = { "Content-Type": "application/json", Authorization: AUTHORIZATION };
    const request = { method: "POST", headers, body: requestOf(model) } as const;
    const warm = { request, connections: 8, seconds: WARM_S, prefix: "" };
    for (const side of sides)
      await measureByWrk(stage, side, { ...warm, request: { ...request, path: side.path } });
    const rows: Row[] = [];
    const verdicts: Verdict[] = [];
    const raw: object[] = [];
    for (const connections of CONNECTIONS) {
      const turns = new Map(sides.map((side) => [side, [] as Turn[]]));
      const measure = async (side: ServedSide, seconds: number) => {
        const load = { request: { ...request, path: side.path }, connections, seconds, prefix: "" };
        turns.get(side)!.push(await measureByWrk(stage, side, load));
      };
      for (let round = 0; round < options.rounds; round++)
        for (let i = 0; i < sides.length; i++)
          await measure(sides[(round + i) % sides.length]!, options.seconds);
      const rates = (of: ServedSide) => turns.get(of)!.map((turn) => turn.requestsPerS);
      const [first] = sides;
      for (const side of sides) {
        const found = turns.get(side)!;
        rows.push({
          connections,
          ...rowOf(side, found),
          "Sluice to it": ratioText(rates(first!), rates(side)),
        });
        raw.push({ connections, side: side.name, turns: found });
        if (side.name.startsWith("Sluice")) continue;
        const least = side.name.startsWith("MLServer") ? 2 : 1;
        const ratio = median(ratios(rates(first!), rates(side)));
        const bar = `${connections} connections: requests/s at least ${least}× ${side.name}`;
        verdicts.push({ bar, found: ratio.toFixed(2), isMet: ratio >= least });
      }
    }
    const held = sides.map((side) => ({ side: side.name, "MB (PSS)": memory.get(side.name)!.toFixed(0) }));
    return {
      suite: model,
      tables: [
        { title: `${model}: ${MODELS[model].of}; one row a request, Open Inference Protocol in JSON`, rows },
        { title: "Memory before the load", rows: held },
      ],
      verdicts,
      raw,
    };
  } finally {
    stage.end();
    await engine.dispose();
  }
}

function rowOf({ name }: ServedSide, turns: readonly Turn[]): Row {
  const middle = (pick: (turn: Turn) => number, digits = 0) => median(turns.map(pick)).toFixed(digits);
  return {
    side: name,
    "requests/s": middle((t) => t.requestsPerS),
    "p50 µs": middle((t) => t.p50Us),
    "p99 µs": middle((t) => t.p99Us),
    "CPU µs a request": middle((t) => t.cpuUs),
  };
}

const ratioText = (ours: readonly number[], its: readonly number[]) =>
  `${median(ratios(ours, its)).toFixed(2)}×`;

/** The engine called directly, and through a gateway worker. */
async function ours(stage: Stage, engine: EngineInstance): Promise<ServedSide[]> {
  const { port } = await engine.ready();
  const pids = () => [engine.process.pid!, ...engine.workerPids];
  const path = join(engine.dir, "data.sock");
  const table: RouteTable = {
    number: 1,
    groups: [],
    workerCount: 1,
    services: [
      {
        name: "svc" as ServiceName,
        group: null,
        tokens: [AUTHORIZATION],
        keepaliveMs: 5000,
        isBodyChecked: true,
        instances: [{ id: "svc-v1-0" as InstanceId, address: { kind: "unix", path } }],
      },
    ],
  };
  const gateway = await GatewayWorkers.start(stage, "gateway", table);
  return [
    { name: "Sluice, the instance", port: port!, path: OURS, pids },
    {
      name: "Sluice, gateway and instance",
      port: gateway.port,
      path: OURS,
      pids: () => [...gateway.pids(), ...pids()],
    },
  ];
}

const peers = async (stage: Stage, model: ModelName) => [
  await mlserver(stage, model, 0),
  await mlserver(stage, model, 1),
  await bare(stage, model),
  await bento(stage, model),
];
