import { expect, test } from "vitest";
import {
  parseCommit,
  parsePushAnswer,
  parsePushEnvelope,
  parseRecords,
} from "../../../../src/core/wire/read-messages.ts";
import { samplesOf } from "../../../support/samples.ts";

type ReadSample = (text: string) => { readonly ok: boolean };

const readers: ReadonlyMap<string, ReadSample> = new Map<string, ReadSample>([
  ["commit", (text) => parseCommit(JSON.parse(text))],
  ["record", (text) => parseRecords([JSON.parse(text)])],
  ["push", parsePushEnvelope],
  ["push-answer", parsePushAnswer],
  [
    "outcome",
    (text) =>
      parsePushAnswer(
        JSON.stringify({ outcomes: [JSON.parse(text)], after: null, records: [], cursor: null, head: 0, more: false }),
      ),
  ],
]);

test("read-messages: accepts every example of docs/protocol.md", async () => {
  const samples = (await samplesOf("docs/protocol.md")).filter(({ language }) => language === "json");
  expect(new Set(samples.map(({ name }) => name))).toEqual(new Set(readers.keys()));
  for (const { name, code } of samples)
    expect(readers.get(name)?.(code), `${name}: ${code}`).toMatchObject({ ok: true });
});

test("P24 read-messages: refuses an example with a missing field", async () => {
  const samples = await samplesOf("docs/protocol.md");
  const broken = samples
    .map(({ name, code }) => ({ name, code, without: code.replace(/"(id|position|after|outcomes)":/, '"gone":') }))
    .filter(({ code, without }) => without !== code);
  expect(broken.length).toBeGreaterThan(5);
  for (const { name, without } of broken)
    expect(readers.get(name)?.(without), `${name} without a field`).toMatchObject({ ok: false });
});
