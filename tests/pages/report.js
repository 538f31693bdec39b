// Reports to look at, written by the program itself.

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** A report is there in seconds. */
const LIMIT = 60_000;

/** The program: that of the environment, else the one that cargo built. */
const program = () => {
  const folder = process.env.CARGO_TARGET_DIR ?? join(ROOT, "target");
  const built = [process.env.APIFLEET, join(folder, `${machine()}-unknown-linux-gnu`, "debug", "apifleet")];
  const found = built.find((path) => path && existsSync(path));
  if (!found) {
    throw new Error("there is no apifleet: run cargo build --workspace --bins, or name the program with APIFLEET");
  }
  return found;
};

const machine = () => ({ x64: "x86_64", arm64: "aarch64" })[process.arch] ?? process.arch;

/** A fleet with this name, as a manifest. */
export const manifest = (name) => JSON.stringify({
  apiVersion: "apifleet.dev/v1alpha1",
  kind: "ApiFleet",
  metadata: { name, namespace: "shop" },
  spec: {
    minReplicas: 10,
    maxReplicas: 30,
    targets: { onDemand: { deploymentName: "shop-api" } },
    signals: {
      requestRate: { targetPerReplica: 50 },
      latency: { percentile: 95, targetMilliseconds: 200 },
      errors: { maxPercent: "0.5" },
    },
    schedules: [{
      name: "december", from: "2026-12-08", to: "2026-12-31", start: "08:00", end: "20:00", timeZone: "Europe/Paris",
      floor: { replicas: 20 }, ceilingReplicas: 30, leadSeconds: 300,
    }],
  },
});

/** Writes a report of this manifest into a folder of its own, and returns its path and what the program said. */
export const simulate = (text, ...more) => {
  const folder = mkdtempSync(join(tmpdir(), "apifleet-pages-"));
  const fleet = join(folder, "fleet.json");
  const html = join(folder, "report.html");
  writeFileSync(fleet, text);
  const run = spawnSync(program(), ["simulate", "-f", fleet, "--html", html, "-o", "json", ...more],
    { encoding: "utf8", timeout: LIMIT, maxBuffer: 64 * 1024 * 1024 });
  if (run.status !== 0) {
    throw new Error(`apifleet simulate ended with ${run.status}: ${run.stderr}`);
  }
  return { html, answer: JSON.parse(run.stdout), remove: () => rmSync(folder, { recursive: true }) };
};
