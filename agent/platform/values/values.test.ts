import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Format, Scalar } from "../../../schemas/verbs/file.ts";
import { getValues, setValues } from "./index.ts";

const set = (format: Format, text: string, values: Record<string, Scalar>): string => {
  const result = setValues(format, text, values);
  if ("problem" in result) throw new Error(result.problem);
  return result.text;
};
const get = (format: Format, text: string, key: string): Scalar => {
  const result = getValues(format, text, [key]);
  if ("problem" in result) throw new Error(result.problem);
  return result.values[key] as Scalar;
};

const php = `[PHP]\n\n; About php.ini   ;\nengine = On\nshort_open_tag = Off\n;memory_limit = 64M\nmemory_limit = 128M ; per script\nerror_reporting = E_ALL & ~E_DEPRECATED\n\n[Date]\n;date.timezone =\n\n[Session]\nsession.save_handler = files\n`;

describe("ini", () => {
  test("php.ini: a key with or without its section, dots in keys, comments behind values", () => {
    expect(get("ini", php, "memory_limit")).toBe("128M");
    expect(get("ini", php, "PHP.memory_limit")).toBe("128M");
    expect(get("ini", php, "session.save_handler")).toBe("files");
    expect(set("ini", php, { memory_limit: "256M" })).toBe(php.replace("= 128M", "= 256M"));
    expect(set("ini", php, { "Session.session\\.save_handler": "redis" })).toBe(php.replace("= files", "= redis"));
  });
  test("a commented-out key shows where the new one belongs", () => {
    expect(set("ini", php, { "date.timezone": "Europe/Berlin" })).toBe(
      php.replace(";date.timezone =\n", ";date.timezone =\ndate.timezone = Europe/Berlin\n"),
    );
  });
  test("a new section and a new key in an old section; CRLF and missing last newline stay", () => {
    expect(set("ini", "[a]\r\nx=1", { "b.y": 2, "a.z": true })).toBe("[a]\r\nx=1\r\nz=true\r\n\r\n[b]\r\ny=2\r\n");
  });
  test("quotes stay, values that need them get them, null takes every line of the key", () => {
    expect(set("ini", `[a]\nx = "1" # c\n`, { "a.x": "two words" })).toBe(`[a]\nx = "two words" # c\n`);
    expect(set("ini", "[a]\nx = 1\n", { "a.x": "a ; b" })).toBe(`[a]\nx = "a ; b"\n`);
    expect(set("ini", "[a]\nx=1\ny=2\nx=3\n", { "a.x": null })).toBe("[a]\ny=2\n");
  });
  test("a value with a line break is refused", () => {
    expect(setValues("ini", "", { "a.b": "1\n[root]" })).toEqual({ problem: "the value cannot be written in this format" });
  });
});

describe("env", () => {
  const text = `# settings\nexport PATH="/bin"\nDEBUG=false # no\nNAME='x y'\n`;
  test("reads and sets bare and quoted values", () => {
    expect(get("env", text, "NAME")).toBe("x y");
    expect(get("env", text, "DEBUG")).toBe("false");
    expect(set("env", text, { DEBUG: true, PATH: "/bin:$HOME", NAME: "it's" })).toBe(
      `# settings\nexport PATH="/bin:\\$HOME"\nDEBUG=true # no\nNAME="it's"\n`,
    );
  });
  test("a new variable goes to the end, null removes", () => {
    expect(set("env", "A=1", { B: "two words" })).toBe(`A=1\nB="two words"\n`);
    expect(set("env", text, { DEBUG: null })).toBe(text.replace("DEBUG=false # no\n", ""));
  });
  test("an open quote is a problem, not a guess", () => {
    expect(setValues("env", `A="x\ny"\n`, { A: "1" })).toHaveProperty("problem");
  });
});

describe("keyvalue", () => {
  const sshd = `Include /etc/ssh/sshd_config.d/*.conf\n\n#Port 22\n#PermitRootLogin prohibit-password\nX11Forwarding yes\nSubsystem\tsftp\t/usr/lib/sftp-server\n\nMatch User backup\n  X11Forwarding no\n`;
  test("sshd_config: any case, never inside a Match block", () => {
    expect(get("keyvalue", sshd, "x11forwarding")).toBe("yes");
    expect(set("keyvalue", sshd, { X11Forwarding: "no" })).toBe(sshd.replace("X11Forwarding yes", "X11Forwarding no"));
    expect(set("keyvalue", sshd, { PermitRootLogin: "no" })).toBe(
      sshd.replace("prohibit-password\n", "prohibit-password\nPermitRootLogin no\n"),
    );
    expect(set("keyvalue", sshd, { MaxAuthTries: 3 })).toBe(sshd.replace("sftp-server\n", "sftp-server\nMaxAuthTries 3\n"));
  });
  test("sysctl.conf and main.cf: dots in keys, values over several lines", () => {
    expect(set("keyvalue", "net.ipv4.ip_forward = 0\n", { "net.ipv4.ip_forward": 1, "vm.swappiness": 10 })).toBe(
      "net.ipv4.ip_forward = 1\nvm.swappiness = 10\n",
    );
    const cf = "mynetworks = 127.0.0.0/8\n  10.0.0.0/8\nmyhostname=a\n";
    expect(get("keyvalue", cf, "mynetworks")).toBe("127.0.0.0/8 10.0.0.0/8");
    expect(set("keyvalue", cf, { mynetworks: "127.0.0.0/8" })).toBe("mynetworks = 127.0.0.0/8\nmyhostname=a\n");
  });
});

describe("json", () => {
  const text = `{\n    // ports\n    "port": 80, "list": [ 1,2 ],\n    "deep": { "a.b": "x" }\n}\n`;
  test("dotted keys, escaped dots and pointers", () => {
    expect(get("json", text, "deep.a\\.b")).toBe("x");
    expect(get("json", text, "/deep/a.b")).toBe("x");
    expect(set("json", text, { port: 8080, "list.0": 5, "deep.a\\.b": "y" })).toBe(
      text.replace("80", "8080").replace("1,2", "5,2").replace('"x"', '"y"'),
    );
  });
  test("new keys are indented as the file is; text that is not JSON is a problem", () => {
    expect(set("json", `{\n    "a": 1\n}\n`, { "b.c": true })).toBe(`{\n    "a": 1,\n    "b": {\n        "c": true\n    }\n}\n`);
    expect(set("json", "", { a: 1 })).toBe(`{\n  "a": 1\n}\n`);
    expect(setValues("json", "{ a", { a: 1 })).toHaveProperty("problem");
    expect(setValues("json", "[1]", { "7": 1 })).toHaveProperty("problem");
  });
});

describe("yaml", () => {
  const text = `# head\nserver:   # web\n    port:  80    # http\n    mode: 0644\n    hosts: [a,  b]\n    tls: { on: yes }\nlist:\n  - name: one\n    size: 1\nempty:\n`;
  test("only the value's own bytes change", () => {
    expect(set("yaml", text, { "server.port": 8080 })).toBe(text.replace(" 80 ", " 8080 "));
    expect(set("yaml", text, { "list.0.size": 2, "server.hosts.1": "c d" })).toBe(
      text.replace("size: 1", "size: 2").replace("  b]", '  "c d"]'),
    );
    expect(set("yaml", text, { "server.tls.on": false })).toBe(text.replace("on: yes", "on: false"));
  });
  test("new keys in block maps, flow maps and empty values", () => {
    expect(set("yaml", text, { "server.user": "www" })).toBe(text.replace("on: yes }\n", "on: yes }\n    user: www\n"));
    expect(set("yaml", text, { "server.tls.cert": "x" })).toBe(text.replace("on: yes }", "on: yes, cert: x }"));
    expect(set("yaml", text, { "empty.a.b": 1 })).toBe(`${text}    a:\n        b: 1\n`);
    expect(set("yaml", "", { "a.b": "x" })).toBe("a:\n  b: x\n");
    expect(set("yaml", "a: 1", { b: 2 })).toBe("a: 1\nb: 2\n");
  });
  test("removing a key takes its line; a text that looks like something else is quoted", () => {
    expect(set("yaml", text, { "server.port": null })).toBe(text.replace("    port:  80    # http\n", ""));
    expect(set("yaml", "a: x\n", { a: "true" })).toBe('a: "true"\n');
    expect(set("yaml", "a: |\n  one\n  two\nb: 1\n", { a: "three" })).toBe("a: three\nb: 1\n");
  });
  test("what cannot be changed alone is a problem", () => {
    expect(setValues("yaml", "a: &x 1\nb: *x\n", { b: 2 })).toHaveProperty("problem");
    expect(setValues("yaml", "a: [1\n", { a: 2 })).toHaveProperty("problem");
    expect(setValues("yaml", "a:\n  b: 1\n", { a: 2 })).toHaveProperty("problem");
  });
});

const name = fc
  .stringMatching(/^[a-z][a-z0-9_]{0,7}$/)
  .filter((key) => !["match", "host", "export", "true", "false", "null", "yes", "no", "on", "off", "y", "n"].includes(key));
const word = fc.oneof(fc.stringMatching(/^[A-Za-z0-9/:.-]{1,12}$/), fc.string({ maxLength: 12 }));
const scalar = fc.oneof(word, fc.integer(), fc.boolean());
const noise = fc.constantFrom("", "# note", "  ");

/** Texts of each format with some keys, comments and blank lines, and the keys that they may have. */
const texts: Record<Format, fc.Arbitrary<string>> = {
  ini: fc
    .array(
      fc.oneof(
        noise,
        fc.tuple(name).map(([n]) => `[${n}]`),
        fc.tuple(name, fc.constantFrom("=", " = ", " ="), word).map((parts) => parts.join("")),
      ),
    )
    .map((lines) => lines.join("\n")),
  env: fc
    .array(
      fc.oneof(
        noise,
        fc.tuple(fc.constantFrom("", "export "), name, fc.constantFrom("x", "'a b'", '"c d"', "")).map(([e, n, v]) => `${e}${n}=${v}`),
      ),
    )
    .map((lines) => lines.join("\n")),
  keyvalue: fc
    .tuple(fc.constantFrom(" = ", "=", " "), fc.array(fc.oneof(noise, fc.tuple(name, name))))
    .map(([separator, lines]) => lines.map((line) => (typeof line === "string" ? line : line.join(separator))).join("\r\n")),
  json: fc
    .dictionary(name, fc.oneof(scalar, fc.dictionary(name, scalar)), { noNullPrototype: true })
    .map((data) => JSON.stringify(data, null, 2)),
  yaml: fc
    .dictionary(name, fc.oneof(fc.stringMatching(/^[a-z0-9 ]{0,8}$/), fc.integer(), fc.boolean()), { noNullPrototype: true })
    .map((data) =>
      Object.entries(data)
        .map(([key, value]) => `${key}: ${JSON.stringify(value)}  # note\n`)
        .join("# between\n"),
    ),
};

describe.each(["ini", "env", "keyvalue", "json", "yaml"] as const)("laws of %s", (format) => {
  const asRead = (value: Scalar): Scalar => (format === "json" || format === "yaml" ? value : String(value));
  const keys =
    format === "env" || format === "keyvalue" ? name : fc.array(name, { minLength: 1, maxLength: 2 }).map((parts) => parts.join("."));

  test("what was set is read, setting it again changes nothing, removing it leaves nothing", () => {
    fc.assert(
      fc.property(texts[format], keys, scalar, (text, key, value) => {
        const once = setValues(format, text, { [key]: value });
        if ("problem" in once) return;
        expect(get(format, once.text, key)).toEqual(asRead(value));
        expect(set(format, once.text, { [key]: value })).toBe(once.text);
        const removed = setValues(format, once.text, { [key]: null });
        expect("problem" in removed ? null : get(format, removed.text, key)).toBeNull();
      }),
      { numRuns: 500 },
    );
  });

  test("every other line stays", () => {
    fc.assert(
      fc.property(texts[format], keys, scalar, (text, key, value) => {
        const result = setValues(format, text, { [key]: value });
        if ("problem" in result || format === "json") return;
        const before = text.split("\n");
        const after = result.text.split("\n");
        const gone = before.filter((line) => !after.includes(line) && !after.includes(`${line}\r`));
        expect(gone.length).toBeLessThanOrEqual(1);
      }),
      { numRuns: 300 },
    );
  });
});
