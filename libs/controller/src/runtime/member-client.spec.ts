import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";

import { Artist, createRun, type Run } from "../test-support/run.ts";
import { memberClient, UnleasedWriteError } from "./member-client.ts";

let run: Run;
beforeEach(() => {
  run = createRun([]);
});
afterEach(() => run.close());

const input = { name: "korn", data: { name: "Korn" } };

describe("the client of a controller that runs in every process", () => {
  it("reads, and sends no write", async () => {
    await run.artist("muse", "Muse");
    const client = memberClient(run.client, "everyMember");
    expect((await client.read(Artist, { name: "muse" })).data.name).toBe("Muse");
    const { version } = run.server.backend.position();
    await expect(client.write(Artist, input)).rejects.toThrow(UnleasedWriteError);
    await expect(client.delete(Artist, { name: "muse" })).rejects.toThrow("placement everyMember");
    expect(run.server.backend.position().version).toBe(version);
  });

  it.each([
    ["it says that it writes", { kind: "everyMember", writes: true }],
    ["it runs in one process only", "singleton"],
    ["it says nothing", undefined],
  ] as const)("writes when %s", async (_, placement) => {
    const { resource } = await memberClient(run.client, placement).write(Artist, input);
    expect(resource.data.name).toBe("Korn");
  });
});
