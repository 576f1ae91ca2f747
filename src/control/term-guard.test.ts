import assert from "node:assert/strict";
import { test } from "node:test";
import type { GatewayId, InstanceId } from "../core/names.ts";
import type { GatewayFleet, GatewayLaunch, GatewayLink } from "../ports/gateways.ts";
import type { RuntimeDriver } from "../ports/runtime.ts";
import { guardedGateways, guardedRuntime } from "./term-guard.ts";

/** Something whose every method notes that it was called. */
function noting<T>(calls: string[], answers: Record<string, unknown> = {}): T {
  return new Proxy({} as object, {
    get: (_, name: string) =>
      name === "kind" || name === "then" // a promise of it is no promise of another
        ? undefined
        : (...given: unknown[]) => {
            calls.push(name);
            return answers[name] ?? given;
          },
  }) as T;
}

const [id, gateway, signal] = ["i" as InstanceId, "g" as GatewayId, new AbortController().signal];
const refused = { code: "NOT_LEADER" };

test("what starts, stops or changes a process is refused once the term is over; looking is not", async () => {
  let mayAct = true;
  const [calls, linkCalls]: [string[], string[]] = [[], []];
  const link = noting<GatewayLink>(linkCalls);
  const term = { mayAct: () => mayAct };
  const runtime = guardedRuntime(noting<RuntimeDriver>(calls), term);
  const fleet = guardedGateways(noting<GatewayFleet>(calls, { connect: link }), term);
  const acts = [
    () => runtime.start({} as never, signal),
    () => runtime.stop(id, 1, signal),
    () => runtime.setAccess(id, {} as never, signal),
    () => fleet.start({} as GatewayLaunch),
    () => fleet.stop(gateway, 1, signal),
  ];
  const guarded = await fleet.connect(
    gateway,
    () => {},
    () => {},
  );
  for (const act of acts) await act();
  await guarded.startSuccessor({} as GatewayLaunch);
  guarded.sendDrain();
  assert.deepEqual(calls, ["connect", "start", "stop", "setAccess", "start", "stop"]);
  assert.deepEqual(linkCalls, ["startSuccessor", "sendDrain"]);

  mayAct = false;
  for (const act of acts) await assert.rejects(async () => act(), refused);
  await assert.rejects(guarded.startSuccessor({} as GatewayLaunch), refused);
  assert.throws(() => guarded.sendDrain(), refused);
  assert.equal(calls.length, 6);
  assert.equal(linkCalls.length, 2);

  await runtime.list();
  await runtime.work();
  runtime.hints(signal);
  runtime.logs(id, {} as never, signal);
  await fleet.list();
  await fleet.ended(gateway, 1, signal);
  guarded.close();
  assert.deepEqual(calls.slice(6), ["list", "work", "hints", "logs", "list", "ended"]);
});
