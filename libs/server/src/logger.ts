import { pino, type Logger } from "pino";
import { pinoPretty } from "./pretty-log.ts";

export type { Logger };
