import { readConfig } from "../../controller/config.ts";
import { startController } from "../../controller/main.ts";

/** A controller as a program of its own, for tests that kill it: `node controller.ts WORKSPACE`, the rest by environment. One line on stdout says that it is up. */
const running = await startController(await readConfig(process.env, { workspace: process.argv[2] ?? "." }));
process.stdout.write(`${JSON.stringify({ api: running.apiUrl, tokenFile: running.tokenFile })}\n`);
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void running.stop().then(() => process.exit(0)));
