/**
 * The image's health check: whether the app of this container says that it is ready. Asks where TRELLIS_LISTEN says that it listens; what the app waits for is printed, and
 * the exit code is 1 then.
 */
const PROBE_MS = 4_000;

const [, port] = /:(\d+)$/.exec(process.env["TRELLIS_LISTEN"] ?? "") ?? [];
if (port === undefined) {
  console.error(
    `TRELLIS_LISTEN: expected where the app listens, as in 0.0.0.0:7500; found ${process.env["TRELLIS_LISTEN"] ?? "nothing"}. Set it in the container's environment`,
  );
  process.exit(1);
}
try {
  const response = await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(PROBE_MS) });
  console.log(await response.text());
  process.exitCode = response.ok ? 0 : 1;
} catch (error) {
  console.error(`port ${port}: ${error.cause?.message ?? error.message}`);
  process.exitCode = 1;
}
