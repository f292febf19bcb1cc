import { file, linkTo, pack, type PretendFile, type PretendPackage, unit } from "./parts.ts";

const nginxConf = (include: string, user: string): string => `user ${user};
worker_processes auto;
pid /run/nginx.pid;

events {
    worker_connections 768;
}

http {
    sendfile on;
    include /etc/nginx/mime.types;
    access_log /var/log/nginx/access.log;
    error_log /var/log/nginx/error.log;
    include /etc/nginx/conf.d/*.conf;
    include ${include};
}
`;
const defaultSite = `server {
    listen 80 default_server;
    root /var/www/html;
    index index.html;
    server_name _;
}
`;
const nginxFiles: Readonly<Record<string, PretendFile>> = {
  "/etc/nginx/nginx.conf": file(nginxConf("/etc/nginx/sites-enabled/*", "www-data")),
  "/etc/nginx/mime.types": file("types {\n    text/html html htm;\n    text/css css;\n}\n"),
  "/etc/nginx/sites-available/default": file(defaultSite),
  "/etc/nginx/sites-enabled/default": linkTo("/etc/nginx/sites-available/default"),
  "/var/www/html/index.html": file("<!DOCTYPE html>\n<title>Welcome to nginx!</title>\n"),
  "/usr/sbin/nginx": file("pretend program\n", { mode: "0755" }),
};
const apkNginxFiles = {
  ...nginxFiles,
  "/etc/nginx/nginx.conf": file(nginxConf("/etc/nginx/http.d/*.conf", "nginx")),
  "/etc/nginx/http.d/default.conf": file(defaultSite),
};

const http = (port: number, program: string, address = "0.0.0.0") => ({ port, address, program, http: true });
const tcp = (port: number, program: string, address = "127.0.0.1") => ({ port, address, program });

const nginxUnit = unit("nginx.service", "A high performance web server and a reverse proxy server", {
  reloads: true,
  dialect: "nginx",
  ports: [http(80, "nginx")],
  log: [[4, 0.004, "upstream server temporarily disabled while connecting to upstream, client: 10.20.0.#"]],
});

const phpPool = (version: string): string =>
  `[www]\nuser = www-data\ngroup = www-data\nlisten = /run/php/php${version}-fpm.sock\npm = dynamic\npm.max_children = 10\n`;
const phpIni =
  "[PHP]\nengine = On\nmemory_limit = 128M\nmax_execution_time = 30\nupload_max_filesize = 2M\npost_max_size = 8M\n\n[Date]\ndate.timezone = UTC\n";
const php = (version: string, versions: PretendPackage["versions"]): PretendPackage =>
  pack(`php${version}-fpm`, {
    versions,
    units: [
      unit(`php${version}-fpm.service`, `The PHP ${version} FastCGI Process Manager`, {
        reloads: true,
        dialect: "php-fpm",
        aliases: ["php-fpm.service"],
      }),
    ],
    files: { [`/etc/php/${version}/fpm/php.ini`]: file(phpIni), [`/etc/php/${version}/fpm/pool.d/www.conf`]: file(phpPool(version)) },
  });

const everywhere = (...versions: readonly string[]) => ({ "debian-12": versions, "ubuntu-22.04": versions, "ubuntu-24.04": versions });

/** What the pretend repositories offer beside the base. */
export const softwarePackages: readonly PretendPackage[] = [
  pack("nginx", {
    versions: {
      "debian-12": ["1.22.1-9", "1.22.1-9+deb12u2"],
      "ubuntu-22.04": ["1.18.0-6ubuntu14.4", "1.18.0-6ubuntu14.5"],
      "ubuntu-24.04": ["1.24.0-2ubuntu7", "1.24.0-2ubuntu7.1"],
    },
    depends: ["nginx-common"],
    units: [nginxUnit],
    files: nginxFiles,
  }),
  pack("nginx-common", {
    versions: {
      "debian-12": ["1.22.1-9", "1.22.1-9+deb12u2"],
      "ubuntu-22.04": ["1.18.0-6ubuntu14.4", "1.18.0-6ubuntu14.5"],
      "ubuntu-24.04": ["1.24.0-2ubuntu7", "1.24.0-2ubuntu7.1"],
    },
  }),
  pack("nginx", { versions: { "alpine-3.20": ["1.26.2-r0", "1.26.3-r0"] }, units: [nginxUnit], files: apkNginxFiles, users: ["nginx"] }),
  pack("apache2", {
    versions: {
      "debian-12": ["2.4.62-1~deb12u1", "2.4.62-1~deb12u2"],
      "ubuntu-22.04": ["2.4.52-1ubuntu4.12"],
      "ubuntu-24.04": ["2.4.58-1ubuntu8.5"],
    },
    units: [
      unit("apache2.service", "The Apache HTTP Server", {
        reloads: true,
        dialect: "apache",
        aliases: ["httpd.service"],
        ports: [http(80, "apache2")],
      }),
    ],
    files: {
      "/etc/apache2/apache2.conf": file('ServerRoot "/etc/apache2"\nTimeout 300\nKeepAlive On\nIncludeOptional sites-enabled/*.conf\n'),
      "/etc/apache2/sites-enabled/000-default.conf": file("<VirtualHost *:80>\n    DocumentRoot /var/www/html\n</VirtualHost>\n"),
    },
  }),
  php("8.2", { "debian-12": ["8.2.24-1~deb12u1", "8.2.26-1~deb12u1"] }),
  php("8.1", { "ubuntu-22.04": ["8.1.2-1ubuntu2.19", "8.1.2-1ubuntu2.20"] }),
  php("8.3", { "ubuntu-24.04": ["8.3.6-0ubuntu0.24.04.2", "8.3.6-0ubuntu0.24.04.3"] }),
  pack("mariadb-server", {
    versions: {
      "debian-12": ["1:10.11.6-0+deb12u1"],
      "ubuntu-22.04": ["1:10.6.18-0ubuntu0.22.04.1"],
      "ubuntu-24.04": ["1:10.11.8-0ubuntu0.24.04.1"],
    },
    units: [
      unit("mariadb.service", "MariaDB database server", {
        aliases: ["mysql.service", "mysqld.service"],
        ports: [tcp(3306, "mariadbd", "0.0.0.0")],
        log: [[4, 0.01, "Aborted connection 4## to db: 'shop' user: 'app' (Got timeout reading communication packets)"]],
      }),
    ],
    files: {
      "/etc/mysql/mariadb.conf.d/50-server.cnf": file(
        "[mysqld]\nbind-address = 0.0.0.0\nmax_connections = 151\ninnodb_buffer_pool_size = 128M\n",
      ),
    },
    users: ["mysql"],
  }),
  pack("redis-server", {
    versions: {
      "debian-12": ["5:7.0.15-1~deb12u1", "5:7.0.15-1~deb12u3"],
      "ubuntu-22.04": ["5:6.0.16-1ubuntu1"],
      "ubuntu-24.04": ["5:7.0.15-1build2"],
    },
    units: [unit("redis-server.service", "Advanced key-value store", { aliases: ["redis.service"], ports: [tcp(6379, "redis-server")] })],
    files: {
      "/etc/redis/redis.conf": file("bind 127.0.0.1 -::1\nport 6379\nmaxmemory 256mb\nappendonly no\n", {
        owner: "redis",
        group: "redis",
        mode: "0640",
      }),
    },
    users: ["redis"],
  }),
  pack("redis", {
    versions: { "alpine-3.20": ["7.2.6-r0", "7.2.7-r0"] },
    units: [unit("redis.service", "Advanced key-value store", { ports: [tcp(6379, "redis-server")] })],
    files: {
      "/etc/redis.conf": file("bind 127.0.0.1 -::1\nport 6379\nmaxmemory 256mb\nappendonly no\n", {
        owner: "redis",
        group: "redis",
        mode: "0640",
      }),
    },
    users: ["redis"],
  }),
  pack("haproxy", {
    versions: {
      "debian-12": ["2.6.12-1+deb12u1"],
      "ubuntu-22.04": ["2.4.24-0ubuntu0.22.04.1"],
      "ubuntu-24.04": ["2.8.5-1ubuntu3"],
      "alpine-3.20": ["2.8.10-r0"],
    },
    units: [unit("haproxy.service", "HAProxy Load Balancer", { reloads: true, dialect: "haproxy", ports: [http(80, "haproxy")] })],
    files: {
      "/etc/haproxy/haproxy.cfg": file(
        "global\n    maxconn 2000\n\ndefaults\n    mode http\n    timeout connect 5s\n    timeout client 50s\n    timeout server 50s\n\nfrontend web\n    bind *:80\n    default_backend web\n\nbackend web\n    server web-01 web-01:80 check\n",
      ),
    },
    users: ["haproxy"],
  }),
  pack("prometheus-node-exporter", {
    versions: {
      "debian-12": ["1.5.0-1+b6"],
      "ubuntu-22.04": ["1.3.1-1"],
      "ubuntu-24.04": ["1.7.0-1ubuntu0.3"],
      "alpine-3.20": ["1.8.1-r0"],
    },
    units: [unit("prometheus-node-exporter.service", "Prometheus exporter for machine metrics", { ports: [http(9100, "node_exporter")] })],
    files: { "/etc/default/prometheus-node-exporter": file('ARGS=""\n') },
  }),
  pack("htop", {
    versions: {
      "debian-12": ["3.2.2-2"],
      "ubuntu-22.04": ["3.0.5-7build2"],
      "ubuntu-24.04": ["3.3.0-4build1"],
      "alpine-3.20": ["3.3.0-r0"],
    },
  }),
  pack("git", {
    versions: {
      "debian-12": ["1:2.39.5-0+deb12u1"],
      "ubuntu-22.04": ["1:2.34.1-1ubuntu1.11"],
      "ubuntu-24.04": ["1:2.43.0-1ubuntu7.1"],
      "alpine-3.20": ["2.45.2-r0"],
    },
  }),
  pack("fail2ban", {
    versions: { "debian-12": ["1.0.2-2"], "ubuntu-22.04": ["0.11.2-6"], "ubuntu-24.04": ["1.0.2-3ubuntu0.1"], "alpine-3.20": ["1.1.0-r0"] },
    units: [unit("fail2ban.service", "Fail2Ban Service", { reloads: true })],
    files: { "/etc/fail2ban/jail.conf": file("[DEFAULT]\nbantime = 10m\nfindtime = 10m\nmaxretry = 5\n") },
  }),
  pack("shop-app", {
    versions: everywhere("4.2.0", "4.3.1"),
    units: [
      unit("app.service", "Shop application", {
        ports: [http(8080, "app")],
        log: [
          [6, 0.2, "GET /cart 200 #ms"],
          [3, 0.01, "ERROR cart: database answered after 2###ms"],
        ],
      }),
    ],
    files: { "/etc/app/app.env": file("APP_ENV=production\nAPP_WORKERS=4\nLOG_LEVEL=info\nDATABASE_HOST=db-01\n") },
    users: ["app"],
  }),
  pack("payment-service", {
    versions: everywhere("2.7.4"),
    units: [
      unit("payment.service", "Payment service", {
        ports: [http(8081, "payment")],
        log: [
          [6, 0.3, "payment 7#### authorised in #ms"],
          [3, 0.12, "ERROR gateway: timeout after 30s, payment 7#### is tried again"],
          [4, 0.05, "pool: 9# of 100 connections in use"],
        ],
      }),
    ],
    files: { "/etc/payment/payment.env": file("GATEWAY_TIMEOUT=30\nPOOL_SIZE=100\n", { mode: "0640", group: "app" }) },
  }),
  pack("api-server", {
    versions: everywhere("1.9.2"),
    units: [
      unit("api.service", "API server", {
        reloads: true,
        ports: [http(8080, "api")],
        log: [
          [6, 0.3, "GET /v1/orders 200 #ms"],
          [3, 0.03, "ERROR upstream db-01:3306: connection refused"],
        ],
      }),
    ],
    files: {
      "/etc/api/config.yaml": file("listen: 0.0.0.0:8080\nworkers: 4\ndatabase:\n  host: db-01\n  pool: 20\nlog:\n  level: info\n"),
    },
    users: ["api"],
  }),
  pack("download-server", {
    versions: everywhere("1.1.0"),
    units: [
      unit("download.service", "Download server", {
        ports: [http(8090, "download")],
        log: [
          [4, 0.2, "slow read: /srv/downloads/release-#.iso took 4###ms, disk is busy"],
          [3, 0.05, "ERROR write /srv/downloads/.part: no space left on device"],
        ],
      }),
    ],
    files: { "/etc/download/download.ini": file("[server]\nport = 8090\nroot = /srv/downloads\n\n[cache]\nsize = 512M\n") },
  }),
  pack("backup-server", {
    versions: everywhere("3.2.1"),
    units: [unit("backup.service", "Backup server", { enabled: "disabled", ports: [tcp(8007, "backup", "0.0.0.0")] })],
    files: { "/etc/backup/backup.json": file('{\n  "keep": 14,\n  "targets": ["db-01"]\n}\n') },
  }),
];
