/** Processors in C++ that do what they must not, and libraries that cannot be loaded: what clients and owners are told. */
import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { compileCpp } from "../testing/compile-cpp.ts";
import { EngineInstance, eventually, type InstanceOptions } from "../testing/engine-instance.ts";
import { answerOf, type PeerSpec, WorkerPeer } from "../testing/worker-peer.ts";
import { FRAME } from "./frames.ts";

/** Does what the body names; anything else is answered as it came. */
const MISBEHAVING = `
#include <sluice_processor.h>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>

static int answer(const std::string &text, void **output, int *size) {
  *output = std::malloc(text.size() + 1);
  std::memcpy(*output, text.data(), text.size());
  *size = static_cast<int>(text.size());
  return 0;
}

struct Odd {};

#pragma GCC diagnostic ignored "-Winfinite-recursion"
static int deeper(volatile int level) {
  volatile char room[4096];
  room[0] = static_cast<char>(level);
  return deeper(level + 1) + room[0];
}

void *initialize(const char *, const char *config, int *) {
  std::cout << "configured by " << config << std::endl;
  return const_cast<char *>("model");
}

int process(void *model, const void *input, int input_size, void **output, int *output_size) {
  std::string word(static_cast<const char *>(input), input_size);
  if (std::strlen(static_cast<const char *>(input)) != word.size()) return 500;
  if (std::string(static_cast<char *>(model)) != "model") return 500;
  if (word == "none") return 200;
  if (word == "negative") return answer(word, output, output_size), *output_size = -3, 200;
  if (word == "huge") return answer(word, output, output_size), *output_size = INT_MAX, 200;
  if (word == "beyond") return answer(word, output, output_size), *output_size = 1000000, 200;
  if (word == "nowhere") return *output_size = 5, 200;
  if (word == "inside") return *output = const_cast<void *>(input), *output_size = input_size, 200;
  if (word == "code 7") return answer(word, output, output_size), 7;
  if (word == "code -1") return -1;
  if (word == "refuse") return answer("not today", output, output_size), 422;
  if (word == "throw") throw std::out_of_range("no such\\n row");
  if (word == "throw odd") throw Odd();
  if (word == "memory") return std::string(size_t(1) << 40, 'x').size() > 1 ? 200 : 201;
  if (word == "abort") std::abort();
  if (word == "write") *static_cast<volatile char *>(nullptr) = 1;
  if (word == "far") std::memset(std::malloc(8), 1, 1 << 30);
  if (word == "behind") const_cast<char *>(static_cast<const char *>(input))[input_size + 1] = 1;
  if (word == "static") return *output = const_cast<char *>("a text of the program itself"), *output_size = 1, 200;
  if (word == "deep") return deeper(0);
  if (word == "exit") std::exit(3);
  if (word == "thread") std::thread([] { throw std::logic_error("in a thread"); }).join();
  if (word == "hang") for (volatile int i = 0;; i = i + 1) {}
  return answer(word, output, output_size);
}
`;

const BATCHING = `
#include <sluice_processor.h>
#include <cstdlib>
#include <cstring>
#include <string>
void *initialize(const char *, const char *, int *state) { return *state = 0, nullptr; }
static void give(const std::string &text, void **output, int *size) {
  *output = strdup(text.c_str());
  *size = static_cast<int>(text.size());
}
int process(void *, const void *input, int, void **output, int *size) {
  std::string word(static_cast<const char *>(input));
  give("alone " + word, output, size);
  return word == "bad" ? 400 : 200;
}
int batch_process(void *, const void *input[], int *, void *output[], int *size) {
  bool isBad = false;
  for (int i = 0; input[i] != nullptr; i++) {
    std::string word(static_cast<const char *>(input[i]));
    isBad = isBad || word == "bad";
    if (word == "wrong") size[i] = -9;
    else if (word != "leave") give("together " + word, &output[i], &size[i]);
  }
  return isBad ? 500 : 200;
}
`;

const folder = mkdtempSync(join(tmpdir(), "sluice-cpp-"));
after(() => rmSync(folder, { recursive: true, force: true }));

function library(name: string, source: string, ...options: readonly string[]): void {
  writeFileSync(join(folder, `${name}.cpp`), source);
  compileCpp(join(folder, `${name}.cpp`), ...options);
}

// Its warnings are what it is for.
library("odd", MISBEHAVING, "-w");

const rest = {
  rpc: { workerThreads: 2, maxQueueSize: 64, keepaliveMs: 5000 },
  limits: { cpu: 1, memoryMb: 128 },
};
const specOf = (entry: string): PeerSpec => ({
  processor: { kind: "custom", language: "cpp", dir: folder, entry },
  model: { path: null, entry: null, config: null },
  ...rest,
});

async function started(t: TestContext, options: Partial<InstanceOptions> = {}): Promise<EngineInstance> {
  const instance = new EngineInstance({
    processor: { kind: "custom", language: "cpp", dir: folder, entry: "odd.so" },
    ...options,
    limits: { workerDeathsMax: 100, ...options.limits },
  });
  t.after(() => instance.dispose());
  await instance.ready();
  return instance;
}

test("garbage from a processor is 500 with a sentence, an error code its message, an exception 400; the worker goes on", async (t) => {
  const instance = await started(t);
  const EXPECTED: readonly (readonly [string, number, RegExp | string])[] = [
    ["none", 200, ""],
    ["fine", 200, "fine"],
    ["", 200, ""],
    ["refuse", 422, "not today"],
    ["negative", 500, /^process of odd\.so returned a length of -3 bytes; allowed: 0 to \d+$/],
    ["huge", 500, /returned a length of 2147483647 bytes; allowed/],
    ["beyond", 500, /returned a length of 1000000 bytes for memory of \d+ bytes$/],
    ["nowhere", 500, /returned a length of 5 bytes and no address of them$/],
    ["inside", 500, /returned a place inside of its input; allowed: memory from malloc$/],
    ["code 7", 500, /returned the code 7; allowed: 0, or an HTTP code from 200 to 599$/],
    ["code -1", 500, /returned the code -1; allowed/],
    ["throw", 400, "std::out_of_range: no such row"],
    ["throw odd", 400, "an exception of type Odd"],
    ["memory", 500, "the processor ran out of memory for this request; metadata.memory is 512 MB"],
  ];
  for (const [word, status, text] of EXPECTED) {
    const answer = await instance.call(word);
    assert.equal(answer.status, status, `${word}: ${answer.body}`);
    if (typeof text === "string") assert.equal(answer.body.toString(), text);
    else assert.match(answer.body.toString(), text);
  }
  assert.equal((await instance.call("refuse")).headers["content-type"], "text/plain; charset=utf-8");
  assert.equal((await instance.call("fine")).headers["content-type"], "application/octet-stream");
  assert.deepEqual(JSON.parse((await instance.call(null)).body.toString()), {
    processor: "custom",
    language: "cpp",
    entry: "odd.so",
  });
  assert.equal(instance.state?.workerRestarts, 0);
  assert.match(instance.logText, /configured by $/m);
});

test("what ends the worker is 500 for what it held, is told in the log, and the next one serves", async (t) => {
  const instance = await started(t);
  const DEADLY: readonly (readonly [string, RegExp])[] = [
    ["abort", /odd\.so ended the worker by SIGABRT in process$/m],
    ["write", /odd\.so ended the worker by SIGSEGV in process at address 0x0$/m],
    ["far", /odd\.so ended the worker by SIGSEGV in process at address 0x[0-9a-f]{4,}$/m],
    ["behind", /process of odd\.so wrote behind the end of its input$/m],
    ["static", /odd\.so ended the worker by SIG(ABRT|SEGV) in process/m],
    ["deep", /odd\.so ended the worker by SIGSEGV in process at address 0x[0-9a-f]{4,}$/m],
    ["exit", /odd\.so ended the worker by exit\(\) in process$/m],
    ["thread", /odd\.so ended the worker by SIGABRT: nothing caught std::logic_error: in a thread$/m],
  ];
  for (const [n, [word, line]] of DEADLY.entries()) {
    const answer = await instance.call(word);
    assert.equal(answer.status, 500, word);
    assert.equal(answer.headers["x-sluice-reason"], "WORKER_DIED", word);
    assert.equal((await instance.call("fine")).body.toString(), "fine");
    await eventually(`${line} for ${word} in ${instance.logText}`, () => line.test(instance.logText));
    assert.equal(instance.state?.workerRestarts, n + 1, word);
  }
  assert.match(instance.logText, /odd\.so\(process\+0x/, "a stack trace");
});

test("an endless loop is 408, takes one thread only, and a worker with nothing else is ended and started again", async (t) => {
  const rpc = { workerThreads: 2, keepaliveMs: 300 };
  const instance = await started(t, { rpc, limits: { workerHungMs: 500 } });
  assert.equal((await instance.call("hang")).status, 408);
  assert.equal((await instance.call("fine")).status, 200, "the other thread");
  assert.equal((await instance.call("hang")).status, 408);
  await instance.until("the next worker", (state) => state.workerRestarts === 1 && state.workersReady === 1);
  assert.equal((await instance.call("fine")).status, 200);
});

test("rows of a batch that are left out, or fail together, are tried alone; wrong sizes fail one row", async (t) => {
  library("batches", BATCHING);
  const spec = specOf("batches.so");
  const peer = await WorkerPeer.start(spec);
  t.after(() => peer.dispose());
  const ready = await peer.init(spec);
  assert.equal(JSON.parse(ready.payload.toString()).batch, true);
  const ask = async (...words: string[]) => {
    peer.send(peer.batch(words.map((word, i) => ({ id: i + 1, body: word }))));
    const answers = [];
    for (const [i] of words.entries()) {
      const { status, body } = answerOf(await peer.take(i + 1));
      answers.push(`${status} ${body}`);
    }
    return answers;
  };
  assert.deepEqual(await ask("a", "leave", "b"), ["200 together a", "200 alone leave", "200 together b"]);
  assert.deepEqual(await ask("a", "bad"), ["200 alone a", "400 alone bad"]);
  const [first, second] = await ask("a", "wrong");
  assert.equal(first, "200 together a");
  assert.match(second!, /^500 batch_process of batches\.so returned a length of -9 bytes/);
  assert.deepEqual(await ask("bad"), ["500 together bad"]);
});

const HEAD = `#include <stdexcept>\n#include <cstdlib>\nextern "C" {\n`;
const INITIALIZE = "void *initialize(const char *, const char *, int *) { return nullptr; }\n";
const PROCESS = "int process(void *, const void *, int, void **, int *) { return 0; }\n";
const initialize = (body: string) =>
  `${HEAD}void *initialize(const char *, const char *, int *) { ${body} }\n${PROCESS}}`;

test("what cannot be loaded fails the start with one sentence", async (t) => {
  library("whole", `${HEAD}${INITIALIZE}${PROCESS}}`);
  writeFileSync(
    join(folder, "words.so"),
    "not a library at all, but long enough for a header of ELF, which it is not\n",
  );
  const foreign = readFileSync(join(folder, "whole.so"));
  foreign.writeUInt16LE(process.arch === "x64" ? 183 : 62, 18);
  writeFileSync(join(folder, "foreign.so"), foreign);
  writeFileSync(join(folder, "half.so"), readFileSync(join(folder, "whole.so")).subarray(0, 3000));
  library("object", `${HEAD}${INITIALIZE}${PROCESS}}`, "-c");
  library("nothing", "int x;\n");
  library("mangled", `${HEAD}${INITIALIZE}}\n${PROCESS}`);
  library(
    "undefined",
    `${HEAD}int helper(int);\n}\nnamespace mine { int other(); }\n${initialize("return helper(mine::other()) ? nullptr : nullptr;")}`,
  );
  library("helper", "int lent() { return 1; }\n");
  library(
    "needy",
    `int lent();\n${initialize("return lent() ? nullptr : nullptr;")}`,
    join(folder, "helper.so"),
    "-Wl,-soname,needy",
  );
  copyFileSync(join(folder, "needy.so"), join(folder, "bereft.so"));
  library("throws", initialize('throw std::runtime_error("no weights");'));
  library("crashes", initialize("std::abort();"));
  library("built", `${HEAD}${INITIALIZE}${PROCESS}}\nstruct Built { Built() { std::abort(); } } built;\n`);
  library("leaves", initialize("std::exit(0);"));
  const REFUSED: readonly (readonly [string, RegExp])[] = [
    ["absent.so", /^absent\.so cannot be read: No such file or directory$/],
    ["words.so", /^words\.so is not a shared library: it does not begin as an ELF file$/],
    ["foreign.so", /^foreign\.so is built for (arm64|x86-64); this machine is (x86-64|arm64)$/],
    ["half.so", /^half\.so is cut short: it ends after 3000 bytes$/],
    ["object.so", /^object\.so is an object file: link it with -shared$/],
    ["nothing.so", /^nothing\.so has no function initialize: .*extern "C"/],
    ["mangled.so", /^mangled\.so has no function process: .*extern "C"/],
    [
      "undefined.so",
      /^undefined\.so cannot be loaded: nothing defines (helper|mine::other\(\)), which it uses; link/,
    ],
    ["throws.so", /^initialize of throws\.so ended by std::runtime_error: no weights$/],
  ];
  for (const [entry, message] of REFUSED) {
    const peer = await WorkerPeer.start(specOf(entry));
    t.after(() => peer.dispose());
    const frame = await peer.init(specOf(entry));
    assert.equal(frame.type, FRAME.FAILED, entry);
    assert.match(JSON.parse(frame.payload.toString()).message, message);
    assert.equal((await peer.exited).code, 1);
  }
  const ENDED: readonly (readonly [string, RegExp])[] = [
    [
      "built.so",
      /was ended by SIGABRT before it was ready: built\.so ended the worker by SIGABRT in dlopen$/,
    ],
    [
      "crashes.so",
      /was ended by SIGABRT before it was ready: crashes\.so ended the worker by SIGABRT in initialize$/,
    ],
    [
      "leaves.so",
      /exited with code 0 before it was ready: leaves\.so ended the worker by exit\(\) in initialize$/,
    ],
  ];
  for (const [entry, message] of ENDED) {
    const instance = new EngineInstance({
      processor: { kind: "custom", language: "cpp", dir: folder, entry },
    });
    t.after(() => instance.dispose());
    await instance.exited;
    assert.match(instance.exit!.message, message);
  }
  const peer = await WorkerPeer.start(specOf("needy.so"));
  t.after(() => peer.dispose());
  assert.equal((await peer.init(specOf("needy.so"))).type, FRAME.READY, "what it needs lies beside it");
});
