export { simulate, type SimulationOptions, type SimulationReport } from "./simulation.ts";
