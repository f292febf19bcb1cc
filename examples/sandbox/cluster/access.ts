import type { Auth } from "./auth.ts";
import { type Call, endpoint, type Endpoints, listIn, numberIn, textIn, yesIn } from "./endpoint.ts";
import { each, flag, integer, must, type Parameters, text } from "./parameters.ts";
import { need, privilegesOf, type Who } from "./permissions.ts";
import { failed, Refused } from "./refused.ts";
import { type State, type Token, type User, waitFor } from "./state.ts";

/** The paths that a list of privileges tells of when none is asked for. */
const shownPaths = ["/", "/access", "/access/groups", "/nodes", "/pool", "/sdn", "/storage", "/vms"];
const asSet = (names: Iterable<string>, value = 1): Record<string, number> => Object.fromEntries([...names].map((name) => [name, value]));

function permissions(call: Call): object {
  const { state, who } = call,
    path = textIn(call, "path"),
    userid = textIn(call, "userid");
  const of: Who =
    userid === undefined || userid === who.id
      ? who
      : { id: userid, user: userid.split("!")[0]!, token: userid.split("!")[1], isRoot: false };
  if (path !== undefined) return { [path]: asSet(privilegesOf(state, of, path)) };
  const lines = state.acl.map((line) => line.path);
  return Object.fromEntries(
    [...new Set([...shownPaths, ...lines])]
      .map((one) => [one, asSet(privilegesOf(state, of, one))] as const)
      .filter(([, found]) => Object.keys(found).length > 0),
  );
}

const groups: Readonly<Record<string, { readonly path: string; readonly names: RegExp }>> = {
  access: { path: "/access", names: /^(User|Group|Permissions)\./ },
  dc: { path: "/", names: /^(Sys\.(Audit|Modify)|SDN\.)/ },
  mapping: { path: "/mapping", names: /^(Mapping|Permissions)\./ },
  nodes: { path: "/nodes", names: /^(Sys|Permissions)\./ },
  sdn: { path: "/sdn", names: /^(SDN|Permissions)\./ },
  storage: { path: "/storage", names: /^(Datastore|Permissions)\./ },
  vms: { path: "/vms", names: /^(VM|Permissions)\./ },
};

const capabilities = (state: State, who: Who): object =>
  Object.fromEntries(
    Object.entries(groups).map(([group, { path, names }]) => [
      group,
      asSet([...privilegesOf(state, who, path)].filter((name) => names.test(name))),
    ]),
  );

/** Logs in by password, or renews by an older ticket; a refusal takes a while. */
async function ticket(call: Call, auth: Auth): Promise<object> {
  const { state } = call,
    given = textIn(call, "username")!,
    realm = textIn(call, "realm");
  const user = given.includes("@") ? given : `${given}@${realm ?? "pam"}`,
    found = auth.login(user, textIn(call, "password")!);
  if (found === undefined) {
    await waitFor(state, state.pace.refusal);
    throw new Refused(401, "authentication failure");
  }
  const who: Who = { id: user, user, token: undefined, isRoot: user === "root@pam" };
  return {
    username: user,
    ticket: found.ticket,
    CSRFPreventionToken: found.csrf,
    ...(privilegesOf(state, who, "/").has("Sys.Audit") ? { clustername: state.name } : {}),
    cap: capabilities(state, who),
  };
}

function userOf(call: Call): User {
  const id = textIn(call, "userid")!,
    user = call.state.users.get(id);
  if (user === undefined) throw failed(`no such user ('${id}')`);
  return user;
}

function addUser(call: Call): undefined {
  const id = textIn(call, "userid")!;
  if (call.state.users.has(id)) throw failed(`create user failed: user '${id}' already exists`);
  call.state.users.set(id, {
    id,
    password: textIn(call, "password"),
    enable: call.params["enable"] === 0 ? 0 : 1,
    expire: numberIn(call, "expire") ?? 0,
    comment: textIn(call, "comment"),
    tokens: new Map(),
  });
  return undefined;
}

function changeUser(call: Call): undefined {
  const user = userOf(call);
  if (call.params["enable"] !== undefined) user.enable = yesIn(call, "enable") ? 1 : 0;
  user.expire = numberIn(call, "expire") ?? user.expire;
  user.comment = textIn(call, "comment") ?? user.comment;
  return undefined;
}

const tokenInfo = ({ privsep, comment, expire }: Token): object => ({ privsep, ...(comment === undefined ? {} : { comment }), expire });

function addToken(call: Call): object {
  const { state } = call,
    user = userOf(call),
    id = textIn(call, "tokenid")!;
  if (user.tokens.has(id)) throw failed("Token already exists.");
  const token: Token = {
    secret: state.chance.uuid(),
    privsep: call.params["privsep"] === 0 ? 0 : 1,
    comment: textIn(call, "comment"),
    expire: numberIn(call, "expire") ?? 0,
  };
  user.tokens.set(id, token);
  const info = {
    privsep: String(token.privsep),
    ...(token.comment === undefined ? {} : { comment: token.comment }),
    ...(call.params["expire"] === undefined ? {} : { expire: String(token.expire) }),
  };
  return { "full-tokenid": `${user.id}!${id}`, value: token.secret, info };
}

function tokenOf(call: Call): Token {
  const token = userOf(call).tokens.get(textIn(call, "tokenid")!);
  if (token === undefined) throw failed(`no such token '${textIn(call, "tokenid")!}' for user '${textIn(call, "userid")!}'`);
  return token;
}

function changeToken(call: Call): object {
  const token = tokenOf(call);
  token.expire = numberIn(call, "expire") ?? token.expire;
  token.comment = textIn(call, "comment") ?? token.comment;
  if (call.params["privsep"] !== undefined) token.privsep = yesIn(call, "privsep") ? 1 : 0;
  return {
    privsep: token.privsep,
    ...(token.comment === undefined ? {} : { comment: token.comment }),
    ...(call.params["expire"] === undefined ? {} : { expire: String(token.expire) }),
  };
}

function changeAcl(call: Call): undefined {
  const { state } = call,
    path = textIn(call, "path")!,
    propagate = call.params["propagate"] === 0 ? 0 : 1;
  const whom = [
    ...listIn(call, "users").map((ugid) => ({ type: "user" as const, ugid })),
    ...listIn(call, "tokens").map((ugid) => ({ type: "token" as const, ugid })),
    ...listIn(call, "groups").map((ugid) => ({ type: "group" as const, ugid })),
  ];
  for (const roleid of listIn(call, "roles")) {
    if (!state.roles.has(roleid)) throw failed(`role '${roleid}' does not exist`);
    for (const { type, ugid } of whom) {
      state.acl = state.acl.filter((line) => !(line.path === path && line.ugid === ugid && line.roleid === roleid));
      if (!yesIn(call, "delete")) state.acl.push({ path, type, ugid, roleid, propagate });
    }
  }
  return undefined;
}

const admin = need("/access", "User.Modify");
const tokenParameters: Parameters = { comment: text(), expire: integer({ minimum: 0 }), privsep: flag };
const userParameters: Parameters = {
  ...each("email firstname lastname keys groups", text({ maxLength: 4096 })),
  comment: text({ maxLength: 2048 }),
  enable: flag,
  expire: integer({ minimum: 0 }),
};

/** Logins, users, tokens, roles, rights. */
export const accessEndpoints = (auth: Auth): Endpoints => ({
  "POST /access/ticket": endpoint(
    "world",
    {
      username: must(text({ maxLength: 64 })),
      password: must(text()),
      realm: text({ maxLength: 32 }),
      otp: text(),
      path: text({ maxLength: 64 }),
      privs: text({ maxLength: 64 }),
      "tfa-challenge": text(),
      "new-format": flag,
    },
    (call) => ticket(call, auth),
    { withoutQuorum: true },
  ),
  "GET /access/domains": endpoint("world", {}, () => [
    { realm: "pam", type: "pam", comment: "Linux PAM standard authentication" },
    { realm: "pve", type: "pve", comment: "Proxmox VE authentication server" },
  ]),
  "GET /access/permissions": endpoint("all", { path: text(), userid: text() }, permissions),
  "GET /access/roles": endpoint("all", {}, ({ state }) =>
    [...state.roles].map(([roleid, names]) => ({ roleid, privs: names.join(","), special: 1 })),
  ),
  "GET /access/acl": endpoint("all", {}, ({ state }) => state.acl),
  "PUT /access/acl": endpoint(
    need("/access", "Permissions.Modify"),
    { path: must(text()), roles: must(text()), ...each("users tokens groups", text()), propagate: flag, delete: flag },
    changeAcl,
  ),
  "GET /access/users": endpoint("all", { enabled: flag, full: flag }, ({ state, who }) =>
    [...state.users.values()]
      .filter((user) =>
        who.token === undefined
          ? user.id === who.user || privilegesOf(state, who, "/access").has("User.Modify")
          : privilegesOf(state, who, "/access").has("User.Modify"),
      )
      .map(({ id, enable, expire, comment }) => ({
        userid: id,
        enable,
        expire,
        "realm-type": id.endsWith("@pam") ? "pam" : "pve",
        ...(comment === undefined ? {} : { comment }),
      })),
  ),
  "POST /access/users": endpoint(
    admin,
    { ...userParameters, userid: must(text({ maxLength: 64 })), password: text({ minLength: 8, maxLength: 64 }) },
    addUser,
  ),
  "PUT /access/users/{userid}": endpoint(admin, { ...userParameters, append: flag }, changeUser),
  "DELETE /access/users/{userid}": endpoint(admin, {}, (call) => {
    const { id } = userOf(call);
    call.state.users.delete(id);
    call.state.acl = call.state.acl.filter((line) => line.ugid !== id && !line.ugid.startsWith(`${id}!`));
  }),
  "GET /access/users/{userid}/token": endpoint("all", {}, (call) =>
    [...userOf(call).tokens].map(([tokenid, token]) => ({ tokenid, ...tokenInfo(token) })),
  ),
  "POST /access/users/{userid}/token/{tokenid}": endpoint(admin, tokenParameters, addToken),
  "PUT /access/users/{userid}/token/{tokenid}": endpoint(admin, tokenParameters, changeToken),
  "DELETE /access/users/{userid}/token/{tokenid}": endpoint(admin, {}, (call) => {
    tokenOf(call);
    const { id, tokens } = userOf(call),
      token = textIn(call, "tokenid")!;
    tokens.delete(token);
    call.state.acl = call.state.acl.filter((line) => line.ugid !== `${id}!${token}`);
  }),
});
