import { file, pack, type PretendPackage, unit } from "./parts.ts";

const sshdConfig = `Include /etc/ssh/sshd_config.d/*.conf
Port 22
PermitRootLogin prohibit-password
PasswordAuthentication no
X11Forwarding no
UsePAM yes
Subsystem sftp /usr/lib/openssh/sftp-server
`;

const sshLog = [
  [6, 0.05, "Accepted publickey for alice from 10.20.0.# port 5###"],
  [4, 0.02, "Invalid user admin from 203.0.113.# port 4###"],
] as const;
const ssh = { reloads: true, dialect: "sshd", ports: [{ port: 22, address: "0.0.0.0", program: "sshd" }], log: sshLog } as const;
const cronLog = [[6, 0.016, "(root) CMD (cd / && run-parts --report /etc/cron.hourly)"]] as const;

/** What every installation has. */
export const basePackages: readonly PretendPackage[] = [
  pack("base-files", {
    versions: { "debian-12": ["12.4+deb12u8"], "ubuntu-22.04": ["12ubuntu4.7"], "ubuntu-24.04": ["13ubuntu10.1"] },
    files: {
      "/etc/motd": file(""),
      "/etc/fstab": file("# <file system> <mount point> <type> <options> <dump> <pass>\n"),
      "/etc/crontab": file("SHELL=/bin/sh\n17 * * * * root cd / && run-parts --report /etc/cron.hourly\n"),
    },
  }),
  pack("alpine-base", {
    versions: { "alpine-3.20": ["3.20.3-r0"] },
    files: { "/etc/motd": file("Welcome to Alpine!\n"), "/etc/fstab": file("/dev/vda3\t/\text4\trw,relatime 0 1\n") },
  }),
  pack("systemd", {
    versions: { "debian-12": ["252.30-1~deb12u2"], "ubuntu-22.04": ["249.11-0ubuntu3.12"], "ubuntu-24.04": ["255.4-1ubuntu8.4"] },
    units: [
      unit("systemd-journald.service", "Journal Service", { enabled: "static" }),
      unit("systemd-timesyncd.service", "Network Time Synchronization"),
    ],
  }),
  pack("openrc", { versions: { "alpine-3.20": ["0.54-r1"] } }),
  pack("chrony", { versions: { "alpine-3.20": ["4.5-r0"] }, units: [unit("chronyd.service", "chrony NTP daemon")] }),
  pack("openssh-server", {
    versions: {
      "debian-12": ["1:9.2p1-2+deb12u3", "1:9.2p1-2+deb12u4"],
      "ubuntu-22.04": ["1:8.9p1-3ubuntu0.10"],
      "ubuntu-24.04": ["1:9.6p1-3ubuntu13.5"],
    },
    units: [unit("ssh.service", "OpenBSD Secure Shell server", { ...ssh, aliases: ["sshd.service"] })],
    files: { "/etc/ssh/sshd_config": file(sshdConfig) },
  }),
  pack("openssh", {
    versions: { "alpine-3.20": ["9.7_p1-r4"] },
    units: [unit("sshd.service", "OpenBSD Secure Shell server", ssh)],
    files: { "/etc/ssh/sshd_config": file(sshdConfig) },
  }),
  pack("cron", {
    versions: { "debian-12": ["3.0pl1-162"], "ubuntu-22.04": ["3.0pl1-137ubuntu3"], "ubuntu-24.04": ["3.0pl1-184ubuntu2"] },
    units: [unit("cron.service", "Regular background program processing daemon", { aliases: ["crond.service"], log: cronLog })],
  }),
  pack("busybox-openrc", {
    versions: { "alpine-3.20": ["1.36.1-r29"] },
    units: [unit("crond.service", "busybox cron daemon", { log: cronLog })],
  }),
  pack("openssl", {
    versions: {
      "debian-12": ["3.0.14-1~deb12u2", "3.0.15-1~deb12u1"],
      "ubuntu-22.04": ["3.0.2-0ubuntu1.17", "3.0.2-0ubuntu1.18"],
      "ubuntu-24.04": ["3.0.13-0ubuntu3.3", "3.0.13-0ubuntu3.4"],
      "alpine-3.20": ["3.3.2-r0", "3.3.2-r1"],
    },
  }),
  pack("curl", {
    versions: {
      "debian-12": ["7.88.1-10+deb12u8"],
      "ubuntu-22.04": ["7.81.0-1ubuntu1.19"],
      "ubuntu-24.04": ["8.5.0-2ubuntu10.5"],
      "alpine-3.20": ["8.11.0-r2"],
    },
  }),
  pack("linux-image", {
    versions: {
      "debian-12": ["6.1.119-1", "6.1.123-1"],
      "ubuntu-22.04": ["5.15.0.126.124"],
      "ubuntu-24.04": ["6.8.0-49.49", "6.8.0-51.52"],
      "alpine-3.20": ["6.6.63-r0"],
    },
    reboot: true,
  }),
];
