export { runProgram, type ProgramResult } from "./program.ts";
export {
  type GatewayOptions,
  type ServerProcess,
  type StandaloneOptions,
  startGateway,
  startStandalone,
} from "./server-process.ts";
