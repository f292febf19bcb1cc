import { readFile, stat } from "node:fs/promises";
import { runProgram } from "../program.ts";

type Database = "passwd" | "group";
interface Table {
  readonly stamp: number;
  readonly byId: ReadonlyMap<number, string>;
  readonly byName: ReadonlyMap<string, number>;
}

/** Names of users and groups: from /etc/passwd and /etc/group, then from whatever else the host asks (LDAP, sssd) by getent. */
export interface Accounts {
  userName(id: number): Promise<string>;
  groupName(id: number): Promise<string>;
  /** Undefined: there is no such user. A number as text stands for itself. */
  userId(name: string): Promise<number | undefined>;
  groupId(name: string): Promise<number | undefined>;
}

export function accounts(folder = "/etc"): Accounts {
  const tables = new Map<Database, Table>();
  const asked = new Map<string, { readonly at: number; readonly row: readonly [string, number] | undefined }>();

  async function table(database: Database): Promise<Table> {
    const path = `${folder}/${database}`;
    const stamp = await stat(path).then(
      (info) => info.mtimeMs,
      () => 0,
    );
    const known = tables.get(database);
    if (known?.stamp === stamp) return known;
    const rows = (await readFile(path, "utf8").catch(() => "")).split("\n").flatMap(row);
    const read = { stamp, byId: new Map(rows.toReversed().map(([name, id]) => [id, name])), byName: new Map(rows) };
    tables.set(database, read);
    return read;
  }

  /** An account that the files do not know; the answer is kept for a minute, since a directory server may be slow. */
  async function ask(database: Database, key: string): Promise<readonly [string, number] | undefined> {
    const known = asked.get(`${database} ${key}`);
    if (known !== undefined && Date.now() - known.at < 60_000) return known.row;
    const result = await runProgram(["getent", database, key], { timeoutMs: 5000, maxOutput: 65_536 }).catch(() => undefined);
    const found = result?.code === 0 ? result.output.split("\n").flatMap(row)[0] : undefined;
    if (asked.size > 1000) asked.clear();
    asked.set(`${database} ${key}`, { at: Date.now(), row: found });
    return found;
  }

  const name = async (database: Database, id: number): Promise<string> =>
    (await table(database)).byId.get(id) ?? (await ask(database, String(id)))?.[0] ?? String(id);
  const id = async (database: Database, text: string): Promise<number | undefined> => {
    if (/^[0-9]+$/.test(text)) return Number(text);
    return (await table(database)).byName.get(text) ?? (await ask(database, text))?.[1];
  };
  return {
    userName: (uid) => name("passwd", uid),
    groupName: (gid) => name("group", gid),
    userId: (user) => id("passwd", user),
    groupId: (group) => id("group", group),
  };
}

function row(line: string): [string, number][] {
  const [name, , id] = line.split(":");
  return name === undefined || name === "" || id === undefined || !/^[0-9]+$/.test(id) ? [] : [[name, Number(id)]];
}
