import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["examples/**/*.hosts.test.ts"],
    globalSetup: "examples/hosts/build-agent.ts",
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 300_000,
    reporters: ["verbose"],
  },
});
