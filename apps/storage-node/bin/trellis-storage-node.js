#!/usr/bin/env node
import { launch } from "@trellis/server/launch";

await launch(import.meta.url, "../src/main.ts");
