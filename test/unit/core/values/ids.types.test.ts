import { expect, test } from "vitest";
import type { CommitId, LogName, StreamName } from "../../../../src/core/values/ids.ts";

const readStream = (log: LogName, stream: StreamName): string => `${log} ${stream}`;

test("ids: the compiler refuses an id in the place of another, and accepts plain texts", () => {
  const log: LogName = "team-7";
  const stream: StreamName = "task/t1";
  const plain: string = stream;
  expect(readStream(log, stream)).toBe(readStream("team-7", plain));
  // @ts-expect-error Argument of type 'StreamName' is not assignable to parameter of type 'LogName'
  expect(readStream(stream, log)).toBe("task/t1 team-7");
  // @ts-expect-error Type 'LogName' is not assignable to type 'CommitId'
  const commitId: CommitId = log;
  expect(commitId).toBe("team-7");
});
