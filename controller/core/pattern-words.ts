/** What the patterns of our schemas mean, in words: the text of the pattern, and what a person has to write. */
const words: readonly (readonly [pattern: string, words: string])[] = [
  ["^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", "lower case letters, digits and hyphens, at most 63, no hyphen at either end"],
  ["^([A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?)?$", "letters, digits, hyphens, dots and underscores, a letter or digit at either end"],
  ["^[a-z0-9]([a-z0-9./-]*[a-z0-9])?$", "lower case letters, digits, hyphens, dots and slashes, a letter or digit at either end"],
  ["^([0-9]+(ms|s|m|h|d))+$", "a duration such as 30s, 5m, 2h or 1h30m"],
  ["^[A-Z][A-Za-z]*/[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", "a reference such as Service/nginx"],
  ["^[a-z0-9][a-z0-9-]*/[A-Za-z0-9_.-]+$", "name/key of a secret, such as database/password"],
  ["^[1-9][0-9]?%$|^100%$", "a number of hosts, or a share such as 25%"],
  ["^https?://", "a URL that starts with http:// or https://"],
  ["^[^\\s:]*(:[^\\s]+)?:[0-9]{1,5}$", "HOST:PORT, such as localhost:8080"],
  ["^[\\w@.\\\\:-]+$", "a unit such as nginx.service, without spaces or slashes"],
  ["^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$", "a name of letters, digits, hyphens and underscores, at most 64, without .conf"],
  [
    "^(?!.*/\\.{1,2}(/|$))(/[^/\\u0000-\\u001f]+)+$",
    "an absolute path such as /etc/motd, without . or .. parts, doubled slashes or a slash at the end",
  ],
  ["^files/[^\\u0000-\\u001f]+$", "a path below files/, such as files/nginx.conf"],
  ["^[a-z0-9_][a-z0-9_.-]*\\$?$", "a user's or group's name"],
  ["^[0-7]{3,4}$", 'three or four octal digits in quotes, such as "0644"'],
  ["^(Service/[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?|[\\w@.\\\\:-]+)$", "Service/NAME, or a unit such as nginx.service"],
  ["^[A-Za-z_][A-Za-z0-9_-]*$", "a name of letters, digits, hyphens and underscores that starts with a letter"],
  ["^[A-Za-z0-9][A-Za-z0-9+._-]*(:[a-z0-9-]+)?$", "a package's name, such as nginx"],
  ["^[A-Za-z0-9*][A-Za-z0-9.+~:_*-]*$", 'a version or a glob, such as "1.24.*"'],
  ["^[A-Z][A-Za-z]*$", "a kind, such as Service"],
  ["^[a-z0-9]([a-z0-9_.-]{0,61}[a-z0-9])?$", "lower case letters, digits, hyphens, dots and underscores, at most 63"],
  ["^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$", "a host name in lower case"],
  ["^[A-Za-z0-9.:-]+$", "an IP address or a host name"],
  ["^[^\\u0000-\\u001f]{1,512}$", "a key of at most 512 characters on one line"],
  ["^[^\\u0000-\\u001f]{1,64}$", "a phrase of at most 64 characters on one line"],
];

const byPattern = new Map(words);

/** A pattern in words; undefined for one that nobody described, which a test forbids for kinds and settings. */
export const patternWords = (pattern: string): string | undefined => byPattern.get(pattern);
