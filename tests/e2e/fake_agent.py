"""An ECS agent in few lines: registers with boto3, keeps an ACS websocket (RFC 6455) signed as the real agent signs
it, acknowledges payloads and says that their tasks run. It runs nothing."""
import base64
import json
import os
import socket
import struct
import threading
import urllib.parse

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


class FakeAgent:
    def __init__(self, stack, url, cpu=2048, memory=4096, containers="RUNNING"):
        self.stack, self.url, self.report_as = stack, url, containers
        self.ecs = stack.client("ecs", url)
        self.tasks = {}
        self.arn = self.ecs.register_container_instance(
            totalResources=[{"name": "CPU", "type": "INTEGER", "integerValue": cpu},
                            {"name": "MEMORY", "type": "INTEGER", "integerValue": memory},
                            {"name": "PORTS", "type": "STRINGSET", "stringSetValue": ["22"]},
                            {"name": "PORTS_UDP", "type": "STRINGSET", "stringSetValue": []}],
            attributes=[{"name": "ecs.os-type", "value": "linux"}])["containerInstance"]["containerInstanceArn"]
        self.connect()

    def connect(self):
        base = self.ecs.discover_poll_endpoint(containerInstance=self.arn)["endpoint"].rstrip("/")
        query = urllib.parse.urlencode({"agentHash": "8dfceca6", "agentVersion": "1.105.1", "clusterArn": "default",
                                        "containerInstanceArn": self.arn, "protocolVersion": "2", "seqNum": "1",
                                        "sendCredentials": "true"}, quote_via=urllib.parse.quote)
        request = AWSRequest(method="GET", url=f"{base}/ws?{query}")
        SigV4Auth(Credentials(self.stack.key, self.stack.secret), "ecs", "us-east-1").add_auth(request)
        parts = urllib.parse.urlsplit(base)
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout=20)
        head = [f"GET /ws?{query} HTTP/1.1", f"Host: {parts.netloc}", "Connection: Upgrade", "Upgrade: websocket",
                "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: " + base64.b64encode(os.urandom(16)).decode()]
        head += [f"{name}: {value}" for name, value in request.headers.items()]
        self.socket.sendall(("\r\n".join(head) + "\r\n\r\n").encode())
        self.input = self.socket.makefile("rb")
        status = self.input.readline().decode()
        assert " 101 " in status, status + self.input.read(2000).decode(errors="replace")
        while self.input.readline().strip():
            pass
        threading.Thread(target=self.serve, args=(self.socket, self.input), daemon=True).start()

    def send(self, connection, opcode, payload):
        mask = os.urandom(4)
        size = bytes([0x80 | len(payload)]) if len(payload) < 126 else bytes([0x80 | 126]) + struct.pack(">H",
                                                                                                          len(payload))
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
        connection.sendall(bytes([0x80 | opcode]) + size + mask + masked)

    def receive(self, stream):
        head = stream.read(2)
        if len(head) < 2:
            return None, b""
        length = head[1] & 0x7F
        if length == 126:
            length = struct.unpack(">H", stream.read(2))[0]
        elif length == 127:
            length = struct.unpack(">Q", stream.read(8))[0]
        return head[0] & 0x0F, stream.read(length)

    def serve(self, connection, stream):
        connection.settimeout(None)
        try:
            while True:
                opcode, payload = self.receive(stream)
                if opcode in (None, 8):
                    return
                if opcode == 9:
                    self.send(connection, 10, payload)
                if opcode == 1:
                    self.take(connection, json.loads(payload))
        except OSError:
            pass  # the control plane was killed, as tests do

    def take(self, connection, frame):
        message = frame["message"]
        answers = {"HeartbeatMessage": "HeartbeatAckRequest", "PayloadMessage": "AckRequest",
                   "TaskManifestMessage": "AckRequest"}
        if frame["type"] in answers:
            answer = {"messageId": message["messageId"], "cluster": "default", "containerInstance": self.arn}
            self.send(connection, 1, json.dumps({"type": answers[frame["type"]], "message": answer}).encode())
        for task in message.get("tasks", []) if frame["type"] == "PayloadMessage" else []:
            self.run(task)

    def run(self, task):
        arn, wanted = task["arn"], task["desiredStatus"]
        status = self.report_as if wanted == "RUNNING" else "STOPPED"
        if self.tasks.get(arn) == status:
            return
        self.tasks[arn] = status
        containers = [{"containerName": container["name"], "status": status, "runtimeId": "cafe",
                       **({"exitCode": 0} if status == "STOPPED" else {})} for container in task["containers"]]
        self.ecs.submit_task_state_change(cluster="default", task=arn, status=status, containers=containers)

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)  # the reading thread holds the descriptor open
        self.socket.close()
