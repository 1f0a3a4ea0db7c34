// One root run: starting jest once for all projects is much faster than one jest per package.
const shared = {
  rootDir: import.meta.dirname,
  modulePathIgnorePatterns: ["/dist/"],
  extensionsToTreatAsEsm: [".ts"],
  transform: {
    "\\.ts$": [
      "@swc/jest",
      {
        jsc: { target: "es2024", parser: { syntax: "typescript" } },
        module: { type: "es6" },
        sourceMaps: "inline",
      },
    ],
  },
  testEnvironment: "node",
};

/**
 * The resource service's specs once more, through a real server and sockets: libs/resource-service/src/test-support/fixture.ts
 * reads `trellisWire`. Specs of what no wire carries are named `*.in-process.spec.ts`, and run in process only.
 */
const overWire = (displayName, trellisWire) => ({
  ...shared,
  displayName,
  globals: { trellisWire },
  roots: ["<rootDir>/libs/resource-service/src"],
  testMatch: ["<rootDir>/libs/resource-service/src/*.spec.ts"],
  testPathIgnorePatterns: ["\\.in-process\\.spec\\.ts$"],
});

export default {
  testTimeout: 30_000,
  projects: [
    {
      ...shared,
      roots: ["<rootDir>/apps", "<rootDir>/libs", "<rootDir>/tools", "<rootDir>/examples"],
      testMatch: ["**/*.spec.ts", "**/*.test.ts"],
      testPathIgnorePatterns: ["/node_modules/", "/dist/"],
    },
    overWire("over Connect", "connect"),
    overWire("over gRPC", "grpc"),
  ],
};
