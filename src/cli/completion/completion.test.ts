import assert from "node:assert/strict";
import test from "node:test";
import { LOCAL_VERBS } from "../../roles/cli.ts";
import { pmmlDocument } from "../../testing/api-app.ts";
import { cliBench } from "../../testing/cli-run.ts";
import { GLOBAL_OPTIONS, PARENTS } from "../global-options.ts";
import { VERBS } from "../verbs.ts";
import { complete } from "./candidates.ts";

const grammar = { verbs: [...LOCAL_VERBS, ...VERBS], globals: GLOBAL_OPTIONS, parents: PARENTS };

/** Words that may come next on `line`; `names` are what the API would know. */
async function words(line: string, names: readonly string[] = []) {
  const asked: string[] = [];
  const { candidates, isFile } = await complete(grammar, line.split(" "), async (kind, begin, args) => {
    asked.push(`${kind} ${args.join(",")}:${begin}`);
    return names;
  });
  return { words: candidates.map((c) => c.word), isFile, asked };
}

test("verbs, verbs of verbs, options, their values", async () => {
  assert.deepEqual((await words("de")).words, ["demo", "desc", "detach", "delete"].toSorted(byTable));
  assert.deepEqual((await words("mirror d")).words, ["desc", "diffs", "delete"]);
  assert.deepEqual((await words("config ")).words, ["add", "use", "ls", "show", "rm"]);
  assert.deepEqual((await words("rel --ou")).words, ["--output"]);
  assert.deepEqual((await words("release pmml_grey --sta")).words, ["--state"]);
  assert.deepEqual((await words("release pmml_grey -s ")).words, ["grouping", "standalone"]);
  assert.deepEqual((await words("release pmml_grey --state=st")).words, ["--state=standalone"]);
  assert.deepEqual((await words("release pmml_grey --state = st")).words, ["standalone"], "as bash parts it");
  assert.deepEqual((await words("--output j")).words, ["json"]);
  assert.deepEqual((await words("processor new ")).words, ["python", "java", "cpp", "node"]);
  assert.deepEqual((await words("rollout a pa")).words, ["pause"]);
  assert.deepEqual((await words("nonsense ")).words, []);
  assert.deepEqual((await words("nonsense --nope x ")).words, []);
  assert.ok((await words("")).words.includes("serve"), "verbs of this process, too");
  assert.ok((await words("serve --gateway-w")).words.includes("--gateway-workers"));
});

const byTable = (a: string, b: string) =>
  grammar.verbs.findIndex((v) => v.name === a) - grammar.verbs.findIndex((v) => v.name === b);

test("names of services, groups, instances, versions; files where files are meant", async () => {
  assert.deepEqual((await words("desc pm", ["pmml_prod", "other"])).words, ["pmml_prod"]);
  assert.deepEqual((await words("-c other.json -e host desc pm")).asked, ["service :pm"]);
  assert.deepEqual((await words("dw svc svc-0,sv", ["svc-0", "svc-1"])).words, ["svc-0,svc-1"]);
  assert.deepEqual((await words("dw svc svc-0,sv")).asked, ["instance svc:sv"]);
  assert.deepEqual((await words("deleteworkers svc s")).asked, ["instance svc:s"]);
  assert.deepEqual((await words("version svc ")).asked, ["version svc:"]);
  assert.deepEqual((await words("group desc p")).asked, ["group :p"]);
  assert.deepEqual((await words("predict p")).asked, ["service-or-group :p"]);
  assert.deepEqual((await words("ls --group p")).asked, ["group :p"]);
  assert.deepEqual((await words("mirror create a --target b,c")).asked, ["service a:c"]);
  assert.deepEqual((await words("logs -f svc --instance x")).asked, ["instance svc:x"]);
  assert.deepEqual((await words("--profile p")).asked, ["profile :p"]);
  assert.deepEqual([(await words("create ")).isFile, (await words("create ")).words], [true, []]);
  assert.equal((await words("apply -f ")).isFile, true);
  assert.equal((await words("modify svc -s ")).isFile, true);
  assert.equal((await words("desc svc more")).isFile, false);
});

test("every verb, option and argument can be asked about", async () => {
  for (const verb of grammar.verbs) {
    const shown = await words(`${verb.name} --`);
    assert.ok(shown.words.includes("--help"), verb.name);
    for (const { flags } of verb.options) {
      const long = /--[\w-]+/.exec(flags)?.[0];
      if (long !== undefined) assert.ok(shown.words.includes(long), `${verb.name} ${long}`);
    }
    let line = verb.name;
    for (const _ of verb.args ?? []) {
      await words(`${line} `, ["x"]);
      line += " x";
    }
  }
});

test("the API is asked for names; what is wrong there is nobody's business who types", async (t) => {
  const { run, control, app } = await cliBench(t);
  for (const name of ["pmml_prod", "pmml_grey", "other"])
    await control.createService(pmmlDocument(name, 2, { group: name === "other" ? undefined : "pmml" }));
  control.settle();
  const next = async (...line: string[]) => (await run(["completion", "words", "--", ...line])).out;
  assert.equal(await next("desc", "pmml_"), "pmml_grey\npmml_prod\n");
  assert.equal(await next("group", "desc", ""), "pmml\n");
  assert.equal(await next("dw", "other", ""), "other-v1-0\nother-v1-1\n");
  assert.equal(await next("version", "other", ""), "1\n");
  assert.equal(await next("create", ""), ":file\n");
  assert.match(await next("rel"), /^release\tset a member's part in its group's traffic\n$/);
  assert.equal(await next("desc", "x"), "");
  for (const wrong of [
    ["dw", "nobody", ""],
    ["-k", "wrong", "desc", ""],
    ["-c", "none", "desc", ""],
    ["--profile", "no", "desc", ""],
  ]) {
    const ran = await run(["completion", "words", "--", ...wrong]);
    assert.deepEqual(ran, { code: 0, out: "", err: "" }, wrong.join(" "));
  }
  await app.close();
  assert.deepEqual(await run(["completion", "words", "--", "desc", ""]), { code: 0, out: "", err: "" });
  for (const shell of ["bash", "zsh", "fish"]) {
    const { code, out } = await run(["completion", shell]);
    assert.equal(code, 0);
    assert.match(out, /completion words -- /);
  }
  assert.equal((await run(["completion", "tcsh"])).code, 2);
});
