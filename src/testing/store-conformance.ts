import assert from "node:assert/strict";
import { test } from "node:test";
import type { GroupName, InstanceId, ServiceName } from "../core/names.ts";
import type {
  Change,
  GroupRecord,
  NewEvent,
  ServiceRecord,
  ServiceStatus,
  ServiceVersion,
} from "../core/service.ts";
import type { EventQuery, Store } from "../ports/store.ts";
import { testAccessConformance } from "./access-conformance.ts";

/** A service record as a store meets it. */
export function serviceRecord(name: string, facts: Partial<ServiceRecord> = {}): ServiceRecord {
  return {
    name: name as ServiceName,
    id: `eas-m-${name}`,
    group: null,
    generation: 1,
    desired: "running",
    document: { name, metadata: { instance: 2, note: "ü\u0000\u2028" } },
    token: "dG9rZW4",
    tokenNumber: 1,
    tokenAddedAtMs: 1,
    olderTokens: [],
    version: 1,
    latestVersion: 1,
    epoch: 0,
    retiredSlots: [3],
    trafficState: "grouping",
    weight: null,
    createdAtMs: 1_790_000_000_000,
    updatedAtMs: 1_790_000_000_001,
    ...facts,
  };
}

const versionOf = (name: string, version: number): ServiceVersion => ({
  service: name as ServiceName,
  version,
  document: { name, version },
  createdAtMs: version,
  message: `version ${version}`,
});

const groupRecord = (name: string): GroupRecord => ({
  name: name as GroupName,
  token: "Z3JvdXA",
  tokenNumber: 1,
  tokenAddedAtMs: 1,
  olderTokens: [],
  mode: "auto",
  labels: { team: "a b" },
  isExplicit: true,
  createdAtMs: 1,
  updatedAtMs: 2,
});

const statusOf = (observedGeneration: number, message = ""): ServiceStatus => ({
  observedGeneration,
  phase: "Running",
  reason: "RUNNING",
  message,
  progress: ["Downloading http file [43%]"],
  instances: [],
  serving: ["a-v1-0" as InstanceId],
});

const eventOf = (name: string, atMs: number, facts: Partial<NewEvent> = {}): NewEvent => ({
  service: name as ServiceName,
  atMs,
  type: "Normal",
  reason: "Creating",
  resource: "Service",
  instance: null,
  message: `at ${atMs}`,
  ...facts,
});

const put = (record: ServiceRecord): Change => ({ kind: "put-service", record });
const [a, b] = ["a" as ServiceName, "b" as ServiceName];
const everything = (service: ServiceName): EventQuery => ({
  service,
  fromMs: 0,
  toMs: 2 ** 45,
  offset: 0,
  limit: 5000,
});

async function commit(store: Store, ...changes: Change[]): Promise<void> {
  const { revision } = await store.readDesired();
  assert.equal(await store.commit(revision, changes), "committed");
}

/** Registers the tests that every Store passes. `open` gives an empty one each time; the suite closes it. */
export function testStoreConformance(name: string, open: () => Promise<Store>): void {
  const check = (title: string, run: (store: Store) => Promise<void>) =>
    test(`${name}: ${title}`, async () => {
      const store = await open();
      try {
        await run(store);
      } finally {
        await store.close();
      }
    });

  check("an empty store has nothing", async (store) => {
    const { state } = await store.readDesired();
    assert.deepEqual([state.services.size, state.groups.size, state.versions.size], [0, 0, 0]);
    assert.equal(state.accessKeys.size, 0);
    assert.deepEqual(await store.listAudit({ fromMs: 0, toMs: 2 ** 45, offset: 0, limit: 9 }), {
      entries: [],
      total: 0,
    });
    assert.equal(await store.getStatus(a), null);
    assert.equal((await store.listStatuses()).size, 0);
    assert.equal(await store.getNumber("table"), 0);
    assert.deepEqual(await store.listEvents(everything(a)), { events: [], total: 0 });
  });

  check("what was committed is read back as it was", async (store) => {
    const record = serviceRecord("a", { group: "g" as GroupName, weight: 27, trafficState: "blue-green" });
    const changes: Change[] = [
      { kind: "put-version", version: versionOf("a", 2) },
      { kind: "put-version", version: versionOf("a", 1) },
      put(record),
      { kind: "put-group", record: groupRecord("g") },
    ];
    await commit(store, ...changes);
    const { state } = await store.readDesired();
    assert.deepEqual([...state.services], [["a", record]]);
    assert.deepEqual([...state.groups], [["g", groupRecord("g")]]);
    assert.deepEqual(state.versions.get(a), [versionOf("a", 1), versionOf("a", 2)], "ascending");
    await commit(store, put({ ...record, generation: 2 }), {
      kind: "remove-version",
      service: a,
      version: 1,
    });
    const next = (await store.readDesired()).state;
    assert.equal(next.services.get(a)?.generation, 2);
    assert.deepEqual(next.versions.get(a), [versionOf("a", 2)], "putting a service again keeps its versions");
    assert.equal(state.services.get(a)?.generation, 1, "a state once read does not change");
  });

  check("a commit on an old revision is a conflict and changes nothing", async (store) => {
    const { revision } = await store.readDesired();
    assert.equal(await store.commit(revision, [put(serviceRecord("a"))]), "committed");
    const event: Change = { kind: "add-event", event: eventOf("b", 1) };
    assert.equal(await store.commit(revision, [put(serviceRecord("b")), event]), "conflict");
    const now = await store.readDesired();
    assert.notEqual(now.revision, revision);
    assert.deepEqual([...now.state.services.keys()], ["a"]);
    assert.equal((await store.listEvents(everything(b))).total, 0);
    assert.equal(await store.commit(now.revision, []), "committed");
  });

  check("of many commits on one revision, one wins", async (store) => {
    const { revision } = await store.readDesired();
    const tries = ["a", "b", "c", "d"].map((n) => store.commit(revision, [put(serviceRecord(n))]));
    const results = await Promise.all(tries);
    assert.equal(results.filter((r) => r === "committed").length, 1);
    assert.equal((await store.readDesired()).state.services.size, 1);
  });

  check("an event keeps what it was decided from", async (store) => {
    const facts = { from: "Running", to: null, version: 2, generation: 3, wantedCount: 2, servingCount: 1 };
    const events = [eventOf("a", 6, { facts }), eventOf("a", 5)];
    await store.addEvents(events.toReversed());
    assert.deepEqual((await store.listEvents(everything(a))).events, events);
  });

  check("removing a service takes its status and versions, and leaves its events", async (store) => {
    await commit(store, put(serviceRecord("a")), { kind: "put-version", version: versionOf("a", 1) });
    await commit(store, put(serviceRecord("b")), { kind: "put-version", version: versionOf("b", 1) });
    await store.putStatus(a, statusOf(7));
    await store.putStatus(b, statusOf(1));
    await store.addEvents([eventOf("a", 5)]);
    await commit(store, { kind: "remove-service", name: a });
    const { state } = await store.readDesired();
    assert.deepEqual([...state.services.keys()], ["b"]);
    assert.equal(state.versions.get(a)?.length ?? 0, 0);
    assert.equal(state.versions.get(b)?.length, 1);
    assert.equal(await store.getStatus(a), null);
    assert.deepEqual([...(await store.listStatuses()).keys()], ["b"]);
    assert.equal((await store.listEvents(everything(a))).total, 1);
    assert.equal(await store.putStatus(a, statusOf(8)), "stale", "a late word about a service that is gone");
    await commit(store, put(serviceRecord("a")));
    assert.equal(await store.putStatus(a, statusOf(1)), "stored", "a new one of that name starts anew");
  });

  check("removing what is not there is done", async (store) => {
    await commit(
      store,
      { kind: "remove-service", name: a },
      { kind: "remove-version", service: a, version: 1 },
      { kind: "remove-group", name: "g" as GroupName },
    );
    await commit(store, { kind: "put-group", record: groupRecord("g") });
    await commit(store, { kind: "remove-group", name: "g" as GroupName });
    assert.equal((await store.readDesired()).state.groups.size, 0);
  });

  check("a status never goes back to an earlier generation, and needs its service", async (store) => {
    assert.equal(await store.putStatus(a, statusOf(1)), "stale");
    assert.equal(await store.getStatus(a), null);
    await commit(store, put(serviceRecord("a")));
    const before = (await store.readDesired()).revision;
    assert.equal(await store.putStatus(a, statusOf(2, "two")), "stored");
    assert.equal(await store.putStatus(a, statusOf(1, "one")), "stale");
    assert.deepEqual(await store.getStatus(a), statusOf(2, "two"));
    assert.equal(await store.putStatus(a, statusOf(2, "again")), "stored");
    assert.equal((await store.getStatus(a))?.message, "again");
    assert.equal((await store.readDesired()).revision, before, "what is so does not move what is wanted");
  });

  check("events come newest first, by filter and page", async (store) => {
    const instance = "a-v1-0" as InstanceId;
    await store.addEvents([eventOf("a", 10), eventOf("a", 20, { type: "Warning" }), eventOf("b", 15)]);
    const third: Change = { kind: "add-event", event: eventOf("a", 30, { instance, resource: "Instance" }) };
    await commit(store, third);
    const times = async (query: Partial<EventQuery>) => {
      const { events, total } = await store.listEvents({ ...everything(a), ...query });
      return [events.map((e) => e.atMs), total];
    };
    assert.deepEqual(await times({}), [[30, 20, 10], 3]);
    assert.deepEqual(await times({ offset: 1, limit: 1 }), [[20], 3]);
    assert.deepEqual(await times({ offset: 9 }), [[], 3]);
    assert.deepEqual(await times({ fromMs: 10, toMs: 20 }), [[20, 10], 2], "both ends count");
    assert.deepEqual(await times({ type: "Warning" }), [[20], 1]);
    assert.deepEqual(await times({ instance }), [[30], 1]);
    const { events } = await store.listEvents({ ...everything(a), instance });
    assert.deepEqual(events, [eventOf("a", 30, { instance, resource: "Instance" })], "all its fields");
  });

  check("the newest 1000 events of each service are kept", async (store) => {
    await store.addEvents([eventOf("b", 1)]);
    await store.addEvents(Array.from({ length: 1203 }, (_, i) => eventOf("a", i)));
    const { events, total } = await store.listEvents(everything(a));
    assert.deepEqual([total, events[0]?.atMs, events.at(-1)?.atMs], [1000, 1202, 203]);
    assert.equal((await store.listEvents(everything(b))).total, 1);
  });

  testAccessConformance(check);

  check("numbers are kept by key", async (store) => {
    await store.putNumber("table", 41);
    await store.putNumber("table", Number.MAX_SAFE_INTEGER);
    await store.putNumber("other", 1);
    assert.equal(await store.getNumber("table"), Number.MAX_SAFE_INTEGER);
  });

  check("a store may be closed twice", (store) => store.close());
}
