/** The official SDK of the control API, unmodified, with the installation's own access key: signed requests (eas-reference §7.7). */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { CONTROL_SDK } from "./harness/control-sdk.ts";
import { Installation, ROOT } from "./harness/installation.ts";
import { makeEnvironment } from "./harness/python-environment.ts";

const sluice = new Installation({ gatewayWorkers: 1 });
before(() => sluice.start());
after(() => sluice.stop());

test("the SDK creates, lists, describes and deletes a service; a wrong secret is refused in its words", () => {
  const { address, keyId, key } = sluice.clientConfig();
  const document = {
    metadata: { name: "sdk_made", instance: 0 },
    labels: { who: "é ü*" },
    processor_type: "python",
    processor_path: join(ROOT, "examples", "python-echo"),
    processor_entry: "app.py",
  };
  const given = {
    endpoint: new URL(address).host,
    id: keyId,
    secret: key,
    document: JSON.stringify(document),
  };
  const python = makeEnvironment(CONTROL_SDK);
  const program = join(ROOT, "test", "fixtures", "sdk", "control.py");
  const out = execFileSync(python, [program], {
    input: JSON.stringify(given),
    encoding: "utf8",
    timeout: 120_000,
  });
  const said = JSON.parse(out);
  assert.equal(said.created.ServiceName, "sdk_made");
  assert.match(said.created.RequestId, /^[0-9A-F-]{36}$/i);
  assert.deepEqual([said.listed, said.total], [["sdk_made"], 1]);
  assert.equal(said.described.ServiceName, "sdk_made");
  assert.match(said.deleted.Message, /sdk_made/);
  assert.equal(said.refusal.code, "UNAUTHORIZED");
  assert.match(said.refusal.text, /the signature does not match/);
});
