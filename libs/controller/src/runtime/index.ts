export {
  type ControllerRuntime,
  type ControllerRuntimeOptions,
  type ControllerStatus,
  createControllerRuntime,
  type RuntimeStatus,
} from "./controller-runtime.ts";
export {
  type ControllersPart,
  type ControllersPartOptions,
  createControllersPart,
} from "./controllers-part.ts";
