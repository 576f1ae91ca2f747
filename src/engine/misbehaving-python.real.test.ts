/** Processors in Python that do what they should not: the instance survives or its worker is started again, and the next request is answered. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { EngineInstance, eventually } from "../testing/engine-instance.ts";

/** Each body names what is done. */
const SOURCE = `
import gc, locale, os, signal, socket, subprocess, sys, threading, time

class Broken:
    def write(self, text):
        raise RuntimeError("no output")
    def flush(self):
        raise RuntimeError("no output")

def raise_it(*_unused):
    raise TimeoutError("an alarm of its own")

def do(what):
    if what == "ok":
        return "ok"
    if what == "chdir":
        os.chdir("/")
    elif what == "umask":
        os.umask(0o777)
    elif what == "locale":
        locale.setlocale(locale.LC_ALL, "C")
        os.environ.clear()
    elif what == "switch":
        sys.setswitchinterval(5)
    elif what == "timeout":
        socket.setdefaulttimeout(0.001)
    elif what == "collect":
        gc.disable()
        gc.freeze()
    elif what == "megabytes":
        sys.stdout.write("x" * 5_000_000)
    elif what == "garbage":
        os.write(1, bytes(range(256)) * 100)
        os.write(2, b"\\xff\\xfe\\n\\0")
    elif what == "stdout":
        sys.stdout = sys.stderr = Broken()
    elif what == "none":
        sys.stdout = sys.stderr = None
        print("nowhere")
    elif what == "closed":
        sys.__stdout__.close()
        sys.__stderr__.close()
    elif what == "recursion":
        return do("recursion") + "x"
    elif what == "exit":
        sys.exit(3)
    elif what == "interrupt":
        raise KeyboardInterrupt
    elif what == "generator exit":
        raise GeneratorExit
    elif what == "bad text":
        raise BadText()
    elif what == "threads":
        for _ in range(20):
            threading.Thread(target=time.sleep, args=(100000,)).start()
    elif what == "signals":
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGPIPE, signal.SIGALRM):
            try:
                signal.signal(number, raise_it)
            except ValueError:
                pass  # not in the main thread
    elif what == "fork and return":
        if os.fork() == 0:
            return "from the child"
    elif what == "fork and stay":
        pid = os.fork()
        if pid == 0:
            time.sleep(100000)
        return str(pid)
    elif what == "subprocess":
        return subprocess.run(["true"]).returncode == 0 and "ran"
    elif what == "os._exit":
        os._exit(0)
    elif what == "abort":
        os.abort()
    elif what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif what == "terminate":
        os.kill(os.getpid(), signal.SIGTERM)
    elif what == "alarm":
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        time.sleep(1)
    elif what == "close all":
        os.closerange(3, 1000)
    elif what == "null":
        import ctypes
        ctypes.string_at(0)
    return "done"

class BadText(Exception):
    def __str__(self):
        raise RuntimeError("no text")

def process(data):
    return do(data.decode())
`;

async function started(t: TestContext): Promise<EngineInstance> {
  const instance = new EngineInstance({
    source: SOURCE,
    rpc: { workerThreads: 3, keepaliveMs: 60_000 },
    limits: { workerDeathsMax: 100 },
  });
  t.after(() => instance.dispose());
  await instance.ready();
  return instance;
}

async function isServing(instance: EngineInstance, after: string): Promise<void> {
  for (let i = 0; i < 4; i++) {
    const answer = await instance.call("ok");
    assert.equal(answer.body.toString(), "ok", `after ${after}: ${answer.status} ${answer.body}`);
  }
}

/** What is done, and what its caller sees: a status and the beginning of a text. */
const SURVIVED: readonly (readonly [string, number, string])[] = [
  ["chdir", 200, "done"],
  ["umask", 200, "done"],
  ["timeout", 200, "done"],
  ["collect", 200, "done"],
  ["megabytes", 200, "done"],
  ["garbage", 200, "done"],
  ["recursion", 400, "RecursionError: "],
  ["exit", 400, "SystemExit: 3"],
  ["interrupt", 400, "KeyboardInterrupt"],
  ["generator exit", 400, "GeneratorExit"],
  ["bad text", 400, "BadText"],
  ["subprocess", 200, "ran"],
  ["fork and return", 200, "done"],
  ["terminate", 200, "done"],
  ["signals", 200, "done"],
  ["threads", 200, "done"],
  ["locale", 200, "done"],
  ["switch", 200, "done"],
  ["stdout", 200, "done"],
  ["exit", 400, "SystemExit: 3"],
  ["none", 200, "done"],
  ["exit", 400, "SystemExit: 3"],
];

test("what harms only its own request, or nothing, leaves the worker as it is", async (t) => {
  const instance = await started(t);
  const [pid] = instance.workerPids;
  for (const [what, status, text] of SURVIVED) {
    const answer = await instance.call(what);
    assert.equal(answer.status, status, `${what}: ${answer.body}`);
    assert.ok(answer.body.toString().startsWith(text), `${what}: ${answer.body}`);
    await isServing(instance, what);
  }
  assert.ok(instance.workerPids.includes(pid!));
  assert.equal(instance.state!.workerRestarts, 0);
  await eventually("the log line", () =>
    instance.logText.includes("a process that the processor forked has returned from process"),
  );
  // Threads that never end do not hold the instance: the worker is ended after its time.
  instance.process.kill("SIGTERM");
  assert.deepEqual(await instance.exited, { code: 0, signal: null });
});

test("closed outputs", async (t) => {
  const instance = await started(t);
  assert.equal((await instance.call("closed")).status, 200);
  assert.equal((await instance.call("exit")).status, 400);
  await isServing(instance, "closed outputs");
});

test("what ends the worker is 500 to its caller, and the next request is answered by another", async (t) => {
  const instance = await started(t);
  const all = ["os._exit", "abort", "kill", "alarm", "close all", "null"];
  for (const [i, what] of all.entries()) {
    const answer = await instance.call(what);
    assert.equal(
      answer.headers["x-sluice-reason"],
      "WORKER_DIED",
      `${what}: ${answer.status} ${answer.body}`,
    );
    await isServing(instance, what);
    assert.equal(instance.state!.workerRestarts, i + 1);
  }
});

test("a process that the processor forks has nothing of the engine's connection", async (t) => {
  const instance = await started(t);
  const pid = Number((await instance.call("fork and stay")).body.toString());
  t.after(() => process.kill(pid, "SIGKILL"));
  await isServing(instance, "a fork");
  // Standard output and error, 1 and 2, are sockets, too.
  const sockets = readdirSync(`/proc/${pid}/fd`).filter(
    (fd) => Number(fd) > 2 && readlinkSync(join(`/proc/${pid}/fd`, fd)).startsWith("socket:"),
  );
  assert.deepEqual(sockets, []);
  // Neither does it hide the worker's death from the engine, nor the engine's from the worker.
  const [worker] = instance.workerPids;
  process.kill(worker!, "SIGKILL");
  await instance.until("another worker", (state) => state.workerRestarts === 1 && state.workersReady === 1);
  await isServing(instance, "the worker's death");
  const [next] = instance.workerPids;
  instance.process.kill("SIGKILL");
  await eventually("the worker to end", () => !isAlive(next!));
});

/** A process that has ended and that nobody has waited for yet does not count. */
function isAlive(pid: number): boolean {
  if (!existsSync(`/proc/${pid}/stat`)) return false;
  return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
}
