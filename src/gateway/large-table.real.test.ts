import assert from "node:assert/strict";
import { test } from "node:test";
import {
  GROUP_TOKEN,
  groupRoute,
  serviceRoute,
  startRig,
  TOKEN,
  until,
} from "../../test/harness/gateway-rig.ts";
import { RawClient } from "../../test/harness/raw-client.ts";
import { RawUpstream } from "../../test/harness/raw-upstream.ts";
import { changeCommands, tableCommands } from "../core/table-commands.ts";
import { routeChange } from "../core/traffic/route-change.ts";
import type { RouteTable, ServiceRoute } from "../core/traffic/route-table.ts";

const SERVICES = 2000;
const INSTANCES_EACH = 10;
const VERSIONS = 5;
/** Requests to the group between two tables, at least. */
const BETWEEN = 20;

/** Services that get no requests, all of them with other instances in each version. */
const crowd = (version: number): ServiceRoute[] =>
  Array.from({ length: SERVICES }, (_, i) => {
    const paths = Array.from(
      { length: INSTANCES_EACH },
      (_, k) => `/run/instances/s${i}-v${version}-${k}/data.sock`,
    );
    return serviceRoute(
      `s${i}`,
      paths.map((path) => ({ kind: "unix", path }) as const),
    );
  });

async function answers(text: string): Promise<RawUpstream> {
  const framed = `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
  const upstream = new RawUpstream((_, socket) => socket.write(framed));
  await upstream.listen();
  return upstream;
}

test("tables of 20,000 instances that come under load: no request fails, none goes astray, the split stays exact", async (t) => {
  const rig = await startRig({ reportMs: 1000 });
  const upstreams = await Promise.all(["even", "odd", "a", "b"].map(answers));
  t.after(async () => {
    await rig.close();
    for (const upstream of upstreams) await upstream.close();
  });
  const [even, odd, a, b] = upstreams.map((u) => u.address()) as [never, never, never, never];
  const tableOf = (number: number): RouteTable => ({
    number,
    services: [
      ...crowd(number),
      serviceRoute("mover", [number % 2 === 0 ? even : odd]),
      serviceRoute("a", [a], { group: "g" as never }),
      serviceRoute("b", [b], { group: "g" as never }),
    ],
    groups: [groupRoute("g", { a: 80, b: 20 })],
  });
  let table = tableOf(1);
  await rig.put(table);

  let [sent, acked] = [1, 1];
  let isOver = false;
  const members: Record<string, number> = {};
  const sum = () => (members.a ?? 0) + (members.b ?? 0);
  const ask = async (client: RawClient, name: string, token: string) => {
    const before = client.answers.length;
    client.send(`GET /api/predict/${name} HTTP/1.1\r\nHost: h\r\nAuthorization: ${token}\r\n\r\n`);
    await until(() => client.answers.length > before || client.isClosed, `an answer of ${name}`);
    const answer = client.answers[before]!;
    assert.equal(answer?.status, 200, `${name}: ${answer?.fields["x-sluice-reason"]}`);
    return answer;
  };
  const askGroup = async (client: RawClient) => {
    const member = String((await ask(client, "g", GROUP_TOKEN)).body);
    members[member] = (members[member] ?? 0) + 1;
  };
  const load = Array.from({ length: 6 }, async () => {
    const client = new RawClient(rig.port());
    while (!isOver) {
      const from = acked;
      const at = String((await ask(client, "mover", TOKEN)).body);
      // Of a table that was in force, or came into force, while the request was on its way.
      const possible: string[] = Array.from({ length: sent - from + 1 }, (_, i) =>
        (from + i) % 2 === 0 ? "even" : "odd",
      );
      assert.ok(possible.includes(at), `${at} at tables ${from} to ${sent}`);
      await askGroup(client);
    }
    client.close();
  });
  const swaps = async () => {
    for (let number = 2; number <= VERSIONS; number++) {
      const next = tableOf(number);
      const commands = number % 3 === 0 ? changeCommands(routeChange(table, next)) : tableCommands(next);
      assert.ok(commands.length > 100);
      table = next;
      sent = number;
      for (const command of commands) rig.say(command);
      const isAnswered = () => rig.messages.some((m) => m.type === "ack" && m.tableNumber === number);
      await until(isAnswered, `table ${number} in force`, 60_000);
      acked = number;
      const enough = sum() + BETWEEN;
      await until(() => sum() >= enough, "more requests", 60_000);
    }
    isOver = true;
  };
  await Promise.all([swaps(), ...load]);

  const last = new RawClient(rig.port());
  while (sum() % 5 !== 0) await askGroup(last);
  last.close();
  assert.deepEqual(members, { a: sum() * 0.8, b: sum() * 0.2 });
  assert.ok(sum() > 50, `${sum()} requests`);
  assert.ok(!rig.messages.some((m) => m.type === "nack"));
});

test("a table in parts that is bad is refused whole and with its reason, and so is one without an end", async (t) => {
  const rig = await startRig();
  t.after(() => rig.close());
  await rig.put({ number: 1, services: crowd(1).slice(0, 300), groups: [] });
  const bad = [...crowd(2).slice(0, 300), serviceRoute("s7", [])];
  for (const command of tableCommands({ number: 2, services: bad, groups: [] })) rig.say(command);
  await until(() => rig.last("nack") !== undefined, "the refusal");
  assert.deepEqual(rig.last("nack"), {
    type: "nack",
    tableNumber: 2,
    reason: "services[300].name: s7 is used twice",
  });
  const good = tableCommands({ number: 3, services: crowd(3).slice(0, 300), groups: [] });
  for (const command of good.slice(0, -1)) rig.say(command);
  await rig.put({ number: 4, services: crowd(4).slice(0, 1), groups: [] });
  assert.deepEqual(rig.last("nack"), {
    type: "nack",
    tableNumber: 3,
    reason: "another one came before its end",
  });
  rig.say(good.at(-1));
  await rig.put({ number: 5, services: [], groups: [] });
  const told = rig.messages.flatMap((m) =>
    m.type === "ack" || m.type === "nack" ? [`${m.type} ${m.tableNumber}`] : [],
  );
  assert.deepEqual(told, ["ack 1", "nack 2", "nack 3", "ack 4", "ack 5"]);
});
