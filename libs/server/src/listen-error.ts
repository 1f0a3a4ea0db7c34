/** The port could not be taken. The message says why and what to do, in one line. */
export class ListenError extends Error {
  override readonly name = "ListenError";

  /** Recognises the class across realms. */
  static is(error: unknown): error is ListenError {
    return (
      typeof error === "object" && error !== null && (error as { name?: unknown }).name === "ListenError"
    );
  }
}

/** Explains why `address` (`host:port`) could not be taken. */
export function listenError(address: string, error: NodeJS.ErrnoException): ListenError {
  return new ListenError(`cannot listen on ${address}: ${explain(error)}`, { cause: error });
}

function explain(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case "EADDRINUSE":
      return "another process has it; choose another with --listen";
    case "EACCES":
      return "this user may not use that port; choose one above 1023 with --listen";
    case "EADDRNOTAVAIL":
      return "this machine has no such address; choose another with --listen";
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "the host name is not known; give an IP address with --listen";
    default:
      return error.message;
  }
}
