export { eventually } from "./eventually.ts";
export { freePorts } from "./free-ports.ts";
export { createHistory, type History, type Recorded } from "./history/history.ts";
export { judgeHistory } from "./history/judge.ts";
export { recordingBackend } from "./history/recording-backend.ts";
export { judgeLinearizability, type LinearizabilityVerdict } from "./linearizability/judge.ts";
export { createDice, type Dice } from "./sim/world/dice.ts";
export { enveloped, RAW_FORMS, type RawAnswer, rawCall, type RawCall, type RawForm } from "./raw-call.ts";
export { cpuMicrosecondsOf, residentBytesOf } from "./process-figures.ts";
export { runProgram, type ProgramOptions, type ProgramResult } from "./program.ts";
export {
  type GatewayOptions,
  type ServerProcess,
  type StandaloneOptions,
  startGateway,
  startStandalone,
} from "./server-process.ts";
export { type LaggingBackend, laggingBackend } from "./lagging-backend.ts";
