import assert from "node:assert/strict";
import { closeSync, mkdtempSync, openSync, readFileSync, readlinkSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import type { GatewayMessage, SuccessorOrder } from "../../core/gateway-report.ts";
import type { GatewayId, ServiceName } from "../../core/names.ts";
import type { RouteTable } from "../../core/traffic/route-table.ts";
import type { GatewayLink } from "../../ports/gateways.ts";
import { ProcessGatewayFleet } from "./gateway-fleet.ts";
import { launchSuccessor } from "./successor.ts";

const FAKE_GATEWAY = join(import.meta.dirname, "fixtures", "fake-gateway.mjs");
const gateway = { id: "gateway-3" as GatewayId, host: "127.0.0.1", port: 8080, tls: null };
const never = new AbortController().signal;
let home: string;
let fleet: ProcessGatewayFleet;
const newFleet = () =>
  new ProcessGatewayFleet({
    runDir: join(home, "run"),
    logDir: join(home, "logs"),
    gatewayCommand: (folder) => [process.execPath, FAKE_GATEWAY, folder],
  });
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "sluice-run-"));
  fleet = newFleet();
});
afterEach(async () => {
  for (const { id } of await fleet.list()) await fleet.stop(id, 0, never);
  rmSync(home, { recursive: true, force: true });
});

/** A link with what came over it; `until` waits for a number of messages, or for the close. */
class Link {
  readonly messages: GatewayMessage[] = [];
  closeCount = 0;
  link!: GatewayLink;
  #wake = () => {};

  static async open(): Promise<Link> {
    const link = new Link();
    const end = performance.now() + 30_000;
    for (;;) {
      try {
        link.link = await fleet.connect(
          gateway.id,
          (message) => link.#note(() => link.messages.push(message)),
          () => link.#note(() => link.closeCount++),
        );
        return link;
      } catch (error) {
        if (performance.now() > end) throw error;
        await new Promise(setImmediate); // it does not listen yet
      }
    }
  }

  async until(isSo: () => boolean): Promise<void> {
    const bound = AbortSignal.timeout(30_000);
    bound.addEventListener("abort", () => this.#wake());
    while (!isSo()) {
      assert.ok(!bound.aborted, "not so within 10 s");
      await new Promise<void>((done) => {
        this.#wake = done;
      });
    }
  }

  #note(change: () => void): void {
    change();
    this.#wake();
  }
}

const tableOf = (number: number, act: string): RouteTable => {
  const service = {
    name: "a" as ServiceName,
    group: null,
    tokens: [act],
    instances: [],
    isBodyChecked: true,
    keepaliveMs: 1,
  };
  return { number, services: [service], groups: [] };
};

test("a gateway is launched once, listed, found by a new fleet, and stopped", async () => {
  await Promise.all([fleet.start(gateway), fleet.start(gateway)]);
  const [report, ...more] = await fleet.list();
  assert.deepEqual(more, []);
  assert.deepEqual({ ...report, pid: 0 }, { ...gateway, pid: 0, isAlive: true });
  const file = join(home, "run", "gateways", gateway.id, "gateway.json");
  assert.deepEqual(JSON.parse(readFileSync(file, "utf8")), { ...gateway, slot: 3 });
  assert.equal(statSync(join(file, "..")).mode & 0o777, 0o700);
  const next = newFleet();
  await next.start(gateway);
  assert.deepEqual(await next.list(), [report]);
  await next.stop(gateway.id, 5000, never);
  assert.deepEqual(await fleet.list(), []);
  await next.stop(gateway.id, 5000, never);
});

test("one that was killed stays listed, not alive, until it is started again", async () => {
  await fleet.start(gateway);
  const link = await Link.open();
  const [report] = await fleet.list();
  process.kill(report?.pid as number, "SIGKILL");
  await link.until(() => link.closeCount > 0);
  const end = performance.now() + 30_000;
  while ((await fleet.list())[0]?.isAlive && performance.now() < end) await new Promise(setImmediate);
  assert.deepEqual(await fleet.list(), [{ ...gateway, pid: null, isAlive: false }]);
  await fleet.start(gateway);
  assert.equal((await fleet.list())[0]?.isAlive, true);
});

test("nobody there: connecting is refused", async () => {
  await assert.rejects(
    fleet.connect(
      gateway.id,
      () => {},
      () => assert.fail("a link that never was cannot close"),
    ),
    /ENOENT/,
  );
});

test("lines in pieces and several at once come whole and in order; closing says so once", async () => {
  await fleet.start(gateway);
  const link = await Link.open();
  await link.until(() => link.messages.length === 1);
  assert.equal(link.messages[0]?.type, "hello");
  link.link.sendTable(tableOf(7, "ok"));
  await link.until(() => link.messages.length === 4);
  assert.deepEqual(link.messages[3], { type: "ack", tableNumber: 7 });
  link.link.close();
  link.link.close();
  await link.until(() => link.closeCount > 0);
  link.link.sendTable(tableOf(8, "ok"));
  assert.deepEqual([link.closeCount, link.messages.length], [1, 4]);
});

for (const act of ["garbage", "endless", "leave"]) {
  test(`a peer that does this is closed, once: ${act}`, async () => {
    await fleet.start(gateway);
    const link = await Link.open();
    await link.until(() => link.messages.length === 1);
    link.link.sendTable(tableOf(1, act));
    await link.until(() => link.closeCount > 0);
    await new Promise(setImmediate);
    assert.deepEqual([link.closeCount, link.messages.length], [1, 1], "and nothing more was taken from it");
  });
}

test("an order to start a successor names its folder and command, and counts until another start", async (t) => {
  await fleet.start(gateway);
  const link = await Link.open();
  await link.until(() => link.messages.length === 1);
  const successor = { ...gateway, id: "gateway-3b" as GatewayId };
  await link.link.startSuccessor(successor);
  // The fake one sends back what it gets of this kind.
  await link.until(() => link.messages.length === 2);
  const { order } = link.messages[1] as unknown as { order: SuccessorOrder };
  assert.equal(order.id, "gateway-3b");
  assert.deepEqual(order.command, [process.execPath, FAKE_GATEWAY, order.folder]);
  assert.equal((await fleet.list()).find((g) => g.id === successor.id)?.isAlive, false);

  const fd = openSync(join(home, "left-to-it"), "w+");
  t.after(() => closeSync(fd));
  await launchSuccessor(order, ["--more"], [fd]);
  const { pid } = (await fleet.list()).find((g) => g.id === successor.id)!;
  assert.equal(readlinkSync(`/proc/${pid}/fd/3`), join(home, "left-to-it"));
  assert.match(readFileSync(`/proc/${pid}/cmdline`, "utf8"), /--more/);
  await assert.rejects(launchSuccessor(order, [], []), /out of date/, "there is one already");

  const ended = fleet.ended(successor.id, 60_000, never);
  process.kill(pid!, "SIGKILL");
  await ended;
  await fleet.start(successor);
  await fleet.stop(successor.id, 5000, never);
  await assert.rejects(launchSuccessor(order, [], []), /out of date/, "its folder is gone");
  await link.link.startSuccessor(successor);
  await assert.rejects(launchSuccessor(order, [], []), /out of date/, "another order stands");
});
