#!/usr/bin/env node
// What `npm start` runs, and so the first thing that meets a checkout in which nothing has been installed.
const { launch } = await import("@trellis/server/launch").catch((error) => {
  if (error.code !== "ERR_MODULE_NOT_FOUND") throw error;
  process.stderr.write(
    'trellis-standalone: expected the packages that it needs, found none: run "npm install" in the checkout\n',
  );
  process.exit(1);
});

await launch(import.meta.url, "../src/main.ts");
