import type { Dialect } from "./parts.ts";

/** Files by path, as a program would read them: live ones, or candidates laid over them. */
export type FileTexts = Iterable<readonly [path: string, text: string]>;

/** Below which path the files of a dialect lie, where its main file is, and how its program names what is wrong. */
interface DialectRules {
  readonly start: string;
  readonly main: string;
  readonly program: string;
  readonly passed: string;
  unknown(word: string, path: string, line: number, main: string): string;
}

const rules: Readonly<Record<Dialect, DialectRules>> = {
  nginx: {
    start: "/etc/nginx/",
    main: "/etc/nginx/nginx.conf",
    program: "nginx",
    passed:
      "nginx: the configuration file /etc/nginx/nginx.conf syntax is ok\nnginx: configuration file /etc/nginx/nginx.conf test is successful",
    unknown: (word, path, line, main) =>
      `nginx: [emerg] unknown directive "${word}" in ${path}:${line}\nnginx: configuration file ${main} test failed`,
  },
  apache: {
    start: "/etc/apache2/",
    main: "/etc/apache2/apache2.conf",
    program: "apache2ctl",
    passed: "Syntax OK",
    unknown: (word, path, line) =>
      `AH00526: Syntax error on line ${line} of ${path}:\nInvalid command '${word}', perhaps misspelled or defined by a module not included in the server configuration`,
  },
  "php-fpm": {
    start: "/etc/php/",
    main: "php-fpm.conf",
    program: "php-fpm",
    passed: "NOTICE: configuration file test is successful",
    unknown: (word, path, line) => `ERROR: [${path}:${line}] unknown entry '${word}'\nERROR: FPM initialization failed`,
  },
  sshd: {
    start: "/etc/ssh/sshd_config",
    main: "/etc/ssh/sshd_config",
    program: "sshd",
    passed: "",
    unknown: (word, path, line) =>
      `${path}: line ${line}: Bad configuration option: ${word}\n${path}: terminating, 1 bad configuration options`,
  },
  haproxy: {
    start: "/etc/haproxy/",
    main: "/etc/haproxy/haproxy.cfg",
    program: "haproxy",
    passed: "Configuration file is valid",
    unknown: (word, path, line) =>
      `[ALERT] config : parsing [${path}:${line}] : unknown keyword '${word}' in this section\n[ALERT] config : Error(s) found in configuration file : ${path}`,
  },
};

export const dialectStart = (dialect: Dialect): string => rules[dialect].start;
export const dialectProgram = (dialect: Dialect): string => rules[dialect].program;

/** What the program's own test says of its files: `bad_directive` is no directive in any dialect, and nginx wants its braces in pairs. */
export function testConfiguration(dialect: Dialect, files: FileTexts): { readonly ok: boolean; readonly output: string } {
  const { unknown, main, passed } = rules[dialect];
  for (const [path, text] of [...files].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const lines = text.split("\n").map((line) => line.replace(/#.*/, ""));
    const bad = lines.findIndex((line) => /\bbad_directive\b/.test(line));
    if (bad >= 0) return { ok: false, output: unknown("bad_directive", path, bad + 1, main) };
    const brace = dialect === "nginx" ? unbalanced(lines, path) : undefined;
    if (brace !== undefined) return { ok: false, output: `nginx: [emerg] ${brace}\nnginx: configuration file ${main} test failed` };
  }
  return { ok: true, output: passed };
}

function unbalanced(lines: readonly string[], path: string): string | undefined {
  let depth = 0;
  for (const [index, line] of lines.entries())
    for (const char of line.replace(/"[^"]*"|'[^']*'/g, "")) {
      if (char === "{") depth += 1;
      if (char === "}") depth -= 1;
      if (depth < 0) return `unexpected "}" in ${path}:${index + 1}`;
    }
  return depth > 0 ? `unexpected end of file, expecting "}" in ${path}:${lines.length}` : undefined;
}

/** What a web server answers that has read these files: `return 503` (any 5xx) makes it fail, `return 200 "text"` is its page. Undefined: 200 and the usual page. */
export function answerOf(files: FileTexts): { readonly status: number; readonly body?: string } | undefined {
  for (const [, text] of files) {
    const failed = /^[^#\n]*\breturn\s+(5\d\d)\b/m.exec(text);
    if (failed !== null) return { status: Number(failed[1]) };
  }
  for (const [, text] of files) {
    const page = /^[^#\n]*\breturn\s+200\s+(?:"([^"]*)"|'([^']*)')/m.exec(text);
    if (page !== null) return { status: 200, body: (page[1] ?? page[2] ?? "").replaceAll("\\n", "\n") };
  }
  return undefined;
}
