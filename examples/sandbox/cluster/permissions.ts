import { denied } from "./refused.ts";
import type { AclLine, State, User } from "./state.ts";

/** Who calls: `root@pam`, or `root@pam!token`. */
export interface Who {
  readonly id: string;
  readonly user: string;
  readonly token: string | undefined;
  /** root@pam itself: some things not even its tokens may do. */
  readonly isRoot: boolean;
}

/** What a call needs: everyone, anyone who is logged in, or one of these privileges on a path with `{parts}`. */
export type Permission =
  | "world"
  | "all"
  | { readonly path: string; readonly any: readonly string[]; readonly from9?: readonly string[] | undefined };

export const need = (path: string, ...any: readonly string[]): Permission => ({ path, any });

const administrator =
  "Datastore.Allocate,Datastore.AllocateSpace,Datastore.AllocateTemplate,Datastore.Audit,Group.Allocate,Mapping.Audit,Mapping.Modify,Mapping.Use,Permissions.Modify,Pool.Allocate,Pool.Audit,Realm.Allocate,Realm.AllocateUser,SDN.Allocate,SDN.Audit,SDN.Use,Sys.AccessNetwork,Sys.Audit,Sys.Console,Sys.Incoming,Sys.Modify,Sys.PowerMgmt,Sys.Syslog,User.Modify,VM.Allocate,VM.Audit,VM.Backup,VM.Clone,VM.Config.CDROM,VM.Config.CPU,VM.Config.Cloudinit,VM.Config.Disk,VM.Config.HWType,VM.Config.Memory,VM.Config.Network,VM.Config.Options,VM.Console,VM.Migrate,VM.Monitor,VM.PowerMgmt,VM.Snapshot,VM.Snapshot.Rollback";
const agentPrivileges = [
  "VM.GuestAgent.Audit",
  "VM.GuestAgent.FileRead",
  "VM.GuestAgent.FileSystemMgmt",
  "VM.GuestAgent.FileWrite",
  "VM.GuestAgent.Unrestricted",
  "VM.Replicate",
];

/** The roles that are there from the beginning; version 9 has other privileges for the guest agent. */
export function builtInRoles(major: number): Map<string, readonly string[]> {
  const renew = (names: readonly string[]): string[] =>
    major < 9 ? [...names] : names.flatMap((name) => (name === "VM.Monitor" ? agentPrivileges : [name])).sort();
  const all = administrator.split(",");
  const vm = all.filter((name) => name.startsWith("VM."));
  const not = (...without: string[]): string[] => all.filter((name) => !without.includes(name));
  const roles: Record<string, readonly string[]> = {
    Administrator: all,
    NoAccess: [],
    PVEAdmin: not(
      "Mapping.Modify",
      "Permissions.Modify",
      "Realm.Allocate",
      "Sys.AccessNetwork",
      "Sys.Incoming",
      "Sys.Modify",
      "Sys.PowerMgmt",
    ),
    PVEAuditor: ["Datastore.Audit", "Mapping.Audit", "Pool.Audit", "SDN.Audit", "Sys.Audit", "VM.Audit"],
    PVEDatastoreAdmin: all.filter((name) => name.startsWith("Datastore.")),
    PVEDatastoreUser: ["Datastore.AllocateSpace", "Datastore.Audit"],
    PVEMappingAdmin: ["Mapping.Audit", "Mapping.Modify", "Mapping.Use"],
    PVEMappingUser: ["Mapping.Audit", "Mapping.Use"],
    PVEPoolAdmin: ["Pool.Allocate", "Pool.Audit"],
    PVEPoolUser: ["Pool.Audit"],
    PVESDNAdmin: ["SDN.Allocate", "SDN.Audit", "SDN.Use"],
    PVESDNUser: ["SDN.Audit", "SDN.Use"],
    PVESysAdmin: ["Sys.Audit", "Sys.Console", "Sys.Syslog"],
    PVETemplateUser: ["VM.Audit", "VM.Clone"],
    PVEUserAdmin: ["Group.Allocate", "Realm.AllocateUser", "User.Modify"],
    PVEVMAdmin: vm,
    PVEVMUser: ["VM.Audit", "VM.Backup", "VM.Config.CDROM", "VM.Config.Cloudinit", "VM.Console", "VM.PowerMgmt"],
  };
  return new Map(Object.entries(roles).map(([name, privileges]) => [name, renew(privileges)]));
}

/** The privileges of a caller on a path, each with whether it goes on below. */
export function privilegesOf(state: State, who: Who, path: string): ReadonlySet<string> {
  const user = state.users.get(who.user),
    token = who.token === undefined ? undefined : user?.tokens.get(who.token);
  if (user === undefined) return new Set();
  const own = ofUser(state, user, path);
  if (token === undefined || token.privsep === 0) return own;
  const granted = ofLines(state, path, (line) => line.type === "token" && line.ugid === who.id);
  return new Set([...granted].filter((name) => own.has(name)));
}

const ofUser = (state: State, user: User, path: string): ReadonlySet<string> =>
  user.id === "root@pam" ? administratorOf(state) : ofLines(state, path, (line) => line.type === "user" && line.ugid === user.id);

const administrators = new WeakMap<State, ReadonlySet<string>>();

/** All privileges: made once, for lists ask for each of their lines. */
function administratorOf(state: State): ReadonlySet<string> {
  let all = administrators.get(state);
  if (all === undefined) administrators.set(state, (all = new Set(state.roles.get("Administrator"))));
  return all;
}

/** The lines nearest to the path count; guests and storages also have what their pool gives. */
function ofLines(state: State, path: string, mine: (line: AclLine) => boolean): ReadonlySet<string> {
  if (state.acl.length === 0) return new Set();
  const found = alongPath(state, path, mine);
  const guest = /^\/vms\/(\d+)$/.exec(path)?.[1],
    storage = /^\/storage\/(.+)$/.exec(path)?.[1];
  for (const pool of state.pools.values())
    if ((guest !== undefined && pool.guests.has(Number(guest))) || (storage !== undefined && pool.storages.has(storage)))
      for (const name of alongPath(state, `/pool/${pool.id}`, mine)) found.add(name);
  return found;
}

function alongPath(state: State, path: string, mine: (line: AclLine) => boolean): Set<string> {
  const parts = path.split("/").filter((part) => part !== "");
  let privileges = new Set<string>();
  for (let length = 0; length <= parts.length; length += 1) {
    const at = `/${parts.slice(0, length).join("/")}`;
    const lines = state.acl.filter((line) => line.path === at && mine(line) && (length === parts.length || line.propagate === 1));
    if (lines.length > 0) privileges = new Set(lines.flatMap((line) => [...(state.roles.get(line.roleid) ?? [])]));
  }
  return privileges;
}

export const may = (state: State, who: Who, path: string, ...any: readonly string[]): boolean => {
  const privileges = privilegesOf(state, who, path);
  return any.some((name) => privileges.has(name));
};

/** Refuses with Proxmox VE's own words where none of the privileges is there. */
export function requireAny(state: State, who: Who, path: string, ...any: readonly string[]): void {
  if (!may(state, who, path, ...any)) throw denied(`${path}, ${any.join("|")}`);
}

/** Checks what an endpoint needs; `parts` are the values of its path and its other parameters. */
export function requirePermission(state: State, who: Who, permission: Permission, parts: Readonly<Record<string, unknown>>): void {
  if (typeof permission === "string") return;
  const path = permission.path.replace(/\{(\w+)\}/g, (_, name: string) => String(parts[name] as string));
  requireAny(state, who, path, ...(state.major >= 9 ? (permission.from9 ?? permission.any) : permission.any));
}
