/** A worker for processors in TypeScript and JavaScript; started by the engine with SLUICE_WORKER_SOCKET set. */

import { failureText, isOutOfMemory } from "./failures.ts";
import { FRAME, PROTOCOL } from "./frames.ts";
import { Link } from "./link.ts";
import { loadProcessor, Refusal } from "./loading.ts";
import { Serving } from "./serving.ts";

/** What this worker needs of the INIT frame. */
interface Init {
  readonly protocol: number;
  readonly processor: { readonly dir: string; readonly entry: string };
  readonly model: {
    readonly path: string | null;
    readonly entry: string | null;
    readonly config: string | null;
  };
  readonly limits: { readonly memoryMb: number };
  readonly rpc: { readonly batching?: unknown };
  readonly features?: readonly string[];
}

/** Texts shown while it loads are cut to this. */
const PROGRESS_CHARS_MAX = 500;

let serving: Serving | null = null;
let hasFailed = false;
/** The user's own code ends the process otherwise. */
let isExitOurs = false;
let folder: string | null = null;

const path = process.env.SLUICE_WORKER_SOCKET;
if (path === undefined) {
  console.error("SLUICE_WORKER_SOCKET is not set: this program is started by the engine");
  process.exit(2);
}
// Only the engine ends this process: a signal to the whole process group must not cut short what is in flight.
process.on("SIGTERM", () => {});
process.on("SIGINT", () => {});

const link = new Link(path, takeFrame, gone);

function takeFrame(type: number, id: number, buf: Buffer, from: number, to: number, isKept: boolean): void {
  if (serving !== null) serving.take(type, id, buf, from, to, isKept);
  else if (type === FRAME.INIT) void start(JSON.parse(buf.toString("utf8", from, to)));
  else if (type === FRAME.SHUTDOWN) leave(0);
  else throw new Error(`the engine sent a frame of type 0x${type.toString(16)} before it may`);
}

async function start(init: Init): Promise<void> {
  if (init.protocol !== PROTOCOL) throw new Error(`the engine speaks protocol ${init.protocol}`);
  const { processor, model, limits, rpc } = init;
  folder = processor.dir;
  const progress = (text: string) => {
    if (serving === null) link.tell(FRAME.PROGRESS, 0, String(text).slice(0, PROGRESS_CHARS_MAX));
  };
  const { path, entry, config } = model;
  try {
    const { functions, importMs } = await loadProcessor(processor.dir, processor.entry, {
      path,
      entry: entry ?? path,
      config,
      progress,
    });
    const { processBatch } = functions;
    const outOfMemory = `the processor ran out of memory for this request; metadata.memory is ${limits.memoryMb} MB`;
    serving = new Serving(link, functions, outOfMemory, () => leave(0));
    const ready = {
      pid: process.pid,
      runtime: `node ${process.versions.node}`,
      ...(processBatch === null || rpc.batching === undefined ? {} : { batch: true }),
      stages: [{ name: "import", ms: importMs }],
      features: init.features?.includes("deadline") ? ["deadline"] : [],
    };
    link.tell(FRAME.READY, 0, JSON.stringify(ready));
  } catch (error) {
    failStart(error, limits.memoryMb);
  }
}

function failStart(error: unknown, memoryMb: number | null): void {
  if (hasFailed) return;
  hasFailed = true;
  let message = error instanceof Refusal ? error.message : failureText(error, folder);
  if (isOutOfMemory(error) && memoryMb !== null) {
    message = `the processor ran out of memory while loading; metadata.memory is ${memoryMb} MB`;
  }
  console.error(error instanceof Refusal ? message : error);
  link.tell(FRAME.FAILED, 0, JSON.stringify({ message }));
  leave(1);
}

/** Without its engine nobody waits for anything. */
function gone(): void {
  isExitOurs = true;
  process.exit(0);
}

/** Ends this process when what was told has been sent. */
function leave(code: number): void {
  link.finish(() => {
    isExitOurs = true;
    process.exit(code);
  });
}

// Also for promises that nobody waits for: Node turns a rejection of such a one into this. What else is in flight cannot be trusted
// any more, as with any exception that passed through code that did not expect it.
process.on("uncaughtException", (error) => {
  if (serving === null) return failStart(error, null);
  console.error(error);
  console.error(`the processor failed outside of a request: ${failureText(error, folder)}`);
  link.flush();
  isExitOurs = true;
  process.exit(1);
});

process.on("exit", (code) => {
  if (!isExitOurs) console.error(`the processor ended the worker by process.exit(${code})`);
});
