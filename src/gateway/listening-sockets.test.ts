import assert from "node:assert/strict";
import { closeSync, fstatSync, openSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { ListeningSockets } from "./listening-sockets.ts";

const anywhere = { host: "127.0.0.1", port: 0 };

test("descriptors are those of open ports, by name and in order; closed, there are none", async () => {
  const sockets = new ListeningSockets();
  const [http, other] = [createServer(), createServer()];
  await sockets.listen("http", http, anywhere);
  await sockets.listen("other", other, anywhere);
  assert.equal(sockets.isOpen, false, "not before all are open");
  sockets.complete();
  assert.equal(sockets.isOpen, true);
  const descriptors = sockets.descriptors();
  assert.deepEqual(
    descriptors.map((d) => d.name),
    ["http", "other"],
  );
  for (const { fd } of descriptors) assert.ok(fstatSync(fd).isSocket());
  sockets.close();
  assert.equal(sockets.isOpen, false);
  assert.deepEqual(sockets.descriptors(), []);
  assert.ok(!http.listening && !other.listening);
});

test("what is left to a worker and not used is closed", async () => {
  const fd = openSync("/dev/null", "r");
  const sockets = new ListeningSockets({ https: fd });
  sockets.complete();
  assert.throws(() => fstatSync(fd), /EBADF/);
  sockets.close();
});

test("a descriptor that is no socket is refused, and so is a port that is taken", async (t) => {
  const fd = openSync("/dev/null", "r");
  t.after(() => closeSync(fd));
  const sockets = new ListeningSockets({ http: fd });
  await assert.rejects(sockets.listen("http", createServer(), anywhere), /E(INVAL|NOTSOCK)/);
  const taken = createServer();
  await new Promise<void>((done) => taken.listen({ ...anywhere, exclusive: true }, done));
  t.after(() => taken.close());
  const { port } = taken.address() as AddressInfo;
  await assert.rejects(sockets.listen("http", createServer(), { host: "127.0.0.1", port }), /EADDRINUSE/);
});

test("closed while it is about to listen, it does not", async () => {
  const sockets = new ListeningSockets();
  const server = createServer();
  const listening = sockets.listen("http", server, anywhere);
  sockets.close();
  await listening;
  assert.equal(server.listening, false);
});
