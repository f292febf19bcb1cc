import { randomUUID } from "node:crypto";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import Type, { type Static } from "typebox";
import { Ajv2020 } from "ajv/dist/2020.js";
import { type Adapter, Low } from "lowdb";
import { error, ProblemError } from "../../schemas/problem.ts";

/** A controller that this user knows: its address, a file with the token, a file with the CA of its certificate; of a sandbox, where its hosts are broken. */
export const Context = Type.Object({
  server: Type.String(),
  tokenFile: Type.Optional(Type.String()),
  caFile: Type.Optional(Type.String()),
  controls: Type.Optional(Type.String()),
});
export type Context = Static<typeof Context>;

const Contexts = Type.Object({
  version: Type.Literal(1),
  current: Type.Optional(Type.String()),
  contexts: Type.Record(Type.String(), Context),
});
export type Contexts = Static<typeof Contexts>;

/** Where the contexts of a user are kept. */
export const contextsFile = (env: NodeJS.ProcessEnv): string =>
  join(env["XDG_CONFIG_HOME"] || join(env["HOME"] || homedir(), ".config"), "backend-ai", "contexts.json");

/** The contexts of a user; none where there is no file yet. */
export async function readContexts(env: NodeJS.ProcessEnv): Promise<Contexts> {
  return (await openContexts(env)).data;
}

/** Changes the contexts and keeps them, readable by their owner alone. */
export async function changeContexts(env: NodeJS.ProcessEnv, change: (contexts: Contexts) => Contexts): Promise<void> {
  const kept = await openContexts(env);
  kept.data = change(kept.data);
  await kept.write();
}

/** Keeps a context and makes it the current one. */
export const useContext = (env: NodeJS.ProcessEnv, name: string, context: Context): Promise<void> =>
  changeContexts(env, (all) => ({ version: 1, current: name, contexts: { ...all.contexts, [name]: context } }));

async function openContexts(env: NodeJS.ProcessEnv): Promise<Low<Contexts>> {
  const kept = new Low<Contexts>(durableFile(contextsFile(env)), { version: 1, contexts: {} });
  await kept.read();
  return kept;
}

/** A JSON file that is replaced whole or not at all. */
const durableFile = (path: string): Adapter<Contexts> => ({
  async read() {
    const text = await readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === "ENOENT") return null;
      throw new ProblemError(error("context/unreadable", `Unable to read ${path}: ${cause.message}`), { cause });
    });
    return text === null ? null : parse(text, path);
  },
  async write(data) {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const temporary = `${path}.${randomUUID()}.tmp`;
    try {
      const file = await open(temporary, "wx", 0o600);
      try {
        await file.writeFile(`${JSON.stringify(data, undefined, 2)}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, path);
    } catch (cause) {
      await rm(temporary, { force: true });
      throw new ProblemError(error("context/unwritable", `Unable to write ${path}: ${(cause as Error).message}`), { cause });
    }
    const folder = await open(dirname(path), "r");
    await folder.sync().finally(() => folder.close());
  },
});

function parse(text: string, path: string): Contexts {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    data = undefined;
  }
  if (new Ajv2020().validate<Contexts>(Contexts, data)) return data;
  throw new ProblemError(
    error("context/unreadable", `Unable to read ${path}: it does not hold contexts`, {
      hint: "Mend it, or remove it and make contexts anew: `backend-ai context add NAME --server URL`.",
    }),
  );
}
