import { readFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

import { type Checkout, createCheckout } from "./test-support/checkout.ts";

/** For each check, what spoils a checkout, and what the check then says. */
const violations: readonly {
  readonly check: string;
  readonly violation: string;
  readonly spoil: (checkout: Checkout) => void;
  readonly says: RegExp;
}[] = [
  {
    check: "generated code",
    violation: "generated code that was edited",
    spoil: (checkout) => append(checkout, "libs/protos/src/gen/trellis/demo/v2/demo_pb.ts", "// edited\n"),
    says: /libs\/protos\/src\/gen\/trellis\/demo\/v2\/demo_pb\.ts is not what its sources give: npm run generate/,
  },
  {
    check: "generated code",
    violation: "generated code whose source is gone",
    spoil: (checkout) => checkout.write("libs/protos/src/gen/trellis/gone/v1/gone_pb.ts", ""),
    says: /trellis\/gone\/v1\/gone_pb\.ts is not what its sources give/,
  },
  {
    check: "generated code",
    violation: "a page of errors that was edited",
    spoil: (checkout) => append(checkout, "docs/ERRORS.md", "and more\n"),
    says: /docs\/ERRORS\.md is not what the error catalogue gives: npm run generate/,
  },
  {
    check: "proto lint",
    violation: "a field in camel case",
    spoil: (checkout) =>
      checkout.write(
        "proto/trellis/bad/v1/bad.proto",
        'syntax = "proto3";\npackage trellis.bad.v1;\nmessage Bad { string camelCase = 1; }\n',
      ),
    says: /camelCase/,
  },
  {
    check: "proto breaking",
    violation: "a field that became another",
    spoil: (checkout) =>
      replace(
        checkout,
        "proto/trellis/demo/v2/demo.proto",
        /repeated string tracks = \d+/,
        "string tracks = 99",
      ),
    says: /tracks/,
  },
  {
    check: "types",
    violation: "a string for a number",
    spoil: (checkout) => checkout.write("libs/bad/src/bad.ts", 'export const bad: number = "one";\n'),
    says: /bad\.ts.*TS2322|Type 'string' is not assignable/,
  },
  {
    check: "lint and sizes",
    violation: "a function of 71 lines",
    spoil: (checkout) => checkout.write("libs/bad/src/long-function.ts", functionOf(71)),
    says: /max-lines-per-function.*\n.*long-function\.ts/,
  },
  {
    check: "lint and sizes",
    violation: "a file of 401 lines",
    spoil: (checkout) => checkout.write("libs/bad/src/long-file.ts", "export {};\n".repeat(401)),
    says: /max-lines\b.*\n.*long-file\.ts/,
  },
  {
    check: "lint and sizes",
    violation: "a promise that nobody waits for",
    spoil: (checkout) =>
      checkout.write(
        "libs/bad/src/floating.ts",
        "export async function work(): Promise<void> {}\nexport function start(): void {\n  work();\n}\n",
      ),
    says: /no-floating-promises/,
  },
  {
    check: "format",
    violation: "a file that prettier would write in another way",
    spoil: (checkout) => checkout.write("libs/bad/src/bad.ts", "export const bad = 'one'\n"),
    says: /libs\/bad\/src\/bad\.ts/,
  },
  {
    check: "import directions",
    violation: "storage that knows the resource service",
    spoil: (checkout) =>
      checkout.write("libs/storage/src/bad.ts", 'import { x } from "@trellis/resource-service";\n'),
    says: /libs\/storage\/src\/bad\.ts:1 may not import @trellis\/resource-service/,
  },
  {
    check: "dependencies",
    violation: "an import that package.json does not declare",
    spoil(checkout) {
      checkout.write(
        "libs/bad/package.json",
        '{ "name": "@trellis/bad", "dependencies": { "ulid": "3.0.2" } }\n',
      );
      checkout.write("libs/bad/src/bad.ts", 'import { parse } from "yaml";\n');
    },
    says: /does not declare yaml.*\n.*declares ulid, which its source never imports/,
  },
  {
    check: "documentation",
    violation: "a link to nowhere",
    spoil: (checkout) => checkout.write("docs/BAD.md", "# Bad\n\n[there](NOWHERE.md)\n"),
    says: /docs\/BAD\.md:3 links to NOWHERE\.md, which does not exist/,
  },
  {
    check: "documentation",
    violation: "a script that does not exist",
    spoil: (checkout) => checkout.write("docs/BAD.md", "```sh\nnpm run nonsense\n```\n"),
    says: /docs\/BAD\.md:2 names the npm script "nonsense", which package\.json does not have/,
  },
];

describe("every check of the gate", () => {
  let checkout: Checkout;
  beforeAll(() => {
    checkout = createCheckout();
  });
  afterAll(() => checkout.remove());

  it.each([...new Set(violations.map(({ check }) => check))])(
    "passes a clean checkout: %s",
    async (check) => {
      expect(await checkout.check(check)).toMatchObject({ passed: 1, failed: 0 });
    },
  );

  it.each(violations)("$check refuses $violation", async ({ check, spoil, says }) => {
    const spoiled = createCheckout();
    try {
      spoil(spoiled);
      const result = await spoiled.check(check);
      expect(result).toMatchObject({ passed: 0, failed: 1 });
      expect(result.output).toMatch(says);
    } finally {
      spoiled.remove();
    }
  });
});

function append(checkout: Checkout, path: string, text: string): void {
  checkout.write(path, `${readFileSync(join(checkout.root, path), "utf8")}${text}`);
}

function replace(checkout: Checkout, path: string, what: RegExp, by: string): void {
  checkout.write(path, readFileSync(join(checkout.root, path), "utf8").replace(what, by));
}

function functionOf(lines: number): string {
  return `export function long(): void {\n${"  Date.now();\n".repeat(lines - 2)}}\n`;
}
