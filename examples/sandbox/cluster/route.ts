import type { Endpoint, Endpoints } from "./endpoint.ts";

/** Finds the endpoint of a method and a path, with the values of the path's parts. */
export type Route = (method: string, path: string) => { readonly endpoint: Endpoint; readonly parts: Record<string, string> } | undefined;

interface Branch {
  readonly below: Map<string, Branch>;
  part: { readonly name: string; readonly branch: Branch } | undefined;
  readonly endpoints: Map<string, Endpoint>;
}

const branch = (): Branch => ({ below: new Map(), part: undefined, endpoints: new Map() });
const segments = (path: string): string[] => path.split("/").filter((segment) => segment !== "");

/** Makes it from the table; `{volume}` takes the rest of the path. */
export function route(table: Endpoints, major: number): Route {
  const root = branch();
  for (const [line, endpoint] of Object.entries(table)) {
    if ((endpoint.from ?? 0) > major || (endpoint.until ?? Infinity) < major) continue;
    const [method, path] = line.split(" ") as [string, string];
    let at = root;
    for (const segment of segments(path)) {
      const name = /^\{(\w+)\}$/.exec(segment)?.[1];
      if (name !== undefined) at = (at.part ??= { name, branch: branch() }).branch;
      else at = at.below.get(segment) ?? (at.below.set(segment, branch()), at.below.get(segment)!);
    }
    at.endpoints.set(method, endpoint);
  }
  return (method, path) => {
    const parts: Record<string, string> = {};
    let at = root;
    const left = segments(path);
    for (let segment = left.shift(); segment !== undefined; segment = left.shift()) {
      const fixed = at.below.get(segment);
      if (fixed !== undefined) {
        at = fixed;
        continue;
      }
      if (at.part === undefined) return undefined;
      const { name, branch } = at.part;
      parts[name] = name === "volume" ? [segment, ...left.splice(0)].join("/") : segment;
      at = branch;
    }
    const endpoint = at.endpoints.get(method);
    return endpoint === undefined ? undefined : { endpoint, parts };
  };
}
