import { resolve } from "node:path";
import { build, type Plugin } from "esbuild";
import { linuxActions, linuxProbes } from "../../schemas/verbs/linux.ts";
import { compiledValidators } from "./validators.ts";

const agentFolder = resolve(import.meta.dirname, "..");

/** Puts the schemas compiled ahead in place of the ones compiled when first needed. */
const compiledAhead: Plugin = {
  name: "schemas compiled ahead",
  setup(plugins) {
    plugins.onLoad({ filter: /\/runtime\/validate\.ts$/ }, () => ({
      contents: compiledValidators({ probes: linuxProbes, actions: linuxActions }),
      loader: "js",
      resolveDir: agentFolder,
    }));
  },
};

/** With the schemas compiled, what they were written in is needed no more: each constructor answers an empty schema. */
const withoutTypebox: Plugin = {
  name: "without typebox",
  setup(plugins) {
    plugins.onResolve({ filter: /^typebox$/ }, () => ({ path: "typebox", namespace: "empty" }));
    plugins.onLoad({ filter: /.*/, namespace: "empty" }, () => ({
      contents: "export default new Proxy({}, { get: () => () => ({}) });",
      loader: "js",
    }));
  },
};

/** The agent says this version instead of the one of its package.json. */
const versioned = (version: string): Plugin => ({
  name: "version",
  setup(plugins) {
    plugins.onLoad({ filter: /\/agent\/package\.json$/ }, () => ({ contents: JSON.stringify({ version }), loader: "json" }));
  },
});

/** Bundles the agent into one file for a plain Node 20 or newer: no dependencies, no compiler, no source on the host. */
export async function bundle(outfile: string, version: string): Promise<void> {
  await build({
    entryPoints: [resolve(agentFolder, "main.ts")],
    outfile,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    minify: true,
    legalComments: "none",
    logLevel: "warning",
    // Some packages have a `main` that no bundler can follow, and a `module` that any can.
    mainFields: ["module", "main"],
    plugins: [versioned(version), compiledAhead, withoutTypebox],
    // Optional speed-ups of ws that are native.
    external: ["bufferutil", "utf-8-validate"],
  });
}
