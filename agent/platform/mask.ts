const mask = "********";

const patterns: readonly [RegExp, string][] = [
  [/-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z0-9 ]*PRIVATE KEY-----|$)/g, mask],
  [/\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}/gi, `$1 ${mask}`],
  [
    /((?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credentials?)["']?\s*(?:=|:)\s*)("[^"\n]*"|'[^'\n]*'|[^\s,;&]+)/gi,
    `$1${mask}`,
  ],
  [/(\s--?(?:password|passwd|pass|token|secret|api-key)(?:=|\s+))("[^"\n]*"|'[^'\n]*'|\S+)/gi, `$1${mask}`],
  [/(:\/\/[^\s:/@]+:)[^\s@/]+@/gi, `$1${mask}@`],
  [/(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+/g, mask],
  [/\b(sk-[A-Za-z0-9-]{2,}|ghp_|gho_|github_pat_|xox[abprs]-|AKIA)[A-Za-z0-9_-]{12,}/g, mask],
];

/** A text of the host (whoever may log can choose it, so no pattern takes more than linear time) with what looks like a secret covered: passwords, tokens, keys in settings, arguments, addresses and headers. */
export const maskSecrets = (text: string): string => patterns.reduce((masked, [pattern, into]) => masked.replace(pattern, into), text);
