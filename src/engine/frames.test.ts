import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { encodeFrame, FRAME, FRAME_BYTES_MAX, FrameReader } from "./frames.ts";

interface Seen {
  readonly type: number;
  readonly id: number;
  readonly payload: string;
}

function reading(): { readonly seen: Seen[]; readonly reader: FrameReader } {
  const seen: Seen[] = [];
  const reader = new FrameReader({
    frame: (type, id, buf, from, to) => seen.push({ type, id, payload: buf.toString("hex", from, to) }),
  });
  return { seen, reader };
}

test("any frames come out as they went in, however the stream is cut", () => {
  const frame = fc.record({
    type: fc.integer({ min: 0, max: 255 }),
    id: fc.integer({ min: 0, max: 0xffffffff }),
    payload: fc.uint8Array({ maxLength: 300 }),
  });
  const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 50 });
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 12 }), cuts, (frames, sizes) => {
      const bytes = Buffer.concat(
        frames.map(({ type, id, payload }) => encodeFrame(type, id, Buffer.from(payload))),
      );
      const { seen, reader } = reading();
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const end = at + sizes[i % sizes.length]!;
        assert.ok(reader.push(Buffer.from(bytes.subarray(at, end))));
        at = end;
      }
      const expected = frames.map(({ type, id, payload }) => ({
        type,
        id,
        payload: Buffer.from(payload).toString("hex"),
      }));
      assert.deepEqual(seen, expected);
    }),
  );
});

test("a length below its own header or above the limit breaks the stream", () => {
  for (const length of [0, 4, FRAME_BYTES_MAX + 1, 0xffffffff]) {
    const bytes = encodeFrame(1, 1, Buffer.alloc(0));
    bytes.writeUInt32LE(length);
    assert.equal(reading().reader.push(bytes), false);
  }
  const longest = encodeFrame(1, 1, Buffer.alloc(0));
  longest.writeUInt32LE(FRAME_BYTES_MAX);
  assert.equal(reading().reader.push(longest), true);
});

test("docs/internals/protocols.md has every frame with its number, and no other", () => {
  const page = readFileSync(new URL("../../docs/internals/protocols.md", import.meta.url), "utf8");
  const rows = [...page.matchAll(/^\| (0x[0-9a-f]{2}) ([A-Z_]+) \|/gm)];
  assert.deepEqual(Object.fromEntries(rows.map(([, number, name]) => [name, Number(number)])), FRAME);
});
