/** Milliseconds of the units of `grpc-timeout` (gRPC over HTTP/2, "Timeout"). */
const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
};

/**
 * Cuts a longer deadline than the server keeps to the longest one: clients that mean "no deadline" send centuries. Anything that is no timeout
 * is left for the protocol to refuse.
 */
export function limitTimeouts(headers: Headers, maxTimeoutMs: number): void {
  const [, count = "", unit = ""] = /^(\d{1,8})([HMSmun])$/.exec(headers.get("grpc-timeout") ?? "") ?? [];
  if (Number(count) * (UNIT_MS[unit] ?? 0) > maxTimeoutMs)
    headers.set("grpc-timeout", `${Math.floor(maxTimeoutMs / 1_000)}S`);
  const connect = headers.get("connect-timeout-ms") ?? "";
  if (/^\d{1,10}$/.test(connect) && Number(connect) > maxTimeoutMs)
    headers.set("connect-timeout-ms", String(maxTimeoutMs));
}
