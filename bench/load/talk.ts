import type { Stage } from "../harness/stage.ts";

/** A load program of this folder at work: it says one JSON object a line. */
export interface Talk {
  /** Its next line; rejects when it ended without one. */
  next<T>(): Promise<T>;
  /** Lets it go on, or end. */
  say(line: string): void;
  /** It is over. */
  readonly ended: Promise<void>;
}

/** Starts `bench/load/<name>.ts`; it gets `options` as its one argument. */
export function startLoad(stage: Stage, script: string, options: object): Talk {
  const child = stage.startTalking(process.execPath, [script, JSON.stringify(options)]);
  const lines: string[] = [];
  let text = "";
  let isOver = false;
  let wake = () => {};
  child.stdout!.setEncoding("utf8").on("data", (part: string) => {
    const parts = (text + part).split("\n");
    text = parts.pop()!;
    lines.push(...parts);
    wake();
  });
  child.stdin!.on("error", () => {}); // it has ended
  const ended = new Promise<void>((resolve) =>
    child.once("close", () => {
      isOver = true;
      wake();
      resolve();
    }),
  );
  return {
    ended,
    async next<T>() {
      while (lines.length === 0) {
        if (isOver) throw new Error(`${script} ended without a result`);
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return JSON.parse(lines.shift()!) as T;
    },
    say: (line) => child.stdin!.write(`${line}\n`),
  };
}

/** In a load program: what it was started with. */
export function loadOptions<T>(): T {
  return JSON.parse(process.argv[2]!) as T;
}

/** In a load program: one line to who started it. */
export function tell(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}
