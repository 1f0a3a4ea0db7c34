import catalog from "@trellis/catalog";
import demo from "@trellis/demo";
import { createTestServer } from "@trellis/testing";
import { createTerminal } from "./test-support/terminal.ts";
const s = createTestServer({ domains: [catalog, demo] });
const t = createTerminal(s.transport, { cwd: "/work/main" });
for (const c of ["types", "apply -f examples/catalog", "apply -f examples/catalog", "get services -o wide", "wait service/api --for=condition=EndpointsManaged", "get serviceendpoints api -o yaml", "get workloads", "get nodes", "get artist", "get srvice", "status", "get hs -o name", "bogus", "get", "get svc api --bogus", "delete svc/api", "delete svc/api"]) {
  const r = await t(c);
  console.log("$", c, "→", r.exitCode); console.log(r.stdout + r.stderr);
}
await s.close();
