import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

import { chaptersOf } from "./chapters.ts";
import { createReader, type Reader } from "./reader.ts";

const SETUP_TIMEOUT_MS = 120_000;

/** A page with one file and its test, which expects 42. */
function pageWith(code: string): string {
  return `\`\`\`ts file=answer.ts
${code}
\`\`\`

\`\`\`ts file=answer.test.ts
import { expect, it } from "@jest/globals";
import { answer } from "./answer.ts";
it("is the answer", () => expect(answer).toBe(42));
\`\`\`
`;
}

describe("a reader of pages", () => {
  let reader: Reader;
  beforeAll(async () => {
    reader = await createReader();
  }, SETUP_TIMEOUT_MS);
  afterAll(() => reader?.remove());

  it(
    "notices a test that fails, a file that cannot be loaded, and code that does not compile",
    async () => {
      const pages = {
        right: "export const answer = 42;",
        wrong: "export const answer = 41;",
        broken: "export const other = 42;",
        untyped: 'export const answer: string = 42 as unknown as "42"; answer.toFixed();',
      };
      const folders = new Map<string, string>();
      for (const [name, code] of Object.entries(pages)) {
        const page = pageWith(code);
        const [folder = ""] = await reader.follow(name, page, chaptersOf(page));
        folders.set(name, folder);
      }
      const tests = await reader.test();
      const fileOf = (name: string) => tests.get(`${folders.get(name)}/answer.test.ts`);
      expect(fileOf("right")).toEqual({ passed: ["is the answer"], failure: "" });
      expect(fileOf("wrong")).toMatchObject({ passed: [], failure: expect.stringMatching(/Expected: 42/) });
      expect(fileOf("broken")).toMatchObject({ passed: [], failure: expect.stringMatching(/answer/) });
      const errors = await reader.typeErrors();
      expect(errors).toMatch(/pages\/untyped\/chapter-1\/answer\.ts.*toFixed/);
      expect(errors).toMatch(/pages\/broken\/chapter-1\/answer\.test\.ts.*answer/);
      expect(errors).not.toMatch(/pages\/right/);
    },
    SETUP_TIMEOUT_MS,
  );
});
