import assert from "node:assert/strict";
import { test } from "node:test";
import { Dispatcher } from "./dispatcher.ts";
import { type Exchange, Payload, type RequestTaker, type WorkerSlots } from "./exchange.ts";

class FakeExchange implements Exchange {
  queueNext: Exchange | null = null;
  queuePrevious: Exchange | null = null;
  isQueued = false;
  queuedAt = 0;
  readonly deadlineMs = Number.POSITIVE_INFINITY;
  worker: WorkerSlots | null = null;
  workerRequestId = 0;
  readonly payload = new Payload();
  readonly name: string;

  constructor(name: string) {
    this.name = name;
    this.payload.set(2, Buffer.from(`head of ${name}`), 4, Buffer.from(name), 0, name.length);
  }

  waits = 0;
  leftQueue(): void {
    this.waits++;
  }
  expire(): void {}
  answered(): void {}
  began(): void {}
  part(): void {}
  completed(): void {}
  refused(): void {}
  workerDied(): void {}
}

class FakeWorker implements RequestTaker, WorkerSlots {
  freeCount: number;
  busyCount = 0;
  readonly got: string[] = [];
  readonly cancelled: string[] = [];

  constructor(freeCount: number) {
    this.freeCount = freeCount;
  }

  send(exchange: Exchange): void {
    this.freeCount--;
    this.busyCount++;
    exchange.worker = this;
    const { front, frontBytes, body, from, to } = exchange.payload;
    this.got.push(`${front.toString("latin1", 0, frontBytes)} ${body.toString("latin1", from, to)}`);
  }

  credit(): void {}
  cancel(exchange: Exchange): void {
    this.cancelled.push((exchange as FakeExchange).name);
  }
}

test("requests go to the freest worker, then wait up to the limit, then are refused", () => {
  const dispatcher = new Dispatcher(2);
  const [small, large] = [new FakeWorker(1), new FakeWorker(2)];
  dispatcher.add(small);
  dispatcher.add(large);
  const taken = ["a", "b", "c", "d", "e", "f"].map((name) => dispatcher.submit(new FakeExchange(name)));
  assert.deepEqual(taken, [true, true, true, true, true, false]);
  assert.deepEqual(large.got, ["head a", "head c"]);
  assert.deepEqual(small.got, ["head b"]);
  assert.equal(dispatcher.queuedCount, 2);
  assert.equal(dispatcher.busyCount, 3);
});

test("what waits is taken in order, with what it was submitted with, whatever its buffers hold by then", () => {
  const dispatcher = new Dispatcher(10);
  const exchanges = ["a", "b", "c"].map((name) => new FakeExchange(name));
  const buffers = exchanges.flatMap(({ payload }) => [payload.front, payload.body]);
  for (const exchange of exchanges) dispatcher.submit(exchange);
  for (const buffer of buffers) buffer.fill("x");
  dispatcher.withdraw(exchanges[1]!);
  const worker = new FakeWorker(5);
  dispatcher.add(worker);
  assert.deepEqual(worker.got, ["head a", "head c"]);
  assert.equal(dispatcher.queuedCount, 0);
});

test("nobody overtakes: a free slot goes to who waited, not to who comes", () => {
  const dispatcher = new Dispatcher(10);
  const worker = new FakeWorker(1);
  dispatcher.add(worker);
  for (const name of ["a", "b"]) dispatcher.submit(new FakeExchange(name));
  worker.freeCount = 1;
  dispatcher.submit(new FakeExchange("c"));
  dispatcher.pump();
  assert.deepEqual(worker.got, ["head a", "head b"]);
});

test("a withdrawn request frees its place in the queue, wherever it stood, and is cancelled when a worker has it", () => {
  const dispatcher = new Dispatcher(3);
  const exchanges = ["a", "b", "c"].map((name) => new FakeExchange(name));
  for (const exchange of exchanges) dispatcher.submit(exchange);
  for (const exchange of [exchanges[2]!, exchanges[0]!, exchanges[1]!]) dispatcher.withdraw(exchange);
  assert.equal(dispatcher.queuedCount, 0);
  const worker = new FakeWorker(1);
  dispatcher.add(worker);
  assert.deepEqual(worker.got, []);
  const last = new FakeExchange("d");
  dispatcher.submit(last);
  dispatcher.withdraw(last);
  assert.deepEqual(worker.cancelled, ["d"]);
});
