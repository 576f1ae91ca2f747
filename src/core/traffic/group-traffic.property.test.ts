import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import type { ServiceName } from "../names.ts";
import { allocate } from "./allocate.ts";
import {
  type GroupTraffic,
  isBlueGreen,
  isWeightless,
  join,
  leave,
  toAuto,
  toCustomized,
  WEIGHT_MAX,
  withPercent,
  withState,
  withWeight,
} from "./group-traffic.ts";

const step = fc.record({
  verb: fc.constantFrom("join", "leave", "state", "weight", "auto", "customized"),
  which: fc.nat(4),
  number: fc.integer({ min: 0, max: WEIGHT_MAX }),
  trafficState: fc.constantFrom("grouping" as const, "standalone" as const),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** What the commands do, refusals left out. */
function apply(group: GroupTraffic, { verb, which, number, trafficState }: Step): GroupTraffic {
  const name = `m${which}` as ServiceName;
  const isMember = group.members.some((m) => m.name === name);
  if (verb === "join") return isMember ? group : join(group, { name, trafficState, instanceCount: number });
  if (verb === "auto") return toAuto(group);
  if (verb === "customized") return toCustomized(group);
  if (!isMember) return group;
  if (verb === "leave") return leave(group, name);
  if (verb === "state") return isBlueGreen(group) ? group : withState(group, name, trafficState);
  const after =
    group.members.length === 2 ? withPercent(group, name, number % 101) : withWeight(group, name, number);
  return isWeightless(after) ? group : after;
}

test("whatever is asked of a group, its traffic stays lawful", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      let group: GroupTraffic = { mode: "auto", members: [] };
      for (const s of steps) {
        group = apply(group, s);
        const { members, mode } = group;
        for (const m of members) {
          assert.equal(m.weight === null, mode === "auto");
          assert.ok(
            m.weight === null || (Number.isInteger(m.weight) && m.weight >= 0 && m.weight <= WEIGHT_MAX),
          );
        }
        if (members.length === 1) assert.notEqual(members[0]!.trafficState, "standalone");
        if (isBlueGreen(group)) {
          assert.equal(members.length, 2);
          assert.equal(members[0]!.weight! + members[1]!.weight!, 100);
        }
        // Some member that takes part gets something, if any takes part and has instances.
        const shares = allocate(
          members.map((m) => ({ ...m, readyCount: 1, weight: m.weight ?? 0 })),
          mode,
        );
        const takesPart = members.some((m) => m.trafficState !== "standalone");
        assert.equal(shares.length > 0, takesPart);
      }
    }),
  );
});
