# SPDX-License-Identifier: LGPL-2.1-or-later
"""The real coco-broker for tests, in a folder and on sockets of its own, and clients that say what no guest of ours would.

The clients have the protocol from tests/double/kbs-broker, and share no code with the programs."""

import base64
import hashlib
import http.client
import importlib.machinery
import importlib.util
import json
import os
import re
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../double"))
import guest  # pylint: disable=wrong-import-position,import-error

FOLDER = "/run/coco-broker"
PROGRAM = os.path.join(guest.TOP, "coco-broker")
SEED = os.path.join(guest.TOP, "tests/run/broker-seed")
SNP = "[snp]\nmeasurement=" + "11" * 48 + "\ncovers=firmware,kernel,initrd,cmdline\n"
TDX = "[tdx]\nmrtd=" + "27" * 48 + "\nrtmr1=" + "32" * 48 + "\nrtmr2=" + "33" * 48 + "\n"
ALWAYS, ONCE, APPROVE = "[Release]\nRelease=always\n", "[Release]\nRelease=once\nPer=launch\n", "[Release]\nRelease=approve\n"


def load(path):
    loader = importlib.machinery.SourceFileLoader(os.path.basename(path).replace("-", "_"), os.path.join(HERE, path))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


field = load("broker")  # what it has for the double of a broker holds for the real one
SECRET, OTHER_SECRET, PATH, OTHER = field.SECRET, field.OTHER_SECRET, field.PATH, field.OTHER


class Real:
    """The broker, in a folder of its own.  Its sockets are this test's, as they are systemd's: they are there while it is not.  @names: what it is called beside
    127.0.0.1; @vsock: the UNIX socket at which guests come out of a vsock;
    @more: of the settings."""

    def __init__(self, p, kbs, folder=FOLDER, names="localhost", vsock=None, more=""):
        self.p, self.folder, self.log_path = p, folder, folder + "/log"
        os.makedirs(folder + "/collateral", mode=0o700)
        self.identity = kbs.Identity(folder)
        os.chmod(folder + "/identity.key", 0o600)
        self.write("master.key", os.urandom(32))
        self.write("trust", p.policy["amd"] + "\n" + p.policy["intel"] + "\n")
        for name, data in self.collateral().items():
            self.write("collateral/" + name, data)
        self.write("conf", f"[Broker]\nName=127.0.0.1 {names}\nInstance=test\nMasterKey={folder}/master.key\nIdentity={folder}/identity.key\nCertificate={folder}/identity.pem\n"
                           f"Trust={folder}/trust\nCollateral={folder}/collateral\n[Store]\nAddress=sqlite:{folder}/store.sqlite\n[Listen]\nAdmin={folder}/admin.sock\n"
                           "[Limits]\nRate=1000000\nBurst=1000000\nRateAll=1000000\nBurstAll=1000000\n" + more)
        tls = socket.socket()
        tls.bind(("127.0.0.1", 0))
        tls.listen(1024)
        self.port, self.url = tls.getsockname()[1], f"https://127.0.0.1:{tls.getsockname()[1]}"
        self.plain, self.admin = folder + "/plain.sock", folder + "/admin.sock"
        self.sockets = [("tls", tls), ("unix", guest.listen(self.plain, socket.SOCK_STREAM)), ("admin", guest.listen(self.admin, socket.SOCK_SEQPACKET))]
        if vsock:
            self.sockets.append(("tls", guest.listen(vsock, socket.SOCK_STREAM)))
        self.program = None
        self.start()

    def collateral(self):
        """Intel's of today, and AMD's certificates, which Azure's guests do not bring along."""
        t = self.p.tdx
        day = {n: time.strftime("%Y-%m-%d", time.gmtime(time.time() + n * 86400)) for n in (-1, 30)}
        period = {"issueDate": day[-1] + "T00:00:00Z", "nextUpdate": day[30] + "T00:00:00Z"}
        dates, chain = (day[-1], day[30]), t.chain(t.TCB_CERT, t.ROOT_CERT)
        return {"tcb-info.json": t.info_document(**period), "qe-identity.json": t.qe_document(**period), "tcb-chain.pem": chain, "qe-chain.pem": chain,
                "root-crl.der": t.crl(dates=dates), "pck-crl.der": t.crl(t.CA, t.K.ca, dates=dates), "cert-ask.der": self.p.ask, "cert-ark.der": self.p.ark}

    def write(self, name, data):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())
        os.chmod(path, 0o600)

    def start(self):
        self.program = guest.Program([PROGRAM, f"--config={self.folder}/conf", "serve", "--debug"], self.sockets, self.log_path)
        end = time.monotonic() + 30
        while not self.is_ready():
            if not self.program.is_alive() or time.monotonic() > end:
                raise RuntimeError(f"coco-broker does not start: {self.log()[-2000:]}")
            time.sleep(0.02)

    def is_ready(self):
        try:
            return self.http("GET", "/readyz")[0] == 200
        except OSError:
            return False

    def stop(self, how=signal.SIGTERM):
        status = self.program.stop(how)
        return status

    def restart(self):
        """As if it were killed and started again."""
        self.stop(signal.SIGKILL)
        self.start()

    def close(self):
        self.stop()
        for _, s in self.sockets:
            s.close()

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def pem(self):
        return self.identity.pem

    # What the double has to say of what was sent to it, the real one has in its log.
    @staticmethod
    def exchanges():
        return []

    def http(self, method, path, body=None, headers=None):
        """(status, headers, body), without TLS."""
        connection = http.client.HTTPConnection("localhost", timeout=30)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(30)
        connection.sock.connect(self.plain)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        except http.client.HTTPException as e:
            raise OSError(str(e)) from e
        finally:
            connection.close()

    def tool(self, *arguments, stdin=b""):
        """(status, output, what was said)"""
        done = subprocess.run([PROGRAM, f"--config={self.folder}/conf", f"--socket={self.admin}", *arguments], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False)
        return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace").strip()

    def put(self, path, policy=None, value=SECRET):
        """A secret, new or changed, or none without @policy; nothing is known of earlier releases.  The broker has the store alone, so it begins anew."""
        self.stop()
        self.write("policy", policy or "")
        self.write("value", value)
        done = subprocess.run([SEED, self.folder + "/conf", path, *([self.folder + "/policy", self.folder + "/value"] if policy else [])], stderr=subprocess.PIPE, check=False)
        os.unlink(self.folder + "/value")
        if done.returncode != 0:
            raise RuntimeError(f"{path}: {done.stderr}")
        with sqlite3.connect(self.folder + "/store.sqlite") as db:
            db.execute("DELETE FROM entries WHERE key >= 'coco/claim/' AND key < 'coco/claim0'")
        self.start()

    def entries(self, prefix):
        """Keys and values of the store."""
        with sqlite3.connect(f"file:{self.folder}/store.sqlite?mode=ro", uri=True) as db:
            return {key: bytes(value) for key, value in db.execute("SELECT key, value FROM entries WHERE key >= ? AND key < ?", (prefix, prefix + "\x7f"))}

    def lines(self, *what):
        """The audit log, or what is of one of these kinds."""
        rows = [json.loads(v.decode()) for _, v in sorted(self.entries("coco/audit/").items())]
        return [row for row in rows if not what or row["what"] in what]

    def remembers(self, *texts):
        """Where in its memory, or in a file but the store, one of the texts is."""
        found = []
        with open(f"/proc/{self.program.pid}/maps", encoding="ascii") as f, open(f"/proc/{self.program.pid}/mem", "rb", buffering=0) as memory:
            for line in f:
                area, mode = line.split()[:2]
                begin, end = (int(x, 16) for x in area.split("-"))
                if not mode.startswith("r") or line.rstrip().endswith(("[vvar]", "[vsyscall]", "[vvar_vclock]")) or end - begin > 1 << 30:
                    continue
                try:
                    memory.seek(begin)
                    data = memory.read(end - begin)
                except OSError:
                    continue
                found += [f"{text!r} is in its memory: {line.strip()}" for text in texts if data and text in data]
        for folder, _, names in os.walk(self.folder):
            for name in names:
                path = os.path.join(folder, name)
                if os.path.isfile(path):
                    with open(path, "rb") as f:
                        data = f.read()
                    found += [f"{text!r} is in {path}" for text in texts if text in data]
        return found

class Client:
    """A guest as this test plays it: it says what it is told to, over one connection."""

    def __init__(self, real, kbs, p, tee="snp", boot=None, paths=(PATH,), coco=True, key=None, **change):
        self.real, self.kbs, self.p, self.tee, self.paths, self.change = real, kbs, p, tee, list(paths), change
        self.boot = boot or os.urandom(32)
        self.coco = {"v": 1, "boot": base64.b64encode(self.boot).decode(), "uris": [f"kbs:///{x}" for x in paths]} if coco else None
        self.key = key or kbs.ec.generate_private_key(kbs.ec.SECP256R1())
        self.cookie = self.nonce = self.salt = self.token = None
        self.connection = None

    def ask(self, method, path, body=None, cookie=None, **headers):
        """(status, headers, JSON or bytes)"""
        if not self.connection:
            context = ssl.create_default_context(cadata=self.real.pem().decode())
            self.connection = http.client.HTTPSConnection("127.0.0.1", self.real.port, timeout=60, context=context)
        if cookie or self.cookie:
            headers["Cookie"] = cookie or self.cookie
        data = json.dumps(body).encode() if body is not None else None
        if data:
            headers["Content-Type"] = "application/json"
        try:
            self.connection.request(method, "/kbs/v0/" + path, data, headers)
            answer = self.connection.getresponse()
            data = answer.read()
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        try:
            data = json.loads(data)
        except ValueError:
            pass
        return answer.status, dict(answer.getheaders()), data

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def auth(self):
        self.cookie = None
        extra = {"supported-hash-algorithms": ["sha384"], **({"coco": self.coco} if self.coco else {})}
        status, headers, j = self.ask("POST", "auth", {"version": "0.4.0", "tee": self.tee, "extra-params": extra})
        if status == 200:
            self.cookie, self.nonce = headers["Set-Cookie"].split(";")[0], j["nonce"]
            self.salt = j["extra-params"]["coco"]["salt"] if self.coco else None
        return status, headers, j

    def is_bound(self):
        """The nonce is this broker's for what was asked."""
        return self.kbs.nonce_of(self.real.identity.id, self.kbs.binding(self.boot, self.paths), base64.b64decode(self.salt)) == base64.b64decode(self.nonce)

    def jwk(self):
        n = self.key.public_key().public_numbers()
        return {"alg": "ECDH-ES+A256KW", "crv": "P-256", "kty": "EC", "x": self.kbs.b64u(n.x.to_bytes(32, "big")), "y": self.kbs.b64u(n.y.to_bytes(32, "big"))}

    def digest(self):
        return hashlib.sha384(self.kbs.canonical({"additional-evidence": "", "nonce": self.nonce, "tee-pubkey": self.jwk()})).digest()

    def evidence(self, digest=None):
        """In the form of the field."""
        p, digest = self.p, digest or self.digest()
        if self.tee == "snp":
            chain = [{"cert_type": kind, "data": list(c)} for kind, c in (("VCEK", p.vcek), ("ASK", p.ask), ("ARK", p.ark))]
            return {"attestation_report": field.report_json(p.snp_report(digest, **self.change)), "cert_chain": chain}
        if self.tee == "tdx":
            log = self.change.get("log")
            change = {k: v for k, v in self.change.items() if k != "log"}
            return {"cc_eventlog": log and base64.b64encode(log + b"\xff" * 8).decode(), "quote": base64.b64encode(p.quote(digest, **change)).decode()}
        hcl, attest, signature, quote = p.azure(digest, 2 if self.tee == "az-snp-vtpm" else 4)
        last = {"vcek": base64.urlsafe_b64encode(p.vcek).decode()} if self.tee == "az-snp-vtpm" else {"td_quote": base64.urlsafe_b64encode(quote).decode()}
        return {"version": 2, "tpm_quote": {"signature": signature.hex(), "message": attest.hex(), "pcrs": [v.hex() for v in p.PCRS.values()]}, "hcl_report": base64.urlsafe_b64encode(hcl).decode(), **last}

    def attestation(self, evidence=None, nonce=None, coco=None, init_data=None):
        j = {"init-data": init_data, "runtime-data": {"nonce": nonce or self.nonce, "tee-pubkey": self.jwk()},
             "tee-evidence": {"primary_evidence": evidence or self.evidence(), "additional_evidence": ""}}
        if coco or self.coco:
            j["coco"] = coco or self.coco
        return j

    def attest(self, cookie=None, **change):
        status, headers, j = self.ask("POST", "attest", self.attestation(**change), cookie)
        if status == 200:
            self.token = j["token"]
        return status, headers, j

    def get(self, path=PATH, **headers):
        return self.ask("GET", "resource/" + path, **headers)

    def confirm(self, path=PATH):
        return self.ask("POST", "coco/confirm", {"uri": f"kbs:///{path}"})

    def open(self, answer, path=PATH):
        """What a release has in it; None if it is not the broker's, for this session and path."""
        status, headers, jwe = answer
        kbs = self.kbs
        if status != 200:
            return None
        version, signature = re.fullmatch(r"1\.(\d+)\.([A-Za-z0-9_-]+)", headers["Coco-Release"]).groups()
        kbs.verify_raw(self.real.identity.key.public_key(), kbs.unb64u(signature, 64), kbs.release_text(self.digest(), path, int(version), jwe))
        header = json.loads(kbs.unb64u(jwe["protected"]))
        epk = kbs.ec.EllipticCurvePublicNumbers(*(int.from_bytes(kbs.unb64u(header["epk"][n], 32), "big") for n in "xy"), kbs.ec.SECP256R1()).public_key()
        cek = kbs.keywrap.aes_key_unwrap(kbs.concat_kdf(self.key.exchange(kbs.ec.ECDH(), epk)), kbs.unb64u(jwe["encrypted_key"]))
        return kbs.AESGCM(cek).decrypt(kbs.unb64u(jwe["iv"], 12), kbs.unb64u(jwe["ciphertext"]) + kbs.unb64u(jwe["tag"], 16), jwe["protected"].encode())

    def begin(self):
        """Up to the session; returns this client."""
        for what in (self.auth, self.attest):
            answer = what()
            if answer[0] != 200:
                raise RuntimeError(f"{what.__name__}: {answer}")
        return self


def name_of(answer):
    """What a refusal is called."""
    status, _, j = answer
    return f"{status} {j['type'].rsplit('/', 1)[1]}" if isinstance(j, dict) and "type" in j else str(status)

