import { execFileSync } from "node:child_process";
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
}

/** What the SDK made of it: the answer's body, or the code of its PredictException. */
export type SdkAnswer = { readonly body: string } | { readonly code: number };

/** Makes the calls with the real Python SDK, one after the other. */
export function callBySdk(calls: readonly SdkCall[]): SdkAnswer[] {
  const script = join(ROOT, "test", "fixtures", "sdk", "predict.py");
  const out = execFileSync(sdkPython(), [script], {
    input: JSON.stringify(calls),
    encoding: "utf8",
    timeout: 60_000,
    maxBuffer: 64 * 1024 * 1024,
  });
  return JSON.parse(out) as SdkAnswer[];
}

/** Runs a program that uses the SDK; gives what it prints. */
export function runBySdk(program: string): string {
  return execFileSync(sdkPython(), ["-c", program], { encoding: "utf8", timeout: 60_000 });
}

const sdkPython = () => makeEnvironment(PACKAGE);
