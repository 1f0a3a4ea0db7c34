export { type Address, addressText, addressUrl, parseAddress } from "./address.ts";
export { DEFAULT_LIMITS, type ServerLimits } from "./limits.ts";
export { ListenError } from "./listen-error.ts";
export { type ServerLog, silentLog } from "./log.ts";
export type { HandlerContext, HttpRequest, HttpResponse, HttpRoute, Part, Routes } from "./part.ts";
export { createServer, type Server, type ServerConfig, type ServerOptions, type StartedServer } from "./server.ts";
