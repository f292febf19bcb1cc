/** Whether two answers say the same: status and its text, keys and types of the body, texts of refusals. Undefined, or where they differ. */
export interface Answered {
  readonly status: number;
  readonly statusText: string;
  readonly body: unknown;
}

/** Where our answer differs from the recorded one. */
export function difference(recorded: Answered, ours: Answered): string | undefined {
  if (recorded.status !== ours.status) return `status ${recorded.status} ${recorded.statusText} / ${ours.status} ${ours.statusText}`;
  if (recorded.status !== 200) {
    if (plain(recorded.statusText) !== plain(ours.statusText)) return `text: ${recorded.statusText} / ${ours.statusText}`;
    const [a, b] = [refusal(recorded.body), refusal(ours.body)];
    return a === b ? undefined : `refusal: ${a} / ${b}`;
  }
  return shapeDifference(recorded.body, ours.body, "");
}

/** A text without what differs from run to run: times, numbers of tasks, addresses. */
export function plain(text: string): string {
  return text
    .replace(/UPID:(\w+):[0-9A-F]+:[0-9A-F]+:[0-9A-F]+:/g, "UPID:$1:")
    .replace(/\d{4}[_-]\d\d[_-]\d\d[-_ T]\d\d[:_]\d\d[:_]\d\d/g, "<time>")
    .replace(/([0-9A-F]{2}:){5}[0-9A-F]{2}/gi, "<mac>")
    .replace(/-C \/\S+/g, "-C <folder>")
    .trim();
}

const refusal = (body: unknown): string => {
  if (typeof body === "string") return plain(body);
  const { message, errors } = (body ?? {}) as { message?: string; errors?: Record<string, string> };
  return plain(JSON.stringify([message ?? "", Object.entries(errors ?? {}).sort()]));
};

/** Keys of which the type or the presence says nothing about a client's work, with why. */
const beside: Readonly<Record<string, string>> = {
  saved: 'a real server gives 1 and "1" by turns',
  "cgroup-mode": "follows from the kernel of the recorded nodes",
  balloon: "is there or not, as the balloon driver has told",
  ballooninfo: "the same",
  freemem: "the same",
  idle_time_ns: "is there once a drive was read",
  "backup-fleecing": "a capability of the QEMU that the recorded nodes did not have",
  "pbs-library-version": "of the same",
};
/** Objects whose keys are names of things and not of fields. */
const byName =
  /^(data\.)?(nics|blockstat|errors|results|lrm_status|node_status|service_status)$|\.(nics|blockstat|results|lrm_status|node_status|service_status|proxmox-support|ballooninfo)$/;
const ids = [
  "upid",
  "volid",
  "id",
  "sid",
  "key",
  "poolid",
  "roleid",
  "userid",
  "tokenid",
  "iface",
  "group",
  "Package",
  "storage",
  "vmid",
  "node",
  "name",
  "realm",
  "dev",
];

const typeOf = (value: unknown): string => (value === null ? "null" : Array.isArray(value) ? "list" : typeof value);

function shapeDifference(a: unknown, b: unknown, at: string): string | undefined {
  if (typeOf(a) !== typeOf(b)) return `${at}: ${typeOf(a)} / ${typeOf(b)}`;
  if (Array.isArray(a)) return listDifference(a, b as unknown[], at);
  if (typeof a !== "object" || a === null) return valueDifference(a, b, at);
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) {
    if (beside[key] !== undefined) continue;
    if (left[key] === undefined || right[key] === undefined) {
      if (byName.test(at)) continue;
      return `${at}.${key}: ${left[key] === undefined ? "only ours" : "only recorded"}`;
    }
    const found = shapeDifference(left[key], right[key], at === "" ? key : `${at}.${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Values that a client decides by have to be the same, not only of the same type. */
const decided =
  /(^|\.)(status|qmpstatus|exitstatus|lock|type|state|running|exited|exitcode|hasFeature|managed|tags|name|hostname|cores|protected|format|vmid|node|delete|template|parent|hastate|unprivileged|onboot|features|mark|volid)$/;

function valueDifference(a: unknown, b: unknown, at: string): string | undefined {
  if (!decided.test(at) || at.includes("cpuinfo") || at.includes("kernel")) return undefined;
  const [left, right] = [plain(String(a as string)), plain(String(b as string))];
  if (left === right || /^data\[\w+\]\.(status)$/.test(at)) return undefined;
  if (at.endsWith("content") && left.split(",").sort().join() === right.split(",").sort().join()) return undefined;
  if (at.endsWith("status") && / \((active|pve|unable|ct|old)/.test(` (${left}`) && left.includes("(") && right.includes("("))
    return undefined;
  return `${at}: ${left} / ${right}`;
}

/** Lines are compared by what names them; of others the keys that all of them have together. */
function listDifference(a: readonly unknown[], b: readonly unknown[], at: string): string | undefined {
  if (a.length === 0 || b.length === 0) return a.length === b.length ? undefined : `${at}: ${a.length} / ${b.length} lines`;
  const [end, ours_] = [a, b].map(taskEnd);
  if (end !== undefined && end !== ours_) return `${at}: ${end} / ${ours_}`;
  const named = ids.find((id) => a.every((line) => has(line, id)) && b.every((line) => has(line, id)));
  if (named === undefined) return shapeDifference(a[0], b[0], `${at}[]`);
  const ours = new Map(b.map((line) => [nameOf(line, named), line]));
  let met = 0;
  for (const line of a) {
    const other = ours.get(nameOf(line, named));
    if (other === undefined) {
      if (whole(named, a)) return `${at}[${nameOf(line, named)}]: only recorded`;
      continue;
    }
    met += 1;
    const found = shapeDifference(line, other, `${at}[${nameOf(line, named)}]`);
    if (found !== undefined) return found;
  }
  if (whole(named, a) && ours.size > met) return `${at}: ${ours.size - met} lines only ours`;
  return met === 0 && named !== "upid" ? shapeDifference(a[0], b[0], `${at}[]`) : undefined;
}

/** Lists that have the same lines whatever else there was on the recorded cluster: pending keys, snapshots, the parts of an index. */
const whole = (named: string, lines: readonly unknown[]): boolean =>
  named === "key" || (named === "name" && lines.some((line) => nameOf(line, "name") === "current"));

/** The last line of a task's log. */
const taskEnd = (lines: readonly unknown[]): string | undefined => {
  const last = (lines.at(-1) as { t?: unknown } | null)?.t;
  return typeof last === "string" && last.startsWith("TASK ") ? plain(last) : undefined;
};

const has = (line: unknown, key: string): boolean =>
  typeof line === "object" && line !== null && (line as Record<string, unknown>)[key] !== undefined;
const nameOf = (line: unknown, key: string): string => plain(String((line as Record<string, unknown>)[key] as string));
