import { describe, expect, it } from "@jest/globals";
import { systemClock } from "@trellis/resource";

import { BackendUrlError, openBackend } from "./open-backend.ts";

const deps = { clock: systemClock, random: () => 0.5 };

async function failureOf(url: string): Promise<string> {
  try {
    const backend = await openBackend(url, deps);
    await backend.close();
  } catch (error) {
    if (BackendUrlError.is(error)) return error.message;
    throw error;
  }
  return "opened";
}

describe("openBackend", () => {
  it("opens a memory backend", async () => {
    const backend = await openBackend("memory:", deps);
    expect(backend.capabilities).toMatchObject({ durable: false, strongReads: true });
    await backend.close();
  });

  it("passes the options of the URL on", async () => {
    const backend = await openBackend(
      "memory:?history-commits=2&history-age-ms=1000&history-bytes=4096&watches=1",
      deps,
    );
    const query = { group: "g", kind: "k", partition: "*", namespace: "*" };
    const since = backend.position();
    for (const name of ["a", "b", "c"]) {
      const key = { group: "g", kind: "k", partition: "p", namespace: "n", name };
      const record = {
        uid: "u",
        groupVersion: "v1",
        generation: "g",
        marked: false,
        bytes: new Uint8Array(),
      };
      await backend.commit([{ kind: "put", key, record, preconditions: [] }]);
    }
    await expect(backend.watch(query, { since }).next()).rejects.toMatchObject({ code: "history-gone" });
    backend.watch(query);
    expect(() => backend.watch(query)).toThrow("at most 1 watches");
    await backend.close();
  });

  it("names the schemes that it knows when it does not know one", async () => {
    expect(await failureOf("redis://localhost")).toBe("no backend has the scheme redis:; expected memory:");
    expect(await failureOf("nonsense")).toBe('"nonsense" is not a backend URL; expected memory:');
  });

  it("says of planned backends that they come later", async () => {
    for (const url of ["raft:", "trellis://host:7520", "trellis+tls://host:7520"]) {
      expect(await failureOf(url)).toContain("come with a later version; expected memory:");
    }
  });

  it("names an option that memory: does not have, and those it has", async () => {
    expect(await failureOf("memory:?size=3")).toMatch(
      /^memory: has no option size; it has history-commits, /,
    );
  });

  it("refuses an option's value that is not a whole number above 0", async () => {
    for (const value of ["0", "-1", "many", "1.5", ""]) {
      expect(await failureOf(`memory:?watches=${value}`)).toContain(`found "${value}"`);
    }
  });

  it("refuses a path", async () => {
    expect(await failureOf("memory:data")).toContain("memory: takes no path");
    expect(await failureOf("memory://host")).toContain("memory: takes no path");
  });
});
