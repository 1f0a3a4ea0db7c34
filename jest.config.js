// One root run: starting jest once for all projects is much faster than one jest per package.
export default {
  rootDir: import.meta.dirname,
  roots: ["<rootDir>/apps", "<rootDir>/libs", "<rootDir>/tools", "<rootDir>/examples"],
  testMatch: ["**/*.spec.ts", "**/*.test.ts"],
  testPathIgnorePatterns: ["/node_modules/", "/dist/"],
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
  testTimeout: 30_000,
};
