const cover = "********";

const patterns: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z0-9 ]*PRIVATE KEY-----|$)/g, cover],
  [/AGE-SECRET-KEY-1[A-Z0-9]+/g, cover],
  [/\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}/gi, `$1 ${cover}`],
  [
    /\b([A-Za-z0-9_.-]*(?:passw(?:or)?d|passwort|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credentials?|requirepass)["']?\s*(?:=>|=|:|\s(?=["']))\s*)("[^"\n]*"|'[^'\n]*'|[^\s,;&]+)/gi,
    `$1${cover}`,
  ],
  [/(\s--?(?:password|passwd|pass|token|secret|api-key)(?:=|\s+))("[^"\n]*"|'[^'\n]*'|\S+)/gi, `$1${cover}`],
  [/([a-z][a-z0-9+.-]*:\/\/[^\s:/@]*:)[^\s@/]+@/gi, `$1${cover}@`],
  [/\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+/g, cover],
  [/\b(sk-[A-Za-z0-9-]{2,}|ghp_|gho_|ghs_|github_pat_|glpat-|xox[abprs]-|AKIA|ASIA)[A-Za-z0-9_-]{12,}/g, cover],
  [/\$(?:1|2[aby]|5|6|y|argon2id?)\$[^\s:'"]{12,}/g, cover],
];

/** A text with what looks like a secret covered: passwords, tokens, keys and password hashes in settings, arguments, addresses and headers. The agents do the same before they answer; this is the second fence before a model. */
export const redact = (text: string): string => patterns.reduce((covered, [pattern, into]) => covered.replace(pattern, into), text);
