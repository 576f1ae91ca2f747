import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { ModelCache } from "./cache.ts";

const never = new AbortController().signal;
let dir: string;
let work: string;
let server: Server;
let authorizations: (string | undefined)[];

const git = (...args: string[]) =>
  execFileSync("git", ["-C", work, "-c", "user.name=a", "-c", "user.email=a@b.c", ...args], {
    encoding: "utf8",
  }).trim();

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "sluice-git-"));
  work = join(dir, "models");
  mkdirSync(work);
  git("init", "-q", "-b", "main");
  commit("one");
  git("tag", "v1");
  commit("two");
  authorizations = [];
  server = createServer((request, response) => {
    authorizations.push(request.headers.authorization);
    const [path, query] = (request.url ?? "").split("?");
    const env = {
      PATH: process.env.PATH,
      GIT_PROJECT_ROOT: dir,
      GIT_HTTP_EXPORT_ALL: "1",
      PATH_INFO: path,
      QUERY_STRING: query ?? "",
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers["content-type"] ?? "",
      GIT_PROTOCOL: request.headers["git-protocol"] as string | undefined,
    };
    const child = spawn("git", ["http-backend"], { env });
    if (request.headers["content-encoding"] === "gzip") child.stdin.destroy();
    request.pipe(child.stdin);
    child.stdin.on("error", () => {});
    const pieces: Buffer[] = [];
    child.stdout.on("data", (piece) => pieces.push(piece));
    child.on("close", () => {
      const out = Buffer.concat(pieces);
      const end = out.indexOf("\r\n\r\n");
      for (const line of out.subarray(0, end).toString().split("\r\n")) {
        const [name, value] = line.split(": ");
        if (name === "Status") response.statusCode = Number.parseInt(value as string, 10);
        else response.setHeader(name as string, value as string);
      }
      response.end(out.subarray(end + 4));
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
  rmSync(dir, { recursive: true, force: true });
});

function commit(text: string): void {
  writeFileSync(join(work, "model.txt"), text);
  git("add", ".");
  git("commit", "-q", "-m", text);
}

const newCache = () => new ModelCache({ root: join(dir, "cache"), now: Date.now, bytesMax: 1e12 });
const get = (url: string, cache = newCache()) => cache.fetch({ kind: "url", url }, null, () => {}, never);
const textIn = (folder: string) => readFileSync(join(folder, "model.txt"), "utf8");
const overHttp = (who = "") =>
  `git+http://${who}127.0.0.1:${(server.address() as AddressInfo).port}/models/.git`;

test("a branch, a tag and a commit, over file and http; the commit is recorded", async () => {
  const first = git("rev-parse", "v1");
  for (const base of [`git+file://${work}`, overHttp()]) {
    assert.equal(textIn(await get(`${base}@main`)), "two");
    assert.equal(textIn(await get(base)), "two");
    const folder = await get(`${base}@v1`);
    assert.equal(textIn(folder), "one");
    assert.deepEqual(readdirSync(folder), ["model.txt"], "no .git");
    assert.equal(await get(`${base}@${first}`), folder, "one commit is one content");
  }
  const kept = await newCache().contents();
  assert.equal(kept.length, 2);
  assert.ok(
    kept.some((c) => c.sources.some((s) => s.endsWith(`@v1 (commit ${first})`))),
    JSON.stringify(kept),
  );
});

test("name and password go in a header, and stand in nothing that is kept or said", async () => {
  const folder = await get(`${overHttp("ana:SECRET@")}@main`);
  assert.equal(textIn(folder), "two");
  assert.ok(authorizations.includes(`Basic ${Buffer.from("ana:SECRET").toString("base64")}`));
  assert.doesNotMatch(JSON.stringify(await newCache().contents()), /SECRET|ana/);
  await assert.rejects(get(`${overHttp("ana:SECRET@")}@none`), (error: Error) => {
    assert.match(
      error.message,
      /^git\+http:\/\/127\.0\.0\.1:\d+\/models\/\.git@none: fatal: couldn't find remote ref none/,
    );
    assert.doesNotMatch(error.message, /SECRET|ana/);
    return true;
  });
});

test("nothing of the repository or of the user's settings is run", async () => {
  const proof = join(dir, "ran");
  writeFileSync(join(work, ".gitattributes"), "model.txt filter=evil\n");
  commit("three");
  const home = join(dir, "home");
  mkdirSync(home);
  writeFileSync(
    join(home, ".gitconfig"),
    `[filter "evil"]\n\tsmudge = touch ${proof}\n\tclean = touch ${proof}\n`,
  );
  const before = process.env.HOME;
  process.env.HOME = home;
  try {
    assert.equal(textIn(await get(`git+file://${work}@main`)), "three");
  } finally {
    process.env.HOME = before;
  }
  assert.ok(!readdirSync(dir).includes("ran"));
});

test("no repository there: said, tried again, nothing left", async () => {
  await assert.rejects(get(`git+file://${dir}/none@main`), /none@main: fatal: /);
  assert.deepEqual(readdirSync(join(dir, "cache", "tmp")), []);
});
