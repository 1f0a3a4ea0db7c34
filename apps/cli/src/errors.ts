import { Code, type ConnectError } from "@connectrpc/connect";
import { errorReason, errorViolations, isConnectError } from "@trellis/resource";

/** Exit codes: what failed by itself, what was asked wrongly, what Ctrl-C ended. */
export const EXIT = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** What went wrong in words for people: one line of what and where, and perhaps one of what to do. */
export interface ErrorText {
  readonly message: string;
  readonly hint?: string | undefined;
}

/** An error that the command line itself found. */
export class CliError extends Error implements ErrorText {
  override readonly name = "CliError";
  readonly hint: string | undefined;
  readonly exitCode: number;

  constructor(
    message: string,
    options: { readonly hint?: string | undefined; readonly exitCode?: number } = {},
  ) {
    super(message);
    this.hint = options.hint;
    this.exitCode = options.exitCode ?? EXIT.failed;
  }

  /** Recognises the class across realms, where `instanceof` does not. */
  static is(error: unknown): error is CliError {
    return typeof error === "object" && error !== null && (error as { name?: unknown }).name === "CliError";
  }
}

/** A mistake in the arguments. */
export function usageError(message: string, hint?: string): CliError {
  return new CliError(message, { hint, exitCode: EXIT.usage });
}

/** Any error as people read it. `server` is where calls went. */
export function errorText(error: unknown, server: string): ErrorText {
  if (CliError.is(error)) return { message: error.message, hint: error.hint };
  if (isConnectError(error)) return callErrorText(error, server);
  if (hasMessage(error)) return { message: oneLine(error.message) };
  return { message: oneLine(String(error)) };
}

/** Whether the server could not be reached at all, rather than answered with an error. */
export function isUnreachable(error: unknown): boolean {
  return networkFailure(error) !== undefined && errorReason(error) === undefined;
}

/** The most violations shown with an error; the rest are counted. */
const SHOWN_VIOLATIONS = 4;

function callErrorText(error: ConnectError, server: string): ErrorText {
  if (isUnreachable(error)) {
    const failure = networkFailure(error) ?? "no answer";
    return { message: `cannot reach ${server}: ${failure}`, hint: reachHint(failure) };
  }
  const reason = errorReason(error);
  if (reason === undefined && NOT_TRELLIS.has(error.code)) {
    return {
      message: `${server} answers, but not as a Trellis server: ${oneLine(error.rawMessage)}`,
      hint: "Check the address given with --server or TRELLIS_SERVER.",
    };
  }
  if (error.code === Code.DeadlineExceeded) {
    return { message: `${server} did not answer in time`, hint: 'See "trellis status", or try again.' };
  }
  return { message: oneLine(error.rawMessage), hint: violationsText(error) };
}

function reachHint(failure: string): string {
  if (failure === CERTIFICATE_REFUSED)
    return "Name the authority that signed it in the environment variable NODE_EXTRA_CA_CERTS.";
  if (failure === NO_TLS) return "Give its address as http://HOST:PORT.";
  return 'Start a server with "npm start", or name another with --server or TRELLIS_SERVER.';
}

const NOT_TRELLIS: ReadonlySet<Code> = new Set([Code.Unimplemented, Code.Unknown]);

function violationsText(error: ConnectError): string | undefined {
  const violations = errorViolations(error);
  if (violations.length === 0) return undefined;
  const shown = violations
    .slice(0, SHOWN_VIOLATIONS)
    .map(({ field, description }) => `${field}: ${oneLine(description)}`);
  const rest = violations.length - shown.length;
  return `${shown.join("; ")}${rest > 0 ? `; and ${rest} more` : ""}`;
}

const CERTIFICATE_REFUSED = "its certificate is not trusted";
const NO_TLS = "it does not speak TLS";

const NETWORK_FAILURES: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "the connection was cut",
  EPIPE: "the connection was cut",
  ENOTFOUND: "no such host",
  EAI_AGAIN: "the host's name cannot be resolved now",
  ETIMEDOUT: "no answer",
  EHOSTUNREACH: "no route to the host",
  ENETUNREACH: "no route to the network",
  ERR_HTTP2_ERROR: "it does not speak HTTP/2",
  ERR_HTTP2_STREAM_ERROR: "the connection was cut",
  ERR_HTTP2_SESSION_ERROR: "the connection was cut",
  ERR_HTTP2_STREAM_CANCEL: "the connection was cut",
  ERR_HTTP2_GOAWAY_SESSION: "the connection was cut",
  DEPTH_ZERO_SELF_SIGNED_CERT: CERTIFICATE_REFUSED,
  SELF_SIGNED_CERT_IN_CHAIN: CERTIFICATE_REFUSED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: CERTIFICATE_REFUSED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: CERTIFICATE_REFUSED,
  CERT_HAS_EXPIRED: "its certificate has expired",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another host",
  HPE_INVALID_CONSTANT: "it does not speak HTTP",
};

/** How many causes below an error are looked at. */
const MAX_CAUSES = 8;

/** The network's failure below an error, in words; undefined when there is none. */
function networkFailure(error: unknown): string | undefined {
  let current: unknown = error;
  for (let depth = 0; depth < MAX_CAUSES && typeof current === "object" && current !== null; depth += 1) {
    const { code, cause, errors, message } = current as Partial<Record<string, unknown>>;
    // The transport gives a stream that the other side cut no code of its own.
    if (typeof message === "string" && message.includes("http/2 stream closed with error code"))
      return NETWORK_FAILURES["ECONNRESET"];
    const words = typeof code === "string" ? NETWORK_FAILURES[code] : undefined;
    if (words !== undefined) return words;
    if (typeof code === "string" && /^(ERR_SSL_|EPROTO)/.test(code)) return NO_TLS;
    current = cause ?? (Array.isArray(errors) ? (errors as unknown[])[0] : undefined);
  }
  return undefined;
}

function hasMessage(error: unknown): error is { message: string } {
  return (
    typeof error === "object" &&
    error !== null &&
    typeof (error as { message?: unknown }).message === "string"
  );
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim();
}
