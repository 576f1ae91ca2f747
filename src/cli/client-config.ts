import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { writeFileAtomicSync } from "../base/atomic-file.ts";
import { type CliIo, Failure } from "./cli-io.ts";

/** `config.json` in the home folder: where the control API is and what opens it. The server writes it at its first start. */
export interface ClientConfig {
  /** Address of the control API, e.g. `http://127.0.0.1:8081`. */
  readonly address: string;
  /** Access key secret. */
  readonly key: string;
  /** Id of the access key, as `eascmd config -i` takes it; the server knows callers by the secret alone. */
  readonly keyId?: string;
  readonly region?: string;
  /** Address of the gateway. */
  readonly gateway?: string;
}

/** `-c`, else `config.json` in `SLUICE_HOME`, else in `~/.sluice`. */
export function configPath(file: string | undefined, io: Pick<CliIo, "env" | "cwd" | "homeDir">): string {
  if (file !== undefined) return resolve(io.cwd, file);
  const home = io.env.SLUICE_HOME || join(io.homeDir, ".sluice");
  return join(resolve(io.cwd, home), "config.json");
}

/**
 * The file's content; null when there is no file.
 * @throws Failure naming the file when it is something else
 */
export function readConfig(path: string): ClientConfig | null {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw new Failure(`cannot read ${path}: ${(error as Error).message}`, { cause: error });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Failure(`${path} is not JSON: ${(error as Error).message}`, { cause: error });
  }
  const config = value as Partial<ClientConfig> | null;
  if (typeof config?.address !== "string" || typeof config.key !== "string") {
    throw new Failure(
      `${path} has no "address" and "key"; write it with: sluice config -k <key> -e <address>`,
    );
  }
  return config as ClientConfig;
}

/** Readable by its owner only, for it holds the key. */
export function writeConfig(path: string, config: ClientConfig): void {
  try {
    writeFileAtomicSync(path, `${JSON.stringify(config, null, 2)}\n`, 0o600);
  } catch (error) {
    throw new Failure(`cannot write ${path}: ${(error as Error).message}`, { cause: error });
  }
}

/** `127.0.0.1:8081` and `http://127.0.0.1:8081/` are the same place. */
export function asAddress(text: string): string {
  const address = /^[a-z]+:\/\//i.test(text) ? text : `http://${text}`;
  try {
    return new URL(address).origin;
  } catch (error) {
    throw new Failure(`${JSON.stringify(text)} is not an address; write host:port or a URL`, {
      cause: error,
    });
  }
}
