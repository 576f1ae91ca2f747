import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { InstanceId } from "../core/names.ts";
import type { Address, InstanceRoute } from "../core/traffic/route-table.ts";
import { IdCounts } from "./id-counts.ts";
import { eachId, InstanceList } from "./instance-list.ts";
import { finish } from "./slices.ts";

const text = fc.string({ minLength: 1 }).filter((t) => !t.includes("\0"));
const address: fc.Arbitrary<Address> = fc.oneof(
  text.map((path) => ({ kind: "unix", path }) as const),
  fc
    .tuple(text, fc.integer({ min: 1, max: 65535 }))
    .map(([host, port]) => ({ kind: "tcp", host, port }) as const),
);
const direct: fc.Arbitrary<Partial<InstanceRoute>> = fc.oneof(
  fc.constant({}),
  fc.integer({ min: 1, max: 65535 }).map((directPort) => ({ directPort })),
  fc
    .tuple(fc.integer({ min: 1, max: 65535 }), fc.ipV4())
    .map(([directPort, directHost]) => ({ directPort, directHost })),
);
const instances: fc.Arbitrary<InstanceRoute[]> = fc.uniqueArray(
  fc.tuple(text, address, direct).map(([id, at, more]) => ({ id: id as InstanceId, address: at, ...more })),
  { selector: ({ id }) => id },
);

test("property: a list gives back what it was made of, whole or in two parts", () => {
  fc.assert(
    fc.property(instances, fc.nat(20), text, (routes, at, other) => {
      const list = InstanceList.of(routes);
      assert.deepEqual(list.routes, routes);
      assert.equal(list.count, routes.length);
      const parts = InstanceList.of(routes.slice(0, at)).and(InstanceList.of(routes.slice(at)));
      assert.ok(parts.equals(list) && list.equals(parts));
      assert.deepEqual(parts.routes, routes);
      const seen: InstanceId[] = [];
      finish(eachId(list, (id) => seen.push(id)));
      assert.deepEqual(
        seen,
        routes.map(({ id }) => id),
      );
      for (const { id } of routes) assert.ok(list.has(id));
      assert.equal(
        list.has(other),
        routes.some(({ id }) => id === other),
      );
      if (routes.length > 0) assert.ok(!list.equals(InstanceList.of(routes.slice(1))));
    }),
  );
});

test("property: counts of ids never say fewer than there are, and nothing when all are gone", () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom("a", "b", "c", "costarring", "liquid"), { maxLength: 20 }),
      (ids) => {
        const counts = new IdCounts();
        for (const id of ids) counts.add(id);
        assert.equal(counts.total, ids.length);
        for (const id of ids) assert.ok(counts.of(id) >= ids.filter((i) => i === id).length);
        for (const id of ids) counts.delete(id);
        assert.equal(counts.total, 0);
        assert.ok(ids.every((id) => counts.of(id) === 0));
      },
    ),
  );
});
