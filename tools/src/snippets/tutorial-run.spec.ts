import { readFileSync } from "node:fs";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { runProgram, type ServerProcess, startStandalone } from "@trellis/testkit";

import { inRepository } from "../repository.ts";
import { chaptersOf, commandsOf } from "./chapters.ts";
import { createReader, type Reader } from "./reader.ts";

const PAGE = readFileSync(inRepository("docs/controllers/tutorial.md"), "utf8");
const SETUP_TIMEOUT_MS = 120_000;

describe("the tutorial's last chapter", () => {
  let reader: Reader;
  let folder: string;
  let server: ServerProcess;
  beforeAll(async () => {
    reader = await createReader();
    // The manifest comes after the last test: it is part of what the reader has in the end.
    const folders = await reader.follow("tutorial", PAGE, chaptersOf(PAGE, { toEnd: true }));
    folder = folders.at(-1) ?? "";
    server = await startStandalone({ domains: [folder], flags: ["--memory"] });
  }, SETUP_TIMEOUT_MS);
  afterAll(async () => {
    await server?.stop();
    await reader?.remove();
  });

  it("starts a server with the reader's folder, and each command of the page does what it says", async () => {
    const said = new Map<string, string>();
    for (const command of commandsOf(PAGE, "npx trellis ")) {
      const words = command.replaceAll("examples/sites", folder).split(/\s+/).slice(2);
      const { exitCode, stdout, stderr } = await runProgram("trellis", [...words, "--server", server.url]);
      expect({ command, exitCode, stderr }).toEqual({ command, exitCode: 0, stderr: "" });
      said.set(command, stdout);
    }
    expect(said.get("npx trellis get sites")).toMatch(/ada +ada\.example +home, about at ada\.example/);
    expect(said.get("npx trellis get pages")).toMatch(/ada-about[^]*ada-home/);
    expect([...said.keys()].at(-1)).toBe("npx trellis delete site/ada --wait");
    const events = await fetch(`${server.url}/events?resource=site/ada`);
    expect(await events.json()).toMatchObject({ events: [{ message: "ada.example is free again" }] });
    expect((await fetch(`${server.url}/controllers`)).status).toBe(200);
  });
});
