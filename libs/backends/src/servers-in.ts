import { BackendUrlError } from "./backend-url-error.ts";

/** Servers that a URL may name. */
const MAX_SERVERS = 16;

/** The servers that a `trellis:` URL names, as `host:port`, each once. Throws {@link BackendUrlError}. */
export function serversIn(url: URL): readonly string[] {
  const { protocol, host, port, pathname, username, password, searchParams } = url;
  const scheme = `${protocol}//HOST:PORT`;
  if (host === "" || port === "")
    throw new BackendUrlError(
      `expected ${scheme}, found "${url.href}"; name the port, as in ${protocol}//127.0.0.1:7520`,
    );
  if (username !== "" || password !== "")
    throw new BackendUrlError(`${scheme} takes no user, found one; leave it out`);
  if (pathname !== "" && pathname !== "/")
    throw new BackendUrlError(`${scheme} has no path, found "${pathname}"; leave it out`);
  const servers = [host];
  for (const [name, value] of searchParams) {
    if (name !== "node") throw new BackendUrlError(`${protocol} has no option ${name}; it has node`);
    servers.push(hostAndPort(value));
  }
  const different = [...new Set(servers)];
  if (different.length > MAX_SERVERS) {
    throw new BackendUrlError(
      `${protocol} takes at most ${MAX_SERVERS} servers, found ${different.length}; a few are enough, nodes name the others`,
    );
  }
  return different;
}

function hostAndPort(text: string): string {
  const url = URL.canParse(`trellis://${text}`) ? new URL(`trellis://${text}`) : undefined;
  if (
    url === undefined ||
    url.host === "" ||
    url.port === "" ||
    url.host.toLowerCase() !== text.toLowerCase()
  )
    throw new BackendUrlError(`node takes HOST:PORT, found "${text}"; write node=127.0.0.1:7511`);
  return url.host;
}
