#!/usr/bin/env python3
"""A throw-away Synapse: `configure FOLDER PORT [--name NAME] [--limits]` and `register BASE USER PASSWORD`.

`configure` writes all that `python -m synapse.app.homeserver -c FOLDER/homeserver.yaml` needs, keys included; on a
folder that has a server already it changes only the settings. Without `--limits` nothing is rate limited; with it,
Synapse's own defaults hold. `register` prints the new account's id as JSON. Only the standard library is used.

It is not called `synapse.py`: Python, run in this folder, would take that for the package.
"""

import argparse
import base64
import hashlib
import hmac
import json
import os
import urllib.request
from pathlib import Path

SECRET = "test-shared-secret"
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # this machine needs no proxy
FREE = {"per_second": 10000, "burst_count": 10000}
LIMITS = {
    **{name: FREE for name in (
        "rc_message", "rc_registration", "rc_registration_token_validity", "rc_joins_per_room", "rc_admin_redaction",
        "rc_room_creation", "rc_key_requests", "rc_3pid_validation", "rc_media_create", "rc_reports",
    )},
    "rc_login": {"address": FREE, "account": FREE, "failed_attempts": FREE},
    "rc_joins": {"local": FREE, "remote": FREE},
    "rc_invites": {"per_room": FREE, "per_user": FREE, "per_issuer": FREE},
    "rc_presence": {"per_user": FREE},
}


def configure(folder, port, name, limited):
    """Writes settings, log settings and a signing key."""
    (folder / "media").mkdir(parents=True, exist_ok=True)
    settings = {
        "server_name": name,
        "public_baseurl": f"http://127.0.0.1:{port}/",
        "pid_file": str(folder / "homeserver.pid"),
        "listeners": [{
            "port": port, "bind_addresses": ["127.0.0.1"], "type": "http", "tls": False,
            "resources": [{"names": ["client"], "compress": False}],
        }],
        "database": {"name": "sqlite3", "args": {"database": str(folder / "homeserver.db")}},
        "media_store_path": str(folder / "media"),
        "max_upload_size": "20M",
        "log_config": str(folder / "log.yaml"),
        "signing_key_path": str(folder / "signing.key"),
        "registration_shared_secret": SECRET,
        "macaroon_secret_key": SECRET,
        "form_secret": SECRET,
        "bcrypt_rounds": 4,
        "enable_registration": False,
        "federation_domain_whitelist": [],
        "trusted_key_servers": [],
        "suppress_key_server_warning": True,
        "report_stats": False,
        "url_preview_enabled": False,
        "presence": {"enabled": False},
        "caches": {"global_factor": 0.5},
    } | ({} if limited else LIMITS)
    logs = {
        "version": 1,
        "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
        "handlers": {"out": {"class": "logging.StreamHandler", "formatter": "plain"}},
        "root": {"level": "INFO", "handlers": ["out"]},
        "disable_existing_loggers": False,
    }
    # JSON is valid YAML.
    (folder / "homeserver.yaml").write_text(json.dumps(settings, indent=1))
    (folder / "log.yaml").write_text(json.dumps(logs))
    key = folder / "signing.key"
    if not key.exists():
        seed = base64.b64encode(os.urandom(32)).decode().rstrip("=")
        key.write_text(f"ed25519 a_{os.urandom(2).hex()} {seed}\n")


def call(base, body=None):
    """The registration endpoint."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(base + "/_synapse/admin/v1/register", data=data)
    with OPENER.open(request, timeout=60) as response:
        return json.load(response)


def register(base, user, password):
    """Makes an account by the shared secret."""
    nonce = call(base)["nonce"]
    signed = "\0".join([nonce, user, password, "notadmin"]).encode()
    mac = hmac.new(SECRET.encode(), signed, hashlib.sha1).hexdigest()
    return call(base, {"nonce": nonce, "username": user, "password": password, "admin": False, "mac": mac})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    one = verbs.add_parser("configure")
    one.add_argument("folder", type=lambda given: Path(given).resolve())
    one.add_argument("port", type=int)
    one.add_argument("--name", default="localhost")
    one.add_argument("--limits", action="store_true")
    one = verbs.add_parser("register")
    for argument in ("base", "user", "password"):
        one.add_argument(argument)
    given = parser.parse_args()
    if given.verb == "configure":
        configure(given.folder, given.port, given.name, given.limits)
    else:
        print(json.dumps({"user_id": register(given.base, given.user, given.password)["user_id"]}))
