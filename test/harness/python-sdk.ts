import { execFileSync } from "node:child_process";
import { existsSync, renameSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./installation.ts";
import { makeEnvironment } from "./python-environment.ts";

/** The SDK that is tested against (eas-reference §7.1); it brings protobuf 3.20.3, numpy, urllib3 and the rest. */
const PACKAGE = "eas-prediction==0.36";

/** One call by the SDK. */
export interface SdkCall {
  /** `host:port` of the gateway. */
  readonly endpoint: string;
  /** What stands behind `/api/predict/`. */
  readonly service: string;
  readonly token: string;
  readonly body: string;
  /** In place of endpoint and service; the SDK sends the token as it is then. */
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** `DIRECT`: the SDK asks where instances are, and calls them itself. */
  readonly type?: "DIRECT";
  /** Tries in all; 1 unless given. */
  readonly retries?: number;
  readonly timeoutMs?: number;
}

/** What the SDK made of it: the answer's body, or the code of its PredictException. */
export type SdkAnswer = { readonly body: string } | { readonly code: number };

/** Makes the calls with the real Python SDK, one after the other; `env` as {@link olderSdk} gives it. */
export function callBySdk(calls: readonly SdkCall[], env: NodeJS.ProcessEnv = {}): SdkAnswer[] {
  const script = join(ROOT, "test", "fixtures", "sdk", "predict.py");
  const out = execFileSync(sdkPython(), [script], {
    input: JSON.stringify(calls),
    encoding: "utf8",
    env: { ...process.env, PYTHONWARNINGS: "ignore", ...env },
    timeout: 60_000,
    maxBuffer: 64 * 1024 * 1024,
  });
  return JSON.parse(out) as SdkAnswer[];
}

/** One array of a request or an answer. */
export interface SdkTensor {
  readonly dtype?: string;
  readonly shape: readonly number[];
  readonly values: readonly (number | string)[];
}

/** One call with tensors; what else it may have stands in test/fixtures/sdk/tensors.py. */
export interface SdkTensorCall {
  readonly kind: "tensorflow" | "pytorch" | "caffe";
  readonly endpoint: string;
  readonly service: string;
  readonly token: string;
  readonly [more: string]: unknown;
}

export type SdkTensorAnswer =
  | { readonly outputs: Readonly<Record<string, SdkTensor>> }
  | { readonly code: number; readonly message: string };

/** Asks for tensors by the SDK's own requests, one after the other; outputs that have no names have positions. */
export function askBySdk(calls: readonly SdkTensorCall[]): SdkTensorAnswer[] {
  const script = join(ROOT, "test", "fixtures", "sdk", "tensors.py");
  const out = execFileSync(sdkPython(), [script], {
    input: JSON.stringify(calls),
    encoding: "utf8",
    env: { ...process.env, PYTHONWARNINGS: "ignore" },
    timeout: 120_000,
  });
  return JSON.parse(out) as SdkTensorAnswer[];
}

/** Runs a program that uses the SDK; gives what it prints. */
export function runBySdk(program: string): string {
  return execFileSync(sdkPython(), ["-W", "ignore", "-c", program], { encoding: "utf8", timeout: 60_000 });
}

export const sdkPython = () => makeEnvironment(PACKAGE);

/** The last one that asks for instances by the older path. What it needs is what the newer one has brought. */
const OLDER_PACKAGE = "eas-prediction==0.33";

/** What in the environment makes the SDK the older one. */
export function olderSdk(): NodeJS.ProcessEnv {
  const folder = join(ROOT, ".toolchain", OLDER_PACKAGE.replace("==", "-"));
  if (!existsSync(folder)) {
    const draft = `${folder}.${process.pid}`;
    const install = ["-m", "pip", "install", "--quiet", "--no-deps", "--target", draft, OLDER_PACKAGE];
    execFileSync(sdkPython(), install, { stdio: ["ignore", "ignore", "inherit"], timeout: 240_000 });
    renameSync(draft, folder);
  }
  return { PYTHONPATH: folder };
}
