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
 * The specs of the resource service's methods once more, through a real server, sockets and HTTP/2: createFixture of
 * libs/resource-service/src/test-support/fixture.ts goes by `trellisWire`. Specs stay in process only if they are named here: `turns` has no server,
 * and `stale-reads` tells hundreds of random stories of what comes behind the wire, on virtual time.
 */
const overWire = (displayName, trellisWire) => ({
  ...shared,
  displayName,
  globals: { trellisWire },
  roots: ["<rootDir>/libs/resource-service/src"],
  testMatch: ["<rootDir>/libs/resource-service/src/*.spec.ts"],
  testPathIgnorePatterns: ["/(turns|stale-reads)\\.spec\\.ts$"],
});

export default {
  testTimeout: 30_000,
  projects: [
    {
      ...shared,
      displayName: "in process",
      roots: ["<rootDir>/apps", "<rootDir>/libs", "<rootDir>/tools", "<rootDir>/examples"],
      testMatch: ["**/*.spec.ts", "**/*.test.ts"],
      testPathIgnorePatterns: ["/node_modules/", "/dist/"],
    },
    overWire("over Connect", "connect"),
    overWire("over gRPC", "grpc"),
  ],
};
