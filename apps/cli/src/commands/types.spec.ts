import { describe, expect, it } from "@jest/globals";

import { serversOfTest } from "../test-support/server.ts";

const setup = serversOfTest();

describe("trellis types", () => {
  it("lists the server's types in every format", async () => {
    const { trellis } = setup();
    const types = async (output: string) => (await trellis(`types -o ${output}`)).stdout;
    const table = await types("table");
    expect(table).toMatch(/^KIND +TYPE +SCOPE +SHORT +DESCRIPTION\n/);
    expect(table).toMatch(/\nWorkload +catalog\.v1\.Workload +namespace +wl +One instance of a program/);
    expect(Math.max(...table.split("\n").map((line) => line.length))).toBeLessThan(140);
    expect(await types("wide")).toMatch(
      /\nExecutive +demo\.v1\.Executive +cluster +- +trellis\.demo\.v1\.Executive /,
    );
    expect(await types("name")).toMatch(/^catalog\.v1\.HealthStatus\ncatalog\.v1\.Node\n/);
    const listed: unknown = JSON.parse(await types("json"));
    expect(listed).toContainEqual(
      expect.objectContaining({ type: "demo.v1.RecordLabel", scope: "partition", shortNames: ["label"] }),
    );
    expect(await types("yaml")).toMatch(/^type: catalog\.v1\.HealthStatus\nscope: namespace\n/);
  });
});
