/**
 * Every command line of eascmd that is documented (eas-reference §2, seeds 000 and 001), in its own spelling: what it prints and how it
 * ends. What is not in this version says so, and what to use instead.
 */
import assert from "node:assert/strict";
import test from "node:test";
import { pmmlDocument } from "../testing/api-app.ts";
import { masked, withPair } from "../testing/cli-run.ts";
import { ABSENT_VERBS } from "./absent-verbs.ts";

const ID = String.raw`\[RequestId\]: <id>\n`;
const RUNS = String.raw`[\s\S]*\[OK\] Running \[Total: \d, Pending: 0, Running: \d\]\n\[OK\] Service is running\n$`;

/** In this order: a line, what is answered at a prompt, and all that it prints (expression). */
const LINES: readonly (readonly [line: string, answers: readonly string[], printed: string])[] = [
  [
    "config -i id -k test-key -e ADDRESS",
    [],
    String.raw`^\[OK\] Configuration was written to \S+config\.json\n$`,
  ],
  // §2.1
  [
    "create service.json",
    [],
    String.raw`^${ID}\+-+\+-+\+\n\| Internet Endpoint \| \S+ \|\n\| Intranet Endpoint \| \S+ \|\n\| +Token \| \S+ +\|\n\+-+\+-+\+\n\[OK\] Service is now creating\n${RUNS}`,
  ],
  ["modify made -Dmetadata.instance=2", [], `^${ID}${RUNS}`],
  ["modify made -Dmetadata.instance=3 -Dmetadata.cpu=2", [], `^${ID}${RUNS}`],
  ["modify made -s part.json", [], `^${ID}${RUNS}`],
  [
    "ls",
    [],
    String.raw`^${ID}\+-+\+[\s\S]*\| +SERVICENAME +\| INSTANCE \| CPU \| MEMORY \| +CREATETIME +\| +UPDATETIME +\| STATUS +\| WEIGHT \| TRAFFICSTATE \| +SERVICEGROUP +\|`,
  ],
  ["list", [], String.raw`\| +SERVICENAME +\|`],
  ["desc made", [], String.raw`\| +Status \| Running[\s\S]*\| +ServiceConfig \| \{`],
  [
    "w made",
    [],
    String.raw`\| +INSTANCENAME +\| +INNERIP +\| +HOSTIP +\| +STARTAT +\| RESTARTS \| STATUS +\| READY \| REASON \| LASTSTATE \|[\s\S]*\| \[1/1\] \|`,
  ],
  ["showworkers made", [], "INSTANCENAME"],
  [
    "dw made made-v3-0",
    ["Y"],
    String.raw`^Are you sure to delete the instances \[made-v3-0\] of service \[made\] in \[local\]\? \[Y/n\]Y\n${ID}\[OK\] Instance\(s\) \[made-v3-0\] for service \[made\] in region \[local\] was deleted successfully\n$`,
  ],
  [
    "deleteworkers made made-v3-1,made-v3-2",
    ["yes"],
    String.raw`Instance\(s\) \[made-v3-1,made-v3-2\] for service`,
  ],
  ["version made 1", [], `^${ID}${RUNS}`],
  // Seeds 000 and 001.
  [
    "release pmml_grey -s standalone",
    ["Y"],
    String.raw`^Confirmed to release service \[pmml_grey\] to group traffic \[Y/n\]Y\n${ID}\[OK\] Service \[pmml_grey\] has entered the traffic state: standalone\n$`,
  ],
  ["release pmml_grey -s grouping", ["Y"], String.raw`has entered the traffic state: grouping\n$`],
  [
    "release pmml_grey -w 27",
    ["Y"],
    String.raw`^Confirmed to release service \[pmml_grey\] at weight \[27%\]\? \[Y/n\]Y\n${ID}\[OK\] Service \[pmml_grey\] is weighted to 27% now\n$`,
  ],
  ["stop made", ["Y"], String.raw`\[OK\] Service was stopped successfully\n$`],
  ["start made", [], RUNS],
  ["restart made", [], RUNS],
  ["scale made 1", [], RUNS],
  ["logs made", [], "^$"],
  [
    "delete made",
    ["Y"],
    String.raw`^Are you sure to delete the service \[made\] in \[local\]\? \[Y/n\]Y\n${ID}\[OK\] Service \[made\] in region \[local\] is terminating\n\[OK\] Service is terminating\n\[OK\] Service was deleted successfully\n$`,
  ],
  ["desc local/pmml_prod", [], String.raw`\| +ServiceName \| pmml_prod`],
];

/** What has no operation in this version (§2.1 to §2.5). */
const ABSENT = [
  "autoscale local/pmml_prod -Dmin=1 -Dmax=3 -Dstrategies.qps=10",
  "autoscale local/pmml_prod -s scale.json",
  "autoscale local/pmml_prod -Dstrategies.queue[avgbacklog]=3 -Dbehavior.scaleDown.stabilizationWindowSeconds=100",
  "autoscale rm local/pmml_prod",
  "cronscale local/pmml_prod -s cronscale.json",
  "cronscale rm local/pmml_prod",
  "upload model.tar.gz --inner",
  "exec pmml_prod -- ls",
  "bench create f.json",
  "bench ls",
  "bench list",
  "bench desc benchmark-a-1234",
  "-c eas.conf bench visualize benchmark-a-1234",
  "bench stop benchmark-a-1234",
  "bench start benchmark-a-1234",
  "bench report benchmark-a-1234",
  "bench update benchmark-a-1234 -Doptional.concurrency=2 -Doptional.agentCount=1",
  "bench delete benchmark-a-1234",
  "resource ls",
  "resource desc eas-r-1",
  "resource li eas-r-1",
  "resource list_instance eas-r-1",
  "resource network eas-r-1 -s cfg.json",
  "stream attributes a",
  "queue ls",
  "pysdk init ./demo",
  "pysdk pack -u ./demo",
];

test("every command line of eascmd that has its operation here is done, in its words", async (t) => {
  const { run, write, address } = await withPair(t);
  write("service.json", { ...pmmlDocument("made", 1, { group: undefined }), model_path: "/" });
  write("part.json", { model_entry: "other.pmml" });
  for (const [line, answers, printed] of LINES) {
    const { code, out, err } = await run(line.replace("ADDRESS", address).split(" "), { answers });
    assert.equal(code, 0, `${line}: ${err}`);
    assert.match(masked(out), new RegExp(printed), line);
    assert.equal(err, "", line);
  }
});

test("every other one says what is missing and what to use, and exits with 4", async (t) => {
  const { run } = await withPair(t);
  for (const line of ABSENT) {
    const { code, out, err } = await run(line.split(" "));
    assert.deepEqual([code, out], [4, ""], `${line}: ${err}`);
    assert.match(err, /^\[ERROR\] \w+ is not in this version: .+\. Meanwhile: .+\n$/, line);
  }
  for (const { name } of ABSENT_VERBS) {
    assert.ok(
      ABSENT.some((line) => line.includes(name)),
      name,
    );
    assert.equal((await run([name, "--help"])).code, 0, name);
  }
  const json = JSON.parse((await run(["bench", "ls", "--output", "json"])).err);
  assert.equal(json.Code, "NotImplemented");
  assert.equal((await run(["--help"])).out.includes("autoscale"), false);
});
