/** Where a server listens. */
export interface Address {
  /** A host name or an IP address, an IPv6 one without brackets. */
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
}

/** The host that stands for every interface of the machine. */
export const ALL_INTERFACES = "::";

const MAX_PORT = 65_535;

/** Reads `host:port`, `[ipv6]:port` or `:port` (all interfaces). Throws an Error that says what was expected. */
export function parseAddress(text: string): Address {
  const match = /^(?:\[([\da-fA-F:.]+)\]|([^:\s/]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3] ?? Number.NaN);
  if (match === null || port > MAX_PORT) {
    throw new Error(`expected HOST:PORT with a port from 0 to ${MAX_PORT}, as in 127.0.0.1:7500`);
  }
  return { host: match[1] ?? (match[2] === "" || match[2] === undefined ? ALL_INTERFACES : match[2]), port };
}

/** `host:port`, with brackets around an IPv6 address. */
export function addressText({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The URL under which this machine reaches the address: an address of all interfaces becomes the loopback one. */
export function addressUrl({ host, port }: Address): string {
  const reachable = host === ALL_INTERFACES || host === "0.0.0.0" ? "127.0.0.1" : host;
  return `http://${addressText({ host: reachable, port })}`;
}
