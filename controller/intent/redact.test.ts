import { expect, test } from "vitest";
import { redact } from "./redact.ts";

test.each([
  ["password=hunter22 next", "password=******** next"],
  ["db_password: 's3cr et'", "db_password: ********"],
  ["Authorization: Bearer abcdefghijkl", "Authorization: Bearer ********"],
  ["postgres://app:pa55word@db/app", "postgres://app:********@db/app"],
  ["redis://:pa55word@cache", "redis://:********@cache"],
  ["mysql --password=abc -u root", "mysql --password=******** -u root"],
  ["root:$6$abcdefgh$0123456789abcdef:19000", "root:********:19000"],
  ["-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----", "********"],
  ["nginx: [emerg] unknown directive", "nginx: [emerg] unknown directive"],
])("%s", (text, covered) => {
  expect(redact(text)).toBe(covered);
});
