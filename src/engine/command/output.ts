import type { ChildProcess } from "node:child_process";
import type { EngineLimits } from "../limits.ts";
import { LineCutter, type LogFile } from "../log-file.ts";

/** What a program prints, on its way into the log. */
export interface Output {
  /** No more comes: a last line without its newline is written. */
  readonly end: () => void;
  /** Its last line, behind a colon; empty when there is none. It mostly says why; errors rather than what else it prints. */
  readonly lastText: () => string;
}

export function logOutput(child: ChildProcess, log: LogFile, limits: EngineLimits): Output {
  const cutters = [child.stdout, child.stderr].map((stream) => {
    const cutter = new LineCutter(log, limits);
    stream?.on("data", (chunk: Buffer) => cutter.push(chunk));
    stream?.on("error", () => {}); // "close" follows
    return cutter;
  });
  const [out, err] = [cutters[0]!, cutters[1]!];
  return {
    end: () => cutters.forEach((cutter) => void cutter.end()),
    lastText: () => {
      const line = err.lastLine || out.lastLine;
      return line === "" ? "" : `: ${line}`;
    },
  };
}
