import { spawn } from "node:child_process";
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type Installation, ROOT } from "./installation.ts";
import { makeEnvironment } from "./python-environment.ts";

const FIXTURES = join(ROOT, "test", "fixtures", "schemathesis");

/** A Python with Schemathesis, and a validator of OpenAPI documents. */
export const schemathesisPython = () =>
  makeEnvironment("schemathesis==4.32.5", "openapi-spec-validator==0.9.0");

export interface FuzzOptions {
  readonly seed: number;
  /** Cases of each operation in the fuzzing phase, and sequences in the stateful one. */
  readonly examples: number;
  /** Comma-separated; all when not told. */
  readonly phases?: string;
  /** Only this operation. */
  readonly only?: string;
}

export interface FuzzResult {
  readonly code: number | null;
  /** What it printed, with a curl line for each failure. */
  readonly output: string;
  /** Requests by operation and status. */
  readonly statuses: ReadonlyMap<string, ReadonlyMap<number, number>>;
  readonly cases: number;
}

/**
 * The same document with the objects of its answers closed: a field that the server sends and the document does not declare is drift, too.
 * Refusals stay open, as their facts are those of their code.
 */
export function closed(document: Schema): Schema {
  const copy = structuredClone(document) as {
    paths: object;
    components: { schemas: Record<string, Schema> };
  };
  const { ServiceJson, Error: refusal, ...answers } = copy.components.schemas;
  const shared = Object.fromEntries(Object.entries(answers).map(([name, schema]) => [name, close(schema)]));
  for (const operation of Object.values(copy.paths).flatMap((methods) => Object.values(methods as object))) {
    const content = operation.responses[200]?.content["application/json"];
    if (content !== undefined) content.schema = close(content.schema);
  }
  return { ...copy, components: { ...copy.components, schemas: { ...shared, ServiceJson, Error: refusal } } };
}

type Schema = { readonly [key: string]: unknown };

function close(node: unknown): Schema {
  if (Array.isArray(node)) return node.map(close) as unknown as Schema;
  if (typeof node !== "object" || node === null) return node as unknown as Schema;
  const inner = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, close(value)]));
  const isOpen =
    inner.properties !== undefined &&
    inner.additionalProperties === undefined &&
    inner.patternProperties === undefined;
  return isOpen ? { ...inner, additionalProperties: false } : inner;
}

/** One line of the report; a finished scenario has its requests with what was answered. */
interface ReportLine {
  readonly ScenarioFinished?: {
    readonly recorder: {
      /** `GET /api/v2/services`; of the stateful phase, whose scenarios are of many, only that it is one. */
      readonly label: string;
      readonly interactions: Readonly<
        Record<string, { readonly response: { readonly status_code: number } | null }>
      >;
    };
  };
}

/** Line by line: with every answer in it, a report may be longer than a string can be. */
async function statusesOf(report: string): Promise<Map<string, Map<number, number>>> {
  const statuses = new Map<string, Map<number, number>>();
  for await (const line of createInterface({ input: createReadStream(report) })) {
    if (line === "") continue;
    const { recorder } = (JSON.parse(line) as ReportLine).ScenarioFinished ?? {};
    for (const { response } of Object.values(recorder?.interactions ?? {})) {
      const name = recorder!.label;
      const counts = statuses.get(name) ?? new Map<number, number>();
      const status = response?.status_code ?? 0;
      statuses.set(name, counts.set(status, (counts.get(status) ?? 0) + 1));
    }
  }
  return statuses;
}

/** Runs Schemathesis over the document of a running installation, by its access key, in a folder that is gone afterwards. */
export async function fuzz(
  sluice: Installation,
  document: object,
  options: FuzzOptions,
): Promise<FuzzResult> {
  const { address, key } = sluice.clientConfig();
  const folder = mkdtempSync(join(tmpdir(), "sluice-fuzz-"));
  const report = join(folder, "cases.ndjson");
  try {
    writeFileSync(join(folder, "openapi.json"), JSON.stringify(document));
    const args = [
      // Not its script: that names the folder in which its environment was made.
      "-c",
      "from schemathesis.cli import schemathesis; schemathesis()",
      `--config-file=${join(FIXTURES, "schemathesis.toml")}`,
      "--no-color",
      "run",
      join(folder, "openapi.json"),
      `--url=${address}`,
      `--header=Authorization: Bearer ${key}`,
      `--seed=${options.seed}`,
      `--max-examples=${options.examples}`,
      `--phases=${options.phases ?? "examples,coverage,fuzzing,stateful"}`,
      "--checks=all",
      "--report=ndjson",
      `--report-ndjson-path=${report}`,
      ...(options.only === undefined ? [] : [`--include-operation-id=${options.only}`]),
    ];
    const env = {
      ...process.env,
      SCHEMATHESIS_HOOKS: "hooks",
      PYTHONPATH: FIXTURES,
      PYTHONDONTWRITEBYTECODE: "1",
      FUZZ_ADDRESS: address,
      FUZZ_KEY: key,
      FUZZ_SEED: String(options.seed),
    };
    const child = spawn(schemathesisPython(), args, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk) => (output += String(chunk)));
    const code = await new Promise<number | null>((done) => child.on("close", done));
    const statuses = await statusesOf(report);
    const cases = [...statuses.values()].flatMap((one) => [...one.values()]).reduce((a, b) => a + b, 0);
    return { code, output, statuses, cases };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
