# SPDX-License-Identifier: AGPL-3.0-or-later
# YEPCord runs this file and takes every name in it as a setting; `shim.py` sets the variables it reads.
from os import environ as _environ

_dir, _port, _broker = _environ["YEP_DIR"], _environ["YEP_PORT"], _environ["YEP_BROKER_PORT"]

DB_CONNECT_STRING = f"sqlite:///{_dir}/db.sqlite"
STORAGE = {"type": "local", "local": {"path": f"{_dir}/files"}}
MESSAGE_BROKER = {"type": "ws", "ws": {"url": f"ws://127.0.0.1:{_broker}"}}  # in this process, on a port of its own
PUBLIC_HOST = f"127.0.0.1:{_port}"
GATEWAY_HOST = f"127.0.0.1:{_port}/gateway"
CDN_HOST = f"127.0.0.1:{_port}/media"
MAIL_CONNECT_STRING = "smtp://127.0.0.1:9?timeout=1"  # port 9 discards; that no mail goes out is no error
KEY = "XUJHVU0nUn51TifQuy9H1j0gId0JqhQ+PUz16a2WOXF="  # any other than the one YEPCord comes with
BCRYPT_ROUNDS = 4  # the default of 15 takes seconds for each registration
