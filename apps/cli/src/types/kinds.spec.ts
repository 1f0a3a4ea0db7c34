import { describe, expect, it } from "@jest/globals";

import { testType } from "../test-support/every-kind.ts";
import { kindWord, resolveKind } from "./kinds.ts";

const service = testType("catalog.v1.Service", { shortNames: ["svc"] });
const health = testType("catalog.v1.HealthStatus", { shortNames: ["hs"] });
const policy = testType("mesh.v1.Policy");
const oldArtist = testType("demo.v1.Artist");
const newArtist = testType("demo.v2.Artist");
const claimed = testType("other.v1.Claimed", { shortNames: ["policies"] });
const types = [service, health, policy, oldArtist, newArtist];

describe("a word for a type", () => {
  it.each([
    ["service", service],
    ["Service", service],
    ["SERVICES", service],
    ["svc", service],
    ["catalog.v1.Service", service],
    ["CATALOG.V1.SERVICE", service],
    ["healthstatuses", health],
    ["policies", policy],
    ["demo.v2.artist", newArtist],
  ])("%s names it", (word, type) => {
    expect(resolveKind(word, types)).toBe(type);
  });

  it("names none where several have it, and lists them", () => {
    expect(() => resolveKind("artists", types)).toThrow(
      expect.objectContaining({
        message: '"artists" may be demo.v1.Artist or demo.v2.Artist',
        hint: 'Name one of them in full, as in "demo.v1.Artist".',
        exitCode: 2,
      }),
    );
    expect(() => resolveKind("policies", [...types, claimed])).toThrow(/mesh.v1.Policy or other.v1.Claimed/);
  });

  it.each([
    ["servce", 'Did you mean "service" or "services"? See "trellis types".'],
    ["catalog.v1.Servise", 'Did you mean "catalog.v1.Service"? See "trellis types".'],
    ["zebra", 'See "trellis types".'],
    ["", 'See "trellis types".'],
  ])("%j names none, and the nearest are offered", (word, hint) => {
    expect(() => resolveKind(word, types)).toThrow(
      expect.objectContaining({ message: `the server knows no type "${word}"`, hint, exitCode: 2 }),
    );
  });

  it("is short where that is enough, and names its type again", () => {
    expect(types.map((type) => kindWord(type, types))).toEqual([
      "service",
      "healthstatus",
      "policy",
      "demo.v1.Artist",
      "demo.v2.Artist",
    ]);
    for (const type of types) expect(resolveKind(kindWord(type, types), types)).toBe(type);
  });
});
