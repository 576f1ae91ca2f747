/** OpenAI's own client, unmodified, against a processor that speaks its routes (examples/openai-chat), through the gateway with the service's token as key. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import OpenAI from "openai";
import { Installation, ROOT } from "./harness/installation.ts";

const EXAMPLE = join(ROOT, "examples", "openai-chat");
const MODEL = "licence-words";
const sluice = new Installation({ gatewayWorkers: 1 });
let client: OpenAI;
let token: string;
let baseURL: string;

before(async () => {
  await sluice.start();
  const spec = JSON.parse(readFileSync(join(EXAMPLE, "service.json"), "utf8"));
  const file = join(sluice.home, "service.json");
  // One thread, so that whatever keeps it keeps all others out.
  const metadata = { ...spec.metadata, rpc: { worker_threads: 1 } };
  const paths = { processor_path: EXAMPLE, model_path: join(EXAMPLE, "model") };
  writeFileSync(file, JSON.stringify({ ...spec, ...paths, metadata }));
  await sluice.ok("create", file);
  baseURL = `${sluice.clientConfig().gateway}/api/predict/licence_chat/v1`;
  token = (await sluice.service("licence_chat")).AccessToken;
  client = new OpenAI({ baseURL, apiKey: token, maxRetries: 0 });
});
after(() => sluice.stop());

const ask = (content: string) => ({ model: MODEL, messages: [{ role: "user" as const, content }] });

test("models are listed, and told one by one", async () => {
  const ids: string[] = [];
  for await (const model of client.models.list()) ids.push(model.id);
  assert.deepEqual(ids, [MODEL, "hashed-features"]);
  assert.equal((await client.models.retrieve(MODEL)).owned_by, "sluice");
});

test("a chat is completed from what the model has learned, the same each time", async () => {
  const question = { ...ask("Each Contributor"), temperature: 0, max_completion_tokens: 20 };
  const answer = await client.chat.completions.create(question);
  const [choice] = answer.choices;
  assert.match(choice!.message.content!, /^hereby grants to You a perpetual, worldwide, non-exclusive,/);
  assert.equal(choice!.finish_reason, "length");
  assert.deepEqual(answer.usage, { prompt_tokens: 2, completion_tokens: 20, total_tokens: 22 });
  const texts = async (seed?: number) => {
    const chat = { ...ask("You may"), ...(seed === undefined ? {} : { seed }) };
    return (await client.chat.completions.create(chat)).choices[0]!.message.content;
  };
  assert.equal(await texts(), await texts());
  const seeded = new Set(await Promise.all([1, 2, 3, 4, 5, 6].map(texts)));
  assert.ok(seeded.size > 1, "another seed, another answer");
});

test("a stream has the same words piece by piece, and says what was used", async () => {
  const question = { ...ask("Each Contributor"), temperature: 0 };
  const whole = await client.chat.completions.create(question);
  const stream = await client.chat.completions.create({
    ...question,
    stream: true,
    stream_options: { include_usage: true },
  });
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  const text = chunks.map((c) => c.choices[0]?.delta.content ?? "").join("");
  assert.equal(text, whole.choices[0]!.message.content);
  assert.deepEqual(chunks.at(-1)!.usage, whole.usage);
  assert.equal(chunks.at(-2)!.choices[0]!.finish_reason, whole.choices[0]!.finish_reason);
  assert.ok(chunks.length > 60);
  const gathered = await client.chat.completions.stream(question).finalContent();
  assert.equal(gathered, text);
});

test("embeddings: as the client asks for them, and as plain numbers; near texts are near", async () => {
  const create = (more: object = {}) =>
    client.embeddings.create({
      model: "hashed-features",
      input: ["a licence to use the work", "licences for using works", "bananas are yellow"],
      ...more,
    });
  const packed = await create();
  const plain = await create({ encoding_format: "float" });
  const [a, b, c] = plain.data.map((d) => d.embedding) as [number[], number[], number[]];
  assert.deepEqual(
    packed.data.map((d) => d.embedding.map((v) => v.toFixed(6))),
    [a, b, c].map((vector) => vector.map((v) => Math.fround(v).toFixed(6))),
  );
  const near = (x: number[], y: number[]) => x.reduce((sum, v, i) => sum + v * y[i]!, 0);
  assert.ok(Math.abs(near(a, a) - 1) < 1e-9);
  assert.ok(near(a, b) > near(a, c) + 0.1, `${near(a, b)} and ${near(a, c)}`);
  assert.equal((await create({ dimensions: 64 })).data[0]!.embedding.length, 64);
  assert.equal(plain.usage.prompt_tokens, 13);
});

test("who stops reading a stream sets the worker free for the next", async () => {
  // Some 20 MB, of which nobody takes more than the first.
  const long = { ...ask("You may"), max_completion_tokens: 100_000, stream: true as const };
  for (const leave of ["break", "abort"] as const) {
    const stream = await client.chat.completions.create(long);
    let seen = 0;
    for await (const _chunk of stream) {
      if (++seen < 3) continue;
      if (leave === "break") break;
      stream.controller.abort();
    }
    assert.ok(seen >= 3);
    const next = await client.chat.completions.create({ ...ask("You may"), max_completion_tokens: 3 });
    assert.equal(next.usage!.completion_tokens, 3, leave);
  }
});

test("refusals are the client's own errors", async () => {
  const stranger = new OpenAI({ baseURL, apiKey: "wrong", maxRetries: 0 });
  await assert.rejects(stranger.models.list(), OpenAI.AuthenticationError);
  await assert.rejects(client.chat.completions.create({ ...ask("x"), model: "gpt" }), (error) => {
    return (
      error instanceof OpenAI.NotFoundError && error.code === "model_not_found" && /'gpt'/.test(error.message)
    );
  });
  await assert.rejects(client.chat.completions.create({ ...ask("x"), temperature: 3 }), (error) => {
    return error instanceof OpenAI.BadRequestError && error.param === "temperature";
  });
  await assert.rejects(
    client.embeddings.create({ model: "hashed-features", input: [] }),
    OpenAI.BadRequestError,
  );
  await assert.rejects(client.files.list(), OpenAI.NotFoundError);
});

test("the README's program is one that works", async () => {
  const readme = readFileSync(join(EXAMPLE, "README.md"), "utf8");
  const program = /```js\n([\s\S]*?)```/
    .exec(readme)![1]!
    .replace("http://127.0.0.1:8080/api/predict/licence_chat/v1", baseURL)
    .replace("YOUR_TOKEN", token);
  const printed = execFileSync(process.execPath, ["--input-type=module", "-e", program], {
    cwd: ROOT,
    encoding: "utf8",
    timeout: 60_000,
  });
  assert.match(printed, /^hereby grants to You/);
  assert.match(printed, /256\n$/);
});
