import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { NOT_IMPLEMENTED } from "../src/api/not-implemented.ts";
import { OPERATION_LIST } from "../src/api/operations.ts";
import { CONTROL_SDK } from "./harness/control-sdk.ts";
import { Installation, ROOT } from "./harness/installation.ts";
import { makeEnvironment } from "./harness/python-environment.ts";

const sluice = new Installation({ gatewayWorkers: 1 });
before(() => sluice.start());
after(() => sluice.stop());

/** Those of EAS (eas-reference §8.2); of the others, which are ours, no SDK of it knows. */
const EAS: { readonly operations: Readonly<Record<string, unknown>> } = JSON.parse(
  readFileSync(join(ROOT, "test", "fixtures", "eas-operations.json"), "utf8"),
);

/** Fields that the SDK's models have and an answer of ours does not, each with the reason. */
const NOT_SENT: Readonly<Record<string, string>> = {
  // EAS gives addresses by Describe only (eas-reference §8.1), and a list of services is one answer with one RequestId.
  "ListServicesResponseBody.Services[].InternetEndpoint": "Describe only",
  "ListServicesResponseBody.Services[].IntranetEndpoint": "Describe only",
  "ListServicesResponseBody.Services[].RequestId": "it is the list's",
  "ListServicesResponseBody.Services[].SecondaryInternetEndpoint": "Describe only",
  "ListServicesResponseBody.Services[].SecondaryIntranetEndpoint": "Describe only",
};

interface Report {
  /** All that the SDK has, and of these methods those that were never called. */
  readonly operations: readonly string[];
  readonly uncalled: readonly string[];
  readonly called: Readonly<Record<string, number>>;
  readonly refused: Readonly<Record<string, string>>;
  readonly missing: readonly string[];
  readonly wrong: readonly string[];
  /** Models that an answer was parsed into. */
  readonly seen: readonly string[];
  readonly refusal: { readonly code: string; readonly text: string };
}

test("the official SDK calls every operation: those that are here in the life of services, the others to be refused", () => {
  const { address, keyId, key, region } = sluice.clientConfig();
  const refusedHere = Object.entries(NOT_IMPLEMENTED).map(([name, { method, path }]) => [
    name,
    [method, path],
  ]);
  const given = {
    endpoint: new URL(address).host,
    id: keyId,
    secret: key,
    region,
    processor: {
      processor_type: "python",
      processor_path: join(ROOT, "examples", "python-echo"),
      processor_entry: "app.py",
    },
    refused: Object.fromEntries(refusedHere),
  };
  const python = makeEnvironment(CONTROL_SDK);
  const out = execFileSync(python, [join(ROOT, "test", "fixtures", "sdk", "control.py")], {
    input: JSON.stringify(given),
    encoding: "utf8",
    timeout: 600_000,
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" },
  });
  const said = JSON.parse(out) as Report;

  const here = OPERATION_LIST.map(({ name }) => name).filter((name) => Object.hasOwn(EAS.operations, name));
  assert.deepEqual(
    Object.keys(said.called).toSorted(),
    here.toSorted(),
    "each operation that is here was called",
  );
  assert.deepEqual(Object.keys(said.refused).toSorted(), Object.keys(NOT_IMPLEMENTED).toSorted());
  const known = new Set<string>([...here, ...Object.keys(NOT_IMPLEMENTED)]);
  assert.deepEqual(
    said.operations.filter((name) => !known.has(name)),
    [],
    "no operation of the SDK is unknown here",
  );
  assert.deepEqual(said.uncalled, [], "a method of the SDK without a row in test/fixtures/sdk/control.py");
  assert.ok(said.operations.length >= 99, `the SDK has ${said.operations.length} operations`);

  assert.deepEqual(said.wrong, [], "every value has the type that the SDK's model declares");
  assert.deepEqual(
    said.missing,
    Object.keys(NOT_SENT).toSorted(),
    "every field of the SDK's models is there",
  );
  for (const model of ["Service", "ServiceLabels", "Instance", "Group", "ContainerInfo"])
    assert.ok(said.seen.includes(model), `an answer with a ${model}`);

  assert.equal(said.refusal.code, "UNAUTHORIZED");
  assert.match(said.refusal.text, /the signature does not match/);
});
