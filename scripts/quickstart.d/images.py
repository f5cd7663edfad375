"""web:v1 and web:v2 out of Debian's packages: a small root with nginx and a page that names the version."""
import os
import pathlib
import shutil
import subprocess

from show import progress, say

NGINX_CONF = """\
user root;
worker_processes 1;
daemon off;
error_log stderr notice;
pid /run/nginx.pid;
events { worker_connections 64; }
http {
  access_log off;
  server {
    listen 80 default_server;
    root /srv/www;
  }
}
"""
PASSWD = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
GROUP = "root:x:0:\nnogroup:x:65534:\n"


def codename():
    for line in pathlib.Path("/etc/os-release").read_text().splitlines():
        if line.startswith("VERSION_CODENAME="):
            return line.split("=", 1)[1].strip('"')
    return "bookworm"


def cache_folder():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return pathlib.Path(base) / "gantry-quickstart"


def page(version):
    return f"<!doctype html><title>gantry</title><h1>web {version}</h1>\n"


def make_root(folder):
    """Unpacks nginx and what it needs, without running any package's scripts: 47 MB."""
    subprocess.run(["mmdebstrap", "--quiet", "--mode=root", "--variant=extract",
                    "--include=nginx-light,busybox-static,dash,base-files", codename(), str(folder)],
                   check=True, capture_output=True, text=True)
    for name in ("usr/share/doc", "usr/share/man", "usr/share/locale", "var/cache/apt", "var/lib/apt"):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / "etc/nginx/nginx.conf").write_text(NGINX_CONF)
    (folder / "etc/passwd").write_text(PASSWD)
    (folder / "etc/group").write_text(GROUP)
    (folder / "srv/www").mkdir(parents=True, exist_ok=True)


def make_archives():
    """The two images' file systems as tar archives, kept for the next run: {version: path}."""
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    archives = {version: cache / f"web-{codename()}-{version}.tar" for version in ("v1", "v2")}
    if all(path.exists() for path in archives.values()):
        say(f"kept from an earlier run: {', '.join(str(path) for path in archives.values())}")
        return archives
    root = cache / "root.new"
    shutil.rmtree(root, ignore_errors=True)
    with progress("mmdebstrap unpacks nginx and what it needs"):
        try:
            make_root(root)
        except subprocess.CalledProcessError as error:
            raise RuntimeError(f"mmdebstrap failed: {error.stderr.strip()[-400:]}") from error
    for version, path in archives.items():
        (root / "srv/www/index.html").write_text(page(version))
        partial = path.with_suffix(".partial")
        subprocess.run(["tar", "--numeric-owner", "--sort=name", "-cf", str(partial), "-C", str(root), "."], check=True)
        partial.rename(path)
    shutil.rmtree(root)
    return archives
