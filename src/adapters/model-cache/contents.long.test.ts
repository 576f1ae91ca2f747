import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import fc from "fast-check";
import type { Source } from "../../core/spec/service-spec.ts";
import { tarGzOf } from "../../testing/archive-bytes.ts";
import { ModelCache } from "./cache.ts";

const never = new AbortController().signal;
const FILE_BYTES = 10_000;
/** What is left for the archive while it is unpacked. */
const ARCHIVE_BYTES = 1_000;
let dir: string;
let server: Server;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "sluice-contents-"));
  // Another file for each path.
  server = createServer(({ url }, response) => {
    response.end(tarGzOf([{ name: "m", content: Buffer.alloc(FILE_BYTES, url ?? "") }]));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
  rmSync(dir, { recursive: true, force: true });
});

const sourceOf = (n: number): Source & { kind: "url" } => ({
  kind: "url",
  url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/${n}?sign=SECRET`,
});

function world(root: string, places: number) {
  const named = new Set<number>();
  const paths = new Set<string>();
  let now = 1_000_000_000_000;
  const cache = new ModelCache({
    root,
    bytesMax: places * FILE_BYTES + ARCHIVE_BYTES,
    now: () => (now += 1000),
    references: {
      referenced: async () => [...named].map(sourceOf),
      pathsInUse: async () => [...paths],
    },
  });
  const get = (n: number) => cache.fetch(sourceOf(n), null, () => {}, never);
  return { cache, named, paths, get };
}

test("the longest unused goes first; what a version or an instance uses stays, and when that is all, more is refused", async () => {
  const { cache, named, paths, get } = world(join(dir, "models"), 3);
  for (const n of [0, 1, 2]) await get(n);
  await get(0);
  named.add(1);
  await get(3);
  const idOf = async (n: number) => (await cache.contents()).find((c) => c.isOf(sourceOf(n)))?.id;
  assert.equal(await idOf(2), undefined, "0 was used since, 1 is referred to");
  assert.ok((await idOf(0)) && (await idOf(1)) && (await idOf(3)));
  named.add(3);
  paths.add(join(await get(0), "m"));
  await assert.rejects(get(4), (error: Error) =>
    /the model cache is full: \d+ bytes more do not fit/.test(error.message),
  );
  assert.deepEqual(readdirSync(join(dir, "models", "tmp")), []);
  paths.clear();
  assert.ok(statSync(await get(4)).isDirectory());
  assert.equal(await idOf(0), undefined);
});

test("remove: what is in use stays, what is not known is said", async () => {
  const { cache, named, get } = world(join(dir, "models"), 10);
  const path = await get(1);
  named.add(1);
  const [content] = await cache.contents();
  assert.ok(content !== undefined);
  assert.deepEqual([content.bytes, content.sources[0]?.endsWith("/1?…")], [FILE_BYTES, true]);
  assert.equal(await cache.remove(content.id), "in-use");
  assert.ok(statSync(path).isDirectory());
  named.clear();
  assert.equal(await cache.remove(content.id), "removed");
  assert.equal(await cache.remove(content.id), "not-found");
  assert.deepEqual(await cache.contents(), []);
  assert.equal(await cache.look(sourceOf(1), null), "unknown");
});

test("whatever is fetched, named and let go, in whatever order and at once: what is in use is there", async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("get" as const), n: fc.nat(5) }),
    fc.record({ kind: fc.constant("name" as const), n: fc.nat(5) }),
    fc.record({ kind: fc.constant("let-go" as const), n: fc.nat(5) }),
    fc.record({ kind: fc.constant("remove" as const), n: fc.nat(5) }),
    fc.record({ kind: fc.constant("two" as const), n: fc.nat(5) }),
  );
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
      const { cache, named, get } = world(join(dir, `run-${run++}`), 3);
      const held = new Map<number, string>();
      const bring = async (n: number) => {
        const path = await get(n).catch((error: Error) => {
          assert.match(error.message, /the model cache is full/);
          return null;
        });
        if (path !== null && named.has(n)) held.set(n, path);
      };
      for (const { kind, n } of steps) {
        if (kind === "get") await bring(n);
        if (kind === "two") await Promise.all([bring(n), bring((n + 1) % 6)]);
        if (kind === "name") {
          named.add(n);
          await bring(n);
        }
        if (kind === "let-go") {
          named.delete(n);
          held.delete(n);
        }
        if (kind === "remove") {
          const content = (await cache.contents()).find((c) => c.isOf(sourceOf(n)));
          if (content !== undefined)
            assert.equal(await cache.remove(content.id), named.has(n) ? "in-use" : "removed");
        }
        for (const path of held.values()) assert.equal(statSync(join(path, "m")).size, FILE_BYTES);
        const bytes = (await cache.contents()).reduce((sum, c) => sum + c.bytes, 0);
        assert.ok(bytes <= 3 * FILE_BYTES + ARCHIVE_BYTES, String(bytes));
      }
    }),
    { numRuns: 40, seed: 29 },
  );
});
