import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { ReadRequest } from "../../src/testing/http1-oracle.ts";
import { type GatewayRig, serviceRoute, startRig, TOKEN, until } from "../harness/gateway-rig.ts";
import { type Answer, RawClient } from "../harness/raw-client.ts";
import { type BackEnd, startHaproxy, startJava, startNginx, startNode, startPython } from "./back-ends.ts";
import { type Form, smugglingForms } from "./corpus.ts";

/** Longest wait for one answer. */
const PATIENCE_MS = 10_000;

let rig: GatewayRig;
let backEnds: BackEnd[];
let markers = 0;

before(async () => {
  rig = await startRig();
  const started = await Promise.allSettled([
    startNode(),
    startPython(),
    startJava(),
    startNginx(),
    startHaproxy(),
  ]);
  backEnds = started.flatMap((s) => (s.status === "fulfilled" ? [s.value] : []));
  for (const s of started) if (s.status === "rejected") throw s.reason;
  const services = backEnds.map((b) =>
    serviceRoute(b.name, [{ kind: "tcp", host: "127.0.0.1", port: b.port }]),
  );
  await rig.put({ number: 1, services, groups: [] });
});
after(async () => {
  await rig.close();
  await Promise.all(backEnds.map((b) => b.close()));
});

const said = ({ method, target, body }: ReadRequest) => `${method} ${target} ${body}`;
const finals = (client: RawClient): Answer[] => client.answers.filter((a) => a.status >= 200);

/** How the bytes reach the gateway: whole, in two, or in small pieces. */
const CUTS: Record<string, (bytes: Buffer) => Buffer[]> = {
  whole: (bytes) => [bytes],
  "in two": (bytes) => {
    const middle = Math.max(1, bytes.indexOf("\r\n\r\n") + 3);
    return [bytes.subarray(0, middle), bytes.subarray(middle)];
  },
  "in pieces": (bytes) => {
    const size = Math.max(7, Math.ceil(bytes.length / 60));
    return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
      bytes.subarray(i * size, (i + 1) * size),
    );
  },
};

async function send(client: RawClient, pieces: readonly Buffer[]): Promise<void> {
  for (const piece of pieces) {
    if (client.isClosed) return;
    client.send(piece);
    if (pieces.length > 1) await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A request that nobody else sends. */
function marker(backEnd: BackEnd): { path: string; bytes: Buffer } {
  const path = `/marker-${markers++}`;
  const text = `GET /api/predict/${backEnd.name}${path} HTTP/1.1\r\nHost: h\r\nAuthorization: ${TOKEN}\r\n\r\n`;
  return { path, bytes: Buffer.from(text) };
}

/** The marker's answer is the marker's, and the back end saw `expected` and the marker, and nothing else. */
async function checkMarker(
  client: RawClient,
  index: number,
  path: string,
  backEnd: BackEnd,
  expected: readonly string[],
) {
  await until(() => finals(client).length > index || client.isClosed, `the answer to ${path}`, PATIENCE_MS);
  const answer = finals(client)[index];
  assert.ok(answer !== undefined, `no answer to ${path}`);
  assert.deepEqual([answer.status, answer.body.toString("latin1")], [200, path], "the marker's own answer");
  await until(
    () => backEnd.seen.some((r) => r.target === path),
    `${backEnd.name} to tell of ${path}`,
    PATIENCE_MS,
  );
  assert.deepEqual(
    backEnd.seen.splice(0).map(said),
    [...expected, `GET ${path} `],
    `what ${backEnd.name} saw`,
  );
}

async function checkPassed(form: Form, expected: readonly string[], backEnd: BackEnd, pieces: Buffer[]) {
  const client = new RawClient(rig.port());
  const next = new RawClient(rig.port());
  try {
    const { path, bytes } = marker(backEnd);
    await send(client, pieces);
    await send(client, [bytes]);
    if (form.isLast) {
      await until(() => client.isClosed, "the connection to be closed", PATIENCE_MS);
      await send(next, [bytes]);
      await checkMarker(next, 0, path, backEnd, expected);
    } else await checkMarker(client, expected.length, path, backEnd, expected);
    for (const [i, text] of expected.entries()) {
      const { status, body } = finals(client)[i]!;
      assert.deepEqual([status, body.toString("latin1")], [200, text.split(" ")[1]], `answer ${i}`);
    }
    assert.equal(finals(client).length, expected.length + (form.isLast ? 0 : 1), form.name);
    return "same";
  } finally {
    client.close();
    next.close();
  }
}

/** The back end refuses what the gateway passes on: an error, perhaps before all was sent, and the next client is not concerned. */
async function checkRefusedBehind(backEnd: BackEnd, pieces: Buffer[]) {
  const client = new RawClient(rig.port());
  const next = new RawClient(rig.port());
  try {
    const { path, bytes } = marker(backEnd);
    await send(client, pieces);
    await until(() => finals(client).length > 0, `the error of ${backEnd.name}`, PATIENCE_MS);
    const statuses = finals(client).map((a) => a.status);
    assert.ok(statuses.length === 1 && statuses[0]! >= 400, `answers ${statuses}`);
    await send(next, [bytes]);
    await checkMarker(next, 0, path, backEnd, []);
    return "refuses";
  } finally {
    client.close();
    next.close();
  }
}

async function checkRefused(form: Form, status: number, backEnd: BackEnd, pieces: Buffer[]) {
  const client = new RawClient(rig.port());
  const next = new RawClient(rig.port());
  const before = form.before ?? [];
  try {
    const { path, bytes } = marker(backEnd);
    await send(client, pieces);
    // Would be read as more of the body, or of the head, by whoever still reads.
    if (!client.isClosed) await send(client, [bytes]);
    await until(() => client.isClosed, "the connection to be closed", PATIENCE_MS);
    const answers = finals(client);
    assert.equal(answers.length, before.length + 1, `answers ${answers.map((a) => a.status)}`);
    const last = answers.at(-1)!;
    // A back end that breaks off at the same bytes may be faster than the rest of them.
    const isRefused = last.status === status || (last.status === 502 && pieces.length > 1);
    assert.ok(isRefused, `refused with ${last.status}`);
    assert.ok(last.fields["x-sluice-reason"] !== undefined, "it is the gateway's own answer");
    await send(next, [bytes]);
    await checkMarker(next, 0, path, backEnd, before);
    return String(status);
  } finally {
    client.close();
    next.close();
  }
}

/** Runs one form against one back end, cut in every way. */
async function check(form: Form, backEnd: BackEnd): Promise<string> {
  const { outcome } = form;
  const isRefusedBehind = form.refusedBy?.includes(backEnd.name) ?? false;
  let cell = "";
  for (const [how, cut] of Object.entries(CUTS)) {
    const pieces = cut(Buffer.from(form.bytes, "latin1"));
    try {
      cell = await (typeof outcome === "number"
        ? checkRefused(form, outcome, backEnd, pieces)
        : isRefusedBehind
          ? checkRefusedBehind(backEnd, pieces)
          : checkPassed(form, outcome, backEnd, pieces));
    } catch (error) {
      throw new Error(`${form.name}, ${backEnd.name}, ${how}: ${(error as Error).message}`, { cause: error });
    }
  }
  return cell;
}

test("smuggling: a form is refused, or every back end reads it as the gateway does; nothing is out of step after it", async () => {
  const wrong: string[] = [];
  const columns = await Promise.all(
    backEnds.map(async (backEnd) => {
      const aim = { address: `/api/predict/${backEnd.name}`, token: `Authorization: ${TOKEN}\r\n` };
      const column: [string, string][] = [];
      for (const form of smugglingForms(aim)) {
        const cell = await check(form, backEnd).catch((error: Error) => {
          wrong.push(error.message);
          // What is left of it must not be taken for the next form's.
          backEnd.seen.length = 0;
          return "WRONG";
        });
        column.push([form.name, cell]);
      }
      return column;
    }),
  );
  const names = columns[0]!.map(([name]) => name);
  const width = Math.max(...names.map((name) => name.length));
  const row = (name: string, cells: readonly string[]) =>
    `${name.padEnd(width)}  ${cells.map((c) => c.padEnd(8)).join("")}`.trimEnd();
  const title = row(
    `${names.length} forms`,
    backEnds.map((b) => b.name),
  );
  const rows = names.map((name, i) =>
    row(
      name,
      columns.map((column) => column[i]![1]),
    ),
  );
  console.log([title, ...rows].join("\n"));
  assert.deepEqual(wrong, []);
  assert.equal(new Set(names).size, names.length, "each form has a name of its own");
  assert.ok(names.length >= 150, `${names.length} forms`);
});
