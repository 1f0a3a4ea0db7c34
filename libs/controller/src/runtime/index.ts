export {
  type ControllerRuntime,
  type ControllerRuntimeOptions,
  type ControllerStatus,
  createControllerRuntime,
  type RuntimeStatus,
} from "./controller-runtime.ts";
