import { describe, expect, it } from "@jest/globals";

import { dockerIgnore } from "./docker-ignore.ts";

describe("a .dockerignore", () => {
  const isIgnored = dockerIgnore(
    "# all but these\n*\n!apps\n!package.json\n**/*.spec.ts\n**/node_modules\n!apps/kept.spec.ts\n",
  );

  it.each(["README.md", "libs/a.ts", "apps/a.spec.ts", "apps/x/y.spec.ts", "apps/x/node_modules/b/c.js"])(
    "keeps %s out",
    (path) => expect(isIgnored(path)).toBe(true),
  );

  it.each(["package.json", "apps", "apps/x/main.ts", "apps/kept.spec.ts", "apps/x/a-spec.ts"])(
    "lets %s in",
    (path) => expect(isIgnored(path)).toBe(false),
  );
});
