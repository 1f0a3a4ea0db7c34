import { CALL_TIMEOUT_MS, type Connection, serverUrl } from "./connection.ts";
import type { Environment } from "./environment.ts";
import { loadTypeCatalog, type TypeCatalog } from "./types/type-catalog.ts";

/** One command's work with one server. */
export interface Session {
  readonly environment: Environment;
  readonly connection: Connection;
  /** The server's types, asked for once. */
  catalog(): Promise<TypeCatalog>;
  /** What every call is given: Ctrl-C ends it, and it does not wait for ever. */
  readonly callOptions: { readonly signal: AbortSignal; readonly timeoutMs: number };
}

/** Opens a session with the server that the options or the environment name, and closes it after the work. */
export async function withSession<Result>(
  environment: Environment,
  server: string | undefined,
  work: (session: Session) => Promise<Result>,
): Promise<Result> {
  const connection = environment.connect(serverUrl(server ?? environment.server));
  let catalog: Promise<TypeCatalog> | undefined;
  try {
    return await work({
      environment,
      connection,
      catalog: () => (catalog ??= loadTypeCatalog(connection, environment.signal)),
      callOptions: { signal: environment.signal, timeoutMs: CALL_TIMEOUT_MS },
    });
  } finally {
    connection.close();
  }
}
