import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, test } from "node:test";
import { runDemo } from "./demo.ts";
import { readHeldOut } from "./held-out.ts";
import type { DemoApi } from "./service.ts";

const exampleDir = join(import.meta.dirname, "../../../examples/pmml-canary");
const held = readHeldOut(readFileSync(join(exampleDir, "held-out.jsonl"), "utf8"));

interface FakeService {
  readonly name: string;
  readonly group: string;
  readonly model: string;
  readonly instances: number;
  trafficState: string;
  weight: number | null;
  /** Of the smooth weighted round-robin. */
  current: number;
}

/** How the fake Sluice misbehaves. */
interface Faults {
  /** Added to every probability of the canary. */
  readonly skew?: number;
  /** Everything goes to the first member. */
  readonly isSplitIgnored?: boolean;
  readonly failingService?: string;
}

/** A Sluice in one object: the operations that the demo calls, and a gateway that shares by exact weights. */
async function fakeSluice(faults: Faults) {
  const services = new Map<string, FakeService>();
  const members = (group: string) => [...services.values()].filter((service) => service.group === group);
  const weightOf = (service: FakeService) =>
    service.trafficState === "standalone" ? 0 : (service.weight ?? service.instances);
  const percentOf = (service: FakeService) => {
    const whole = members(service.group).reduce((sum, member) => sum + weightOf(member), 0);
    return Math.round((100 * weightOf(service)) / whole);
  };

  // biome-ignore lint/suspicious/noExplicitAny: one function plays every operation
  const operations: Record<string, (input: any) => unknown> = {
    ListGatewayWorkers: () => ({ Gateways: [{ IsListening: true }] }),
    CreateService: ({ body }) => {
      services.set(body.name, {
        name: body.name,
        group: body.metadata.group,
        model: /(model\d)\.pmml$/.exec(body.model_path)?.[1] ?? "",
        instances: body.metadata.instance,
        trafficState: body.metadata.traffic_state,
        weight: null,
        current: 0,
      });
      return { Region: "local" };
    },
    DescribeService: ({ path }) => {
      const service = services.get(path.ServiceName);
      assert.ok(service);
      return {
        ServiceName: service.name,
        Status: faults.failingService === service.name ? "Failed" : "Running",
        Message: faults.failingService === service.name ? "no such file: model2.pmml" : "",
        Generation: 1,
        ObservedGeneration: 1,
        TotalInstance: service.instances,
        RunningInstance: service.instances,
        PendingInstance: 0,
        Weight: percentOf(service),
        AccessToken: `token of ${service.name}`,
      };
    },
    DescribeGroup: ({ path }) => ({ AccessToken: `token of ${path.GroupName}` }),
    ReleaseService: ({ path, body }) => {
      const service = services.get(path.ServiceName);
      assert.ok(service);
      if (body.TrafficState) service.trafficState = body.TrafficState;
      else
        for (const member of members(service.group))
          member.weight = member === service ? body.Weight : 100 - body.Weight;
      return {};
    },
  };

  const pick = (group: string): FakeService => {
    const able = members(group).filter((member) => weightOf(member) > 0);
    for (const member of able) member.current += weightOf(member);
    const best = able.reduce((a, b) => (b.current > a.current ? b : a));
    best.current -= able.reduce((sum, member) => sum + weightOf(member), 0);
    return faults.isSplitIgnored ? able[0]! : best;
  };

  const gateway = createServer(async (incoming, outgoing) => {
    const address = incoming.url!.replace("/api/predict/", "");
    const [group, name] = address.split(".");
    const service = name === undefined ? pick(group!) : services.get(name)!;
    assert.equal(incoming.headers.authorization, `token of ${name ?? group}`);
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const expected = held.find((row) => row.body === body)!.expected[service.model]!;
    const skew = service.model === "model2" ? (faults.skew ?? 0) : 0;
    if (name === undefined) outgoing.setHeader("x-sluice-service", service.name);
    outgoing.end(JSON.stringify([{ ...expected, probability_1: expected.probability_1 + skew }]));
  });
  gateway.listen(0, "127.0.0.1");
  await once(gateway, "listening");
  const { port } = gateway.address() as AddressInfo;
  const call = async (name: string, input: unknown) => operations[name]!(input);
  return { api: { call } as unknown as DemoApi, gateway, gatewayUrl: `http://127.0.0.1:${port}` };
}

async function play(faults: Faults, more: { signal?: AbortSignal; onWrite?: (text: string) => void } = {}) {
  const sluice = await fakeSluice(faults);
  after(() => sluice.gateway.close());
  let text = "";
  const write = (part: string) => {
    text += part;
    more.onWrite?.(part);
  };
  const code = await runDemo({
    api: sluice.api,
    gatewayUrl: sluice.gatewayUrl,
    exampleDir,
    command: "sluice",
    io: { write, isTerminal: false },
    exitWhenDone: more.signal === undefined,
    signal: more.signal ?? new AbortController().signal,
    requestCount: 300,
    settleMsMax: 50,
  });
  return { code, text, gatewayUrl: sluice.gatewayUrl };
}

test("shows 80/20, 73/27, 50/50 and 100/0, checks every answer, and ends with 0", async () => {
  const { code, text } = await play({});
  assert.equal(code, 0, text);
  for (const split of ["80/20", "73/27", "50/50", "100/0"])
    assert.match(text, new RegExp(`The shares are ${split}`));
  assert.match(text, /pmml_prod +240 +80\.00 %/);
  assert.match(text, /pmml_grey +81 +27\.00 %/);
  assert.match(text, /All 143 answers are scikit-learn's to 1e-9; the largest difference is 0\.0e\+0/);
  assert.match(text, /Every share and every answer was right/);
});

test("one answer that is not scikit-learn's makes it end with 1", async () => {
  const { code, text } = await play({ skew: 1e-6 });
  assert.equal(code, 1);
  assert.match(text, /\[ERROR\] 60 of 300 answers were wrong, the first: \[\{/);
  assert.doesNotMatch(text, /was right/);
});

test("a split that is not in force makes it end with 1 and says what is off", async () => {
  const { code, text } = await play({ isSplitIgnored: true });
  assert.equal(code, 1);
  assert.match(text, /\[ERROR\] pmml_grey answered 0 of 300 requests; 20 % are 60 ± 1/);
  assert.match(text, /Not as promised:/);
});

test("a service that fails ends it with 1 and the service's own message", async () => {
  const { code, text } = await play({ failingService: "pmml_grey" });
  assert.equal(code, 1);
  assert.match(text, /\[ERROR\] The demo failed: service pmml_grey failed: no such file: model2\.pmml/);
});

test("without EXIT it prints addresses with tokens to try, and stays up until the signal", async () => {
  const stop = new AbortController();
  const { code, text, gatewayUrl } = await play(
    {},
    { signal: stop.signal, onWrite: (part) => part.includes("Ctrl-C stops") && stop.abort() },
  );
  assert.equal(code, 0);
  assert.ok(
    text.includes(`curl -i ${gatewayUrl}/api/predict/pmml -H 'Authorization: token of pmml' -d @`),
    text,
  );
  assert.ok(
    text.includes(`${gatewayUrl}/api/predict/pmml2.pmml_grey2 -H 'Authorization: token of pmml_grey2'`),
  );
});

test("Ctrl-C in the middle ends it with 1", async () => {
  const stop = new AbortController();
  const { code, text } = await play(
    {},
    { signal: stop.signal, onWrite: (part) => part.includes("80/20") && stop.abort() },
  );
  assert.equal(code, 1);
  assert.match(text, /The demo failed: stopped before the end/);
});
