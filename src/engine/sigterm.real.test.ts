/** What the user's own code sees when its instance ends (eas-reference §1.3, rpc.enable_sigterm). */
import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { EngineInstance, eventually } from "../testing/engine-instance.ts";

/** Notes the signal, and each request it takes. */
const SOURCE = `
import os, signal, time

def note(name):
    with open(os.environ["NOTES"], "a") as notes:
        notes.write(name + "\\n")

def initialize(model_entry, model_config):
    signal.signal(signal.SIGTERM, lambda number, frame: note("signal"))

def process(data):
    note("taken")
    time.sleep(0.3)
    note("answered")
    return data
`;

for (const isSigtermSent of [true, false]) {
  test(`told to end, it answers what it has; then SIGTERM is ${isSigtermSent ? "" : "not "}sent to the processor`, async (t) => {
    // Given before the folder is made: the engine passes its environment on.
    const notes = join(process.env.TMPDIR ?? "/tmp", `sluice-notes-${process.pid}-${isSigtermSent}`);
    const instance = new EngineInstance({
      source: SOURCE,
      env: { NOTES: notes },
      ...(isSigtermSent ? { isSigtermSent } : {}),
    });
    t.after(() => instance.dispose());
    t.after(() => rmSync(notes, { force: true }));
    const read = () => (existsSync(notes) ? readFileSync(notes, "utf8") : "");
    await instance.ready();
    const answer = instance.call("x");
    await eventually("the request to be taken", () => read().includes("taken"));
    instance.process.kill("SIGTERM");
    assert.equal((await answer).status, 200);
    assert.equal((await instance.exited).code, 0);
    assert.equal(read(), `taken\nanswered\n${isSigtermSent ? "signal\n" : ""}`);
  });
}
