"""A registry on loopback that serves one image, with one thing wrong with it."""
import gzip
import hashlib
import http.server
import io
import json
import tarfile
import threading

MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def layer_tar():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        content = b"hello" * 1000
        entry = tarfile.TarInfo("hello.txt")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


class BadRegistry:
    """fault: none, wrong digest (other bytes of the same size), truncated layer (whole by its digest, cut in the
    middle of the gzip stream), not gzip."""

    def __init__(self, fault):
        plain = layer_tar()
        layer = gzip.compress(plain, mtime=0)
        if fault == "truncated layer":
            layer = layer[:len(layer) // 2]
        if fault == "not gzip":
            layer = b"this is no gzip stream" * 10
        served = bytes(layer[:-1]) + bytes([layer[-1] ^ 1]) if fault == "wrong digest" else layer
        config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Cmd": ["/hello"]},
                             "rootfs": {"type": "layers", "diff_ids": [sha256(plain)]}}).encode()
        manifest = json.dumps({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": sha256(config),
                       "size": len(config)},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": sha256(layer),
                        "size": len(layer)}]}).encode()
        self.answers = {"/v2/": (b"{}", "application/json"),
                        "/v2/app/manifests/1": (manifest, MANIFEST),
                        f"/v2/app/manifests/{sha256(manifest)}": (manifest, MANIFEST),
                        f"/v2/app/blobs/{sha256(config)}": (config, "application/octet-stream"),
                        f"/v2/app/blobs/{sha256(layer)}": (served, "application/octet-stream")}

    def __enter__(self):
        answers = self.answers

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                found = answers.get(self.path)
                body, kind = found or (b"", "text/plain")
                self.send_response(200 if found else 404)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)

            do_HEAD = do_GET

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
