import { expect, test } from "vitest";
import { boundedText } from "../../../../src/client/sync/bounded-text.ts";

/** An answer in pieces, and whether its reader cancelled it. */
function answerOf(pieces: Iterable<Uint8Array<ArrayBuffer>>) {
  const state = { isCancelled: false };
  const iterator = pieces[Symbol.iterator]();
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      const next = iterator.next();
      if (next.done) controller.close();
      else controller.enqueue(next.value);
    },
    cancel: () => void (state.isCancelled = true),
  });
  return { response: new Response(body), state };
}

test("boundedText: joins the pieces of an answer, also where a piece ends inside a character", async () => {
  const text = "Käse 🧀 und Brot";
  const bytes = new TextEncoder().encode(text);
  const sizes: number[] = [];
  const pieces = Array.from(bytes, (byte) => Uint8Array.of(byte));
  expect(await boundedText(answerOf(pieces).response, (size) => sizes.push(size))).toBe(text);
  expect(sizes).toEqual(pieces.map(() => 1));
  const cut = answerOf([bytes.slice(0, bytes.length - "t".length), Uint8Array.of(0xc3)]);
  expect(await boundedText(cut.response, () => {})).toBe("Käse 🧀 und Bro\ufffd");
});

test("boundedText: returns an empty text for an answer without a body", async () => {
  expect(await boundedText(new Response(null, { status: 204 }), () => expect.fail("no piece"))).toBe("");
  expect(await boundedText(new Response(""), () => {})).toBe("");
});

test("boundedText: accepts 64 MiB, and stops an answer that is larger", async () => {
  const piece = new Uint8Array(1024 * 1024).fill(0x20);
  const pieces = (count: number) => Array.from({ length: count }, () => piece);
  expect((await boundedText(answerOf(pieces(64)).response, () => {})).length).toBe(64 * 1024 * 1024);
  const { response, state } = answerOf(pieces(200));
  await expect(boundedText(response, () => {})).rejects.toThrow("larger than");
  expect(state.isCancelled).toBe(true);
});
