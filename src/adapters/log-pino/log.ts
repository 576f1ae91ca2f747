import { chmodSync, closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { destination as openDestination, pino, stdTimeFunctions } from "pino";
import type { Log } from "../../ports/log.ts";

export interface JsonLogOptions {
  /** Least level that is written: `debug`, `info`, `warn` or `error`. */
  readonly level: string;
  /** A file, added to and readable by its owner only; null: standard output. */
  readonly destination: string | null;
}

/** Names of facts that hold secrets. Nobody should log them; this is the second line. */
const SECRETS = [
  "token",
  "tokens",
  "key",
  "secret",
  "accessKey",
  "password",
  "authorization",
  "Authorization",
];
/** Facts are shallow; secrets may also stand one or two levels down, e.g. in a header or a record. */
const SECRET_PATHS = SECRETS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);

/**
 * One JSON object a line: `level`, `time` (RFC 3339, UTC), `pid`, the facts, `msg`. Written at once, so that the last
 * line before a crash is there; a disk error drops lines and never stops serving.
 */
export function jsonLog({ level, destination }: JsonLogOptions): Log {
  if (destination !== null) {
    mkdirSync(dirname(destination), { recursive: true, mode: 0o700 });
    closeSync(openSync(destination, "a", 0o600));
    chmodSync(destination, 0o600);
  }
  const stream = openDestination({ dest: destination ?? 1, sync: true });
  stream.on("error", () => {});
  const logger = pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: SECRET_PATHS, censor: "***" },
      serializers: { error: pino.stdSerializers.err },
    },
    stream,
  );
  return {
    debug: (facts, text) => logger.debug(facts, text),
    info: (facts, text) => logger.info(facts, text),
    warn: (facts, text) => logger.warn(facts, text),
    error: (facts, text) => logger.error(facts, text),
  };
}
