/** Several worker processes of one instance: loaded once where that can be shared, each served, each restarted alone, all drained. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { EngineInstance, eventually, type InstanceOptions } from "../testing/engine-instance.ts";

/** Answers its pid and how often the file was loaded before it; `die` and `sleep` do what they say. */
const SOURCE = `
import os, time
THREADED = False
loaded_by = os.getpid()
if THREADED:
    import threading
    threading.Thread(target=time.sleep, args=(10000,), daemon=True).start()

def process(data):
    if data == b"die":
        os.kill(os.getpid(), 11)
    if data.startswith(b"sleep"):
        open("busy", "w").close()
        time.sleep(float(data[5:]))
    return {"pid": os.getpid(), "loadedBy": loaded_by}
`;

async function started(t: TestContext, options: InstanceOptions): Promise<EngineInstance> {
  const instance = new EngineInstance({ source: SOURCE, ...options });
  t.after(() => instance.dispose());
  await instance.ready();
  return instance;
}

const RPC = { workerProcesses: 3, workerThreads: 1 };
const alive = (pid: number) => existsSync(`/proc/${pid}`);

interface Facts {
  readonly pid: number;
  readonly loadedBy: number;
}

/** What `count` requests at once say. */
async function askAll(instance: EngineInstance, count: number): Promise<Facts[]> {
  const answers = await Promise.all(Array.from({ length: count }, () => instance.call("sleep0.3")));
  return answers.map(({ status, body }) => {
    assert.equal(status, 200, body.toString());
    return JSON.parse(body.toString()) as Facts;
  });
}

/** Asks until as many processes have answered as there are. */
async function processes(instance: EngineInstance, count: number): Promise<Map<number, number>> {
  const found = new Map<number, number>();
  await eventually(`${count} processes`, async () => {
    for (const { pid, loadedBy } of await askAll(instance, count)) found.set(pid, loadedBy);
    return found.size >= count;
  });
  return found;
}

test("a processor without threads is loaded once; its processes share it, and each is started again alone", async (t) => {
  const instance = await started(t, { rpc: RPC });
  const { workersReady, workersTotal } = instance.state!;
  assert.deepEqual({ workersReady, workersTotal }, { workersReady: 3, workersTotal: 3 });
  const before = await processes(instance, 3);
  const loaders = new Set(before.values());
  assert.equal(loaders.size, 1);
  const [loader] = loaders;
  assert.ok(!before.has(loader!), "the process that loaded serves nothing");
  assert.deepEqual(instance.workerPids, [loader]);
  const dead = await instance.call("die");
  assert.equal(dead.headers["x-sluice-reason"], "WORKER_DIED");
  await instance.until("all ready again", (state) => state.workerRestarts === 1 && state.workersReady === 3);
  assert.match(instance.logText, /the processor worker was ended by SIGSEGV/);
  const after = await processes(instance, 3);
  assert.equal([...after.keys()].filter((pid) => before.has(pid)).length, 2);
  assert.deepEqual(new Set(after.values()), loaders);
  // Without the one that they share, all start again.
  process.kill(loader!, "SIGKILL");
  await instance.until("all ready again", (state) => state.workerRestarts === 4 && state.workersReady === 3);
  const anew = await processes(instance, 3);
  assert.ok(![...anew.values()].includes(loader!));
  await eventually("the old ones to be gone", () => [...after.keys()].every((pid) => !alive(pid)));
});

test("a processor that has started threads is loaded by each process; one that dies is started again alone", async (t) => {
  const source = SOURCE.replace("THREADED = False", "THREADED = True");
  const instance = await started(t, { source, rpc: RPC });
  assert.match(
    instance.logText,
    /has started threads while loading, so each worker process loads it for itself/,
  );
  const before = await processes(instance, 3);
  for (const [pid, loadedBy] of before) assert.equal(pid, loadedBy);
  assert.deepEqual(instance.workerPids.toSorted(), [...before.keys()].toSorted());
  await instance.call("die");
  await instance.until("all ready again", (state) => state.workerRestarts === 1 && state.workersReady === 3);
  const after = await processes(instance, 3);
  assert.equal([...after.keys()].filter((pid) => before.has(pid)).length, 2);
});

test("worker_processes of the constructor counts where the service says nothing; each worker is warmed up", async (t) => {
  const source = `
import allspark, os
class Mine(allspark.BaseProcessor):
    warm = 0
    def process(self, data):
        if data == b"warm":
            self.warm += 1
        return "%d %d" % (os.getpid(), self.warm)
if __name__ == "__main__":
    Mine(worker_threads=1, worker_processes=2).run()
`;
  const instance = await started(t, { source, warmUp: "warm\n" });
  assert.equal(instance.state!.workersTotal, 2);
  const pids = new Set<string>();
  await eventually("two processes", async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => instance.call("x")));
    for (const { body } of answers) {
      const [pid, warm] = body.toString().split(" ");
      assert.equal(warm, "1");
      pids.add(pid!);
    }
    return pids.size === 2;
  });
});

test("SIGTERM drains all of them: what is in flight is answered, then every process is gone", async (t) => {
  const instance = await started(t, { rpc: RPC });
  const pids = [...(await processes(instance, 3)).keys(), ...instance.workerPids];
  const busy = join(instance.folder, "app", "busy");
  rmSync(busy);
  const call = instance.call("sleep1");
  await eventually("a request to be at work", () => existsSync(busy));
  instance.process.kill("SIGTERM");
  assert.equal((await call).status, 200);
  assert.deepEqual(await instance.exited, { code: 0, signal: null });
  await eventually("all to be gone", () => pids.every((pid) => !alive(pid)));
});

test("when the engine is killed, all of its processes end", async (t) => {
  const instance = await started(t, { rpc: RPC });
  const pids = [...(await processes(instance, 3)).keys(), ...instance.workerPids];
  instance.process.kill("SIGKILL");
  await eventually("all to be gone", () => pids.every((pid) => !alive(pid)));
});

test("a processor that cannot be loaded fails the instance once, with its own words", async (t) => {
  const instance = new EngineInstance({ source: "raise OSError('no weights')\n", rpc: RPC });
  t.after(() => instance.dispose());
  await instance.until("failed", (state) => state.phase === "failed");
  assert.match(instance.exit!.message, /^OSError: no weights \(app\.py:1\)$/);
});

test("a processor in another language is loaded by each process; they share the requests, and one that dies is started again alone", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "sluice-processes-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const app = `const own = globalThis.process;
export async function process(body) {
  if (body.toString() === "die") own.kill(own.pid, "SIGKILL");
  await new Promise((done) => setTimeout(done, 300));
  return { pid: own.pid, loadedBy: own.pid };
}
`;
  writeFileSync(join(dir, "app.mjs"), app);
  const processor = { kind: "custom", language: "node", dir, entry: "app.mjs" } as const;
  const instance = await started(t, { processor, rpc: RPC });
  const before = [...(await processes(instance, 3)).keys()];
  assert.deepEqual(before.toSorted(), instance.workerPids.toSorted());
  assert.equal((await instance.call("die")).headers["x-sluice-reason"], "WORKER_DIED");
  await instance.until("all ready again", (state) => state.workerRestarts === 1 && state.workersReady === 3);
  const after = [...(await processes(instance, 3)).keys()];
  assert.equal(after.filter((pid) => before.includes(pid)).length, 2);
});
