import { describe, expect, it } from "@jest/globals";

import { parseComposeFile } from "./compose-file.ts";

const FILE = `
x-app: &app
  stop_grace_period: 1m5s
  healthcheck: { test: [CMD, node, check.js], interval: 10s, timeout: 500ms, start_period: 30s, retries: 3 }
services:
  web:
    <<: *app
    command: [serve, --all]
    environment: { PLACE: "\${PLACE-here}", COUNT: 2 }
    volumes: ["data:/data"]
    ports: ["127.0.0.1:80:8080"]
volumes: { data: }
`;

describe("a compose file", () => {
  it("tells of each service what it runs and what it is given, anchors and variables filled in", () => {
    const [web] = parseComposeFile(FILE).services;
    expect(web).toMatchObject({
      name: "web",
      command: ["serve", "--all"],
      environment: { PLACE: "here", COUNT: "2" },
      volumes: [{ name: "data", path: "/data" }],
      ports: [{ host: "127.0.0.1", published: 80, target: 8080 }],
      healthcheck: { command: ["node", "check.js"], intervalMs: 10_000, timeoutMs: 500, retries: 3 },
      stopGraceMs: 65_000,
    });
    expect(parseComposeFile(FILE, { PLACE: "" }).services[0]?.environment["PLACE"]).toBe("");
  });

  it.each([
    ["depends_on: [db]", /web: expected one of .*; found depends_on/],
    ["stop_grace_period: soon", /expected a duration such as 1m30s, found "soon"/],
  ])("is refused when nobody knows what %s means", (line, message) => {
    const file = FILE.replace("    command:", `    ${line}\n    command:`);
    expect(() => parseComposeFile(file)).toThrow(message);
  });
});
