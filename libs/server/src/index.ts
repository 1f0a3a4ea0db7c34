export { type Address, addressText, addressUrl, parseAddress } from "./address.ts";
export { ConfigError } from "./config/config-error.ts";
export { type ProgramText } from "./config/help.ts";
export { readOptionFile } from "./config/option-file.ts";
export { type ConfigInput, loadConfig, type LoadedConfig } from "./config/load-config.ts";
export {
  type About,
  onOff,
  type Option,
  option,
  optional,
  type Options,
  repeated,
  type Values,
} from "./config/option.ts";
export {
  address,
  bytes,
  choice,
  integer,
  milliseconds,
  serverUrl,
  text,
  type ValueType,
  yesNo,
} from "./config/value-type.ts";
export { DEFAULT_LIMITS, type ServerLimits } from "./limits.ts";
export { ListenError } from "./listen-error.ts";
export { type ServerLog, silentLog } from "./log.ts";
export { createLogger, type LogFormat, type LoggerOptions, type LogLevel, type Output } from "./logger.ts";
export { nodeProcess } from "./node-process.ts";
export type { HandlerContext, HttpRequest, HttpResponse, HttpRoute, Part, Routes } from "./part.ts";
export { patientPart, type PatientPartDeps } from "./patient-part.ts";
export { type Program, type ProgramContext, type ProgramProcess, runProgram } from "./run-program.ts";
export {
  createServer,
  type Server,
  type ServerConfig,
  type ServerOptions,
  type StartedServer,
} from "./server.ts";
export { serverConfig, serverOptions, type ServerValues } from "./server-options.ts";
