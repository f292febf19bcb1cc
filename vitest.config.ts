import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["{schemas,controller,agent,agent-proxmox,examples}/**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/*.hosts.test.ts"],
    testTimeout: 20_000,
    hookTimeout: 30_000,
  },
});
