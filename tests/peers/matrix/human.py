#!/usr/bin/env python3
"""A human on Matrix, over JSON lines: `human.py BASE FOLDER`; FOLDER keeps the session and the keys over restarts.

A command on standard input is `{"id": 1, "do": "say", ...}` with the keyword arguments of the method `do_say`. The
answer on standard output is `{"id": 1, "ok": {...}}` or `{"id": 1, "error": {"status", "errcode", "error"}}`. What the
sync brings comes as `{"event": {"kind": ..., "room": ..., ...}}`, one's own doings too. [`shape`] lists the kinds.

It trusts every device it sees and gives a room's keys to whoever asks: it is a test's human, never a model of a client.
It ends with its standard input.
"""

import asyncio
import base64
import json
import sys
import traceback
from pathlib import Path
from urllib.parse import quote, urlencode
from uuid import uuid4

from nio import AsyncClient, AsyncClientConfig, Event, InviteMemberEvent, KeysQueryResponse, MegolmEvent
from nio import ReceiptEvent, RoomSendResponse, SyncResponse, TypingNoticeEvent
from nio.crypto.attachments import decrypt_attachment, encrypt_attachment
from nio.crypto.olm_machine import KeyShareError
from nio.exceptions import EncryptionError, LocalProtocolError

MEGOLM = {"algorithm": "m.megolm.v1.aes-sha2"}
API = "/_matrix/client/v3"


class Refused(Exception):
    """The server's answer to what it refused."""


def path(*parts, **query):
    """A path of the client API, each part escaped."""
    query = {key: value for key, value in query.items() if value is not None}
    return "/".join([API, *(quote(part, safe="") for part in parts)]) + ("?" + urlencode(query) if query else "")


def shape(room, source, decrypted):
    """An event as a test reads it.

    Its `kind` is message, reaction, redaction, member, redacted (an empty event), undecryptable or else event. Beside
    these there are invite, typing and receipt.
    """
    content, kind = source.get("content", {}), source["type"]
    relates = content.get("m.relates_to") or {}
    it = {
        "room": room, "id": source.get("event_id"), "sender": source["sender"], "at": source.get("origin_server_ts"),
        "decrypted": decrypted, "type": kind, "content": content,
    }
    if "state_key" in source:
        it["state_key"] = source["state_key"]
    if "redacted_because" in source.get("unsigned", {}):
        it["kind"] = "redacted"
    elif kind == "m.room.message":
        related = relates.get("rel_type")
        shown = content.get("m.new_content", content) if related == "m.replace" else content
        it |= {
            "kind": "message", "msgtype": shown.get("msgtype"), "body": shown.get("body"),
            "formatted_body": shown.get("formatted_body"), "relates_to": relates,
            "edits": relates.get("event_id") if related == "m.replace" else None,
            "thread": relates.get("event_id") if related == "m.thread" else None,
            "reply_to": relates.get("m.in_reply_to", {}).get("event_id"),
            "mentions": (shown.get("m.mentions") or {}).get("user_ids", []),
        }
    elif kind == "m.reaction":
        it |= {"kind": "reaction", "target": relates.get("event_id"), "key": relates.get("key")}
    elif kind == "m.room.redaction":
        target = source.get("redacts") or content.get("redacts")
        it |= {"kind": "redaction", "target": target, "reason": content.get("reason")}
    elif kind == "m.room.member":
        before = source.get("unsigned", {}).get("prev_content", {}).get("membership")
        it |= {"kind": "member", "user": source["state_key"], "membership": content.get("membership"),
               "before": before, "reason": content.get("reason")}
    else:
        it["kind"] = "undecryptable" if kind == "m.room.encrypted" else "event"
    return it


def text(body, html=None, mentions=(), msgtype="m.text", extra=None):
    """The content of a message."""
    content = {"msgtype": msgtype, "body": body, "m.mentions": {"user_ids": list(mentions)} if mentions else {}}
    if html:
        content |= {"format": "org.matrix.custom.html", "formatted_body": html}
    return content | (extra or {})


def tell(line):
    """One line to the test."""
    print(json.dumps(line), flush=True)


class Human:
    """One user on one device."""

    def __init__(self, base, folder):
        folder.mkdir(parents=True, exist_ok=True)
        config = AsyncClientConfig(encryption_enabled=True, store_sync_tokens=True, request_timeout=90)
        self.client = AsyncClient(base, store_path=str(folder), config=config)
        self.session, self.media, self.tasks = folder / "session.json", {}, set()
        self.locked, self.asked = [], []  # events without a key, and requests for keys of devices not known yet

    # --- What the sync brings ---------------------------------------------------------------------------------------

    def listen(self):
        """Everything is told on, and every device trusted."""
        self.client.add_event_callback(self.heard, None)
        self.client.add_ephemeral_callback(self.noticed, (TypingNoticeEvent, ReceiptEvent))
        self.client.add_response_callback(self.synced, (SyncResponse, KeysQueryResponse))
        self.client.olm._collect_single_key_share = self.share

    async def heard(self, room, event):
        if isinstance(event, InviteMemberEvent):  # nio takes the content out of its source
            if event.membership == "invite" and event.state_key == self.client.user_id:
                direct = bool(event.content.get("is_direct"))
                tell({"event": {"kind": "invite", "room": room.room_id, "sender": event.sender, "direct": direct}})
            return
        if not event.source.get("event_id"):
            return  # what else is said of a room one is invited to
        if isinstance(event, MegolmEvent):
            self.locked.append((room.room_id, event))
            self.task(self.ask_for_key(event))
        self.report(room.room_id, event)

    async def follow(self):
        """The sync, whatever happens to it."""
        while True:
            try:
                await self.client.sync_forever(timeout=20000)
            except Exception:
                traceback.print_exc()
                await asyncio.sleep(1)

    async def noticed(self, room, event):
        if isinstance(event, TypingNoticeEvent):
            tell({"event": {"kind": "typing", "room": room.room_id, "users": list(event.users)}})
            return
        for receipt in event.receipts:
            told = {"kind": "receipt", "room": room.room_id, "sender": receipt.user_id, "target": receipt.event_id}
            tell({"event": told})

    async def synced(self, _):
        """Trusts new devices and tries again what had no key."""
        for device in self.client.device_store:
            if not device.verified and not device.deleted:
                self.client.verify_device(device)
        locked, self.locked = self.locked, []
        for room, event in locked:
            opened = self.open(room, event)
            if opened is None:
                self.locked.append((room, event))
            else:
                self.report(room, opened)
        asked, self.asked = self.asked, []
        for request in asked:
            self.share(request)
        self.task(self.give())

    def report(self, room, event):
        decrypted = bool(getattr(event, "decrypted", False))
        it = shape(room, event.source, decrypted)
        if it["content"].get("url") or it["content"].get("file"):
            self.media[it["id"]] = it["content"]
        tell({"event": it})

    def open(self, room, event):
        event.room_id = event.room_id or room
        try:
            return self.client.decrypt_event(event)
        except EncryptionError:
            return None

    async def ask_for_key(self, event):
        try:
            await self.client.request_room_key(event)
        except LocalProtocolError:
            pass  # asked for already

    def share(self, request):
        """In place of nio's: gives a key to any device that asks, where nio gives it only to one's own."""
        device = self.client.device_store[request.sender].get(request.requesting_device_id)
        if device is None:
            self.client.olm.users_for_key_query.add(request.sender)
            self.asked.append(request)
            return True
        self.client.verify_device(device)
        try:
            self.client.olm.share_with_ourselves(request)
        except (EncryptionError, KeyShareError) as error:  # nio comes back to it when there is a session
            print(f"no key for {request.sender} yet: {error}", file=sys.stderr)
        return True

    async def give(self):
        """Sends the keys now: nio would wait until its next sync has ended."""
        if self.client.should_claim_keys:
            await self.client.keys_claim(self.client.get_users_for_key_claiming())
            self.client.olm.collect_key_requests()
        await self.client.send_to_device_messages()

    # --- Helpers ----------------------------------------------------------------------------------------------------

    def task(self, work):
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def api(self, method, where, body=None):
        """A request to the client API; waits out rate limits as clients do."""
        headers = {"Authorization": f"Bearer {self.client.access_token}", "Content-Type": "application/json"}
        data = None if method == "GET" else json.dumps(body or {})
        while True:
            response = await self.client.send(method, where, data, headers)
            answer = json.loads(await response.read() or b"{}")
            if response.status != 429:
                break
            await asyncio.sleep(answer.get("retry_after_ms", 1000) / 1000)
        if response.status >= 400:
            raise Refused({"status": response.status} | answer)
        return answer

    async def known(self, room, encrypted=False):
        """Waits until the sync has brought a room, so that a message to it is encrypted if it must be."""
        for _ in range(600):
            there = self.client.rooms.get(room)
            if there and (there.encrypted or not encrypted):
                return {"room": room}
            await asyncio.sleep(0.05)
        raise Refused({"errcode": "NOT_SYNCED", "error": f"the sync has not brought {room}"})

    async def send(self, room, content, kind="m.room.message"):
        await self.known(room)
        answer = await self.client.room_send(room, kind, content, ignore_unverified_devices=True)
        if not isinstance(answer, RoomSendResponse):
            raise Refused({"errcode": answer.status_code, "error": answer.message})
        return {"event": answer.event_id}

    # --- Commands ---------------------------------------------------------------------------------------------------

    async def do_login(self, user, password):
        """Logs in, or goes on with the session of the folder; waits for the first sync."""
        restored = self.session.exists()
        if restored:
            self.client.restore_login(**json.loads(self.session.read_text()))
        else:
            self.client.user = user
            answer = await self.client.login(password, device_name="human")
            if not self.client.access_token:
                raise Refused({"errcode": answer.status_code, "error": answer.message})
            names = ("user_id", "device_id", "access_token")
            self.session.write_text(json.dumps({name: getattr(self.client, name) for name in names}))
        self.listen()
        await self.client.sync(timeout=0, full_state=True)
        if self.client.should_upload_keys:
            await self.client.keys_upload()
        self.task(self.follow())
        return {"user": self.client.user_id, "device": self.client.device_id, "restored": restored}

    async def do_create_room(self, name=None, encrypted=False, invite=(), direct=False, public=False, power=None,
                             version=None, **more):
        body = {"invite": list(invite), "is_direct": direct, "preset": "public_chat" if public else "private_chat"}
        body |= {"name": name} if name else {}
        body |= {"room_version": version} if version else {}
        if power:
            # From version 12 on a creator has all power and must not be named.
            creator = {self.client.user_id: 100} if version and int(version) < 12 else {}
            body["power_level_content_override"] = {"users": creator | power}
        if encrypted:
            body["initial_state"] = [{"type": "m.room.encryption", "state_key": "", "content": MEGOLM}]
        answer = await self.api("POST", path("createRoom"), body | more)
        return await self.known(answer["room_id"], encrypted)

    async def do_invite(self, room, user):
        return await self.api("POST", path("rooms", room, "invite"), {"user_id": user})

    async def do_join(self, room):
        answer = await self.api("POST", path("join", room))
        return await self.known(answer["room_id"])

    async def do_leave(self, room):
        return await self.api("POST", path("rooms", room, "leave"))

    async def do_kick(self, room, user, reason=None):
        body = {"user_id": user} | ({"reason": reason} if reason else {})
        return await self.api("POST", path("rooms", room, "kick"), body)

    async def do_ban(self, room, user):
        return await self.api("POST", path("rooms", room, "ban"), {"user_id": user})

    async def do_power(self, room, user, level):
        where = path("rooms", room, "state", "m.room.power_levels", "")
        levels = await self.api("GET", where)
        levels.setdefault("users", {})[user] = level
        return await self.api("PUT", where, levels)

    async def do_enable_encryption(self, room):
        await self.api("PUT", path("rooms", room, "state", "m.room.encryption", ""), MEGOLM)
        return await self.known(room, True)

    async def do_upgrade(self, room, version):
        answer = await self.api("POST", path("rooms", room, "upgrade"), {"new_version": version})
        return await self.known(answer["replacement_room"])

    async def do_say(self, room, body, **how):
        return await self.send(room, text(body, **how))

    async def do_reply(self, room, to, body, **how):
        return await self.send(room, text(body, **how) | {"m.relates_to": {"m.in_reply_to": {"event_id": to}}})

    async def do_thread(self, room, root, body, to=None, **how):
        """Says something in a thread; `to` makes it a reply there, without it the fallback points to the root."""
        relates = {"rel_type": "m.thread", "event_id": root, "is_falling_back": to is None}
        relates["m.in_reply_to"] = {"event_id": to or root}
        return await self.send(room, text(body, **how) | {"m.relates_to": relates})

    async def do_edit(self, room, event, body, **how):
        new = text(body, **how)
        relates = {"rel_type": "m.replace", "event_id": event}
        return await self.send(room, new | {"body": "* " + body, "m.new_content": new, "m.relates_to": relates})

    async def do_react(self, room, event, key):
        relates = {"rel_type": "m.annotation", "event_id": event, "key": key}
        return await self.send(room, {"m.relates_to": relates}, "m.reaction")

    async def do_redact(self, room, event, reason=None):
        where = path("rooms", room, "redact", event, uuid4().hex)
        answer = await self.api("PUT", where, {"reason": reason} if reason else {})
        return {"event": answer["event_id"]}

    async def do_send(self, room, type, content):
        """Any event, encrypted where the room is."""
        return await self.send(room, content, type)

    async def do_upload(self, room, name, data="", file=None, mimetype="application/octet-stream", **how):
        """Sends a file, `data` in base64 or what is in `file`; encrypted where the room is."""
        await self.known(room)
        raw, keys = Path(file).read_bytes() if file else base64.b64decode(data), None
        content = text(name, msgtype="m.image" if mimetype.startswith("image/") else "m.file", **how)
        content["info"] = {"mimetype": mimetype, "size": len(raw)}
        if self.client.rooms[room].encrypted:
            raw, keys = encrypt_attachment(raw)
        headers = {"Authorization": f"Bearer {self.client.access_token}"}
        headers["Content-Type"] = "application/octet-stream" if keys else mimetype
        response = await self.client.send("POST", "/_matrix/media/v3/upload?filename=" + quote(name), raw, headers)
        answer = json.loads(await response.read())
        if response.status != 200:
            raise Refused({"status": response.status} | answer)
        content |= {"file": keys | {"url": answer["content_uri"]}} if keys else {"url": answer["content_uri"]}
        return await self.send(room, content)

    async def do_download(self, event, to=None):
        """The file of an event that was seen, decrypted, in base64 or written to `to`."""
        content = self.media.get(event)
        if content is None:
            raise Refused({"errcode": "NO_FILE", "error": f"no file was seen with {event}"})
        file = content.get("file")
        where = (file or content)["url"].removeprefix("mxc://")
        headers = {"Authorization": f"Bearer {self.client.access_token}"}
        response = await self.client.send("GET", f"/_matrix/client/v1/media/download/{where}", None, headers)
        raw = await response.read()
        if response.status != 200:
            raise Refused({"status": response.status, "error": raw.decode(errors="replace")})
        if file:
            raw = decrypt_attachment(raw, file["key"]["k"], file["hashes"]["sha256"], file["iv"])
        name = content.get("filename", content.get("body"))
        if to:
            Path(to).write_bytes(raw)
            return {"file": to, "name": name}
        return {"data": base64.b64encode(raw).decode(), "name": name}

    async def do_typing(self, room, on=True):
        body = {"typing": on} | ({"timeout": 20000} if on else {})
        return await self.api("PUT", path("rooms", room, "typing", self.client.user_id), body)

    async def do_read(self, room, event):
        return await self.api("POST", path("rooms", room, "receipt", "m.read", event))

    async def do_raw_event(self, room, event):
        """An event as the server keeps it: encrypted, if it is."""
        return await self.api("GET", path("rooms", room, "event", event))

    async def do_messages(self, room, limit=50, start=None):
        """The history backwards, each event as the sync would bring it."""
        where = path("rooms", room, "messages", dir="b", limit=limit, **({"from": start} if start else {}))
        answer, events = await self.api("GET", where), []
        for source in answer["chunk"]:
            event = Event.parse_event(source)
            opened = self.open(room, event) if isinstance(event, MegolmEvent) else None
            events.append(shape(room, opened.source if opened else source, bool(opened)))
        return {"events": events, "end": answer.get("end")}

    async def do_members(self, room):
        answer = await self.api("GET", path("rooms", room, "joined_members"))
        return {"users": sorted(answer["joined"])}

    async def do_request(self, method, path, body=None):
        """Any request of the client API, for what has no command."""
        return await self.api(method, path, body)

    # --- The loop ---------------------------------------------------------------------------------------------------

    async def run(self, command):
        number, do = command.pop("id"), command.pop("do")
        try:
            tell({"id": number, "ok": await getattr(self, "do_" + do)(**command)})
        except Refused as error:
            tell({"id": number, "error": error.args[0]})
        except Exception as error:
            tell({"id": number, "error": {"errcode": type(error).__name__, "error": str(error)}})


async def main():
    human = Human(sys.argv[1], Path(sys.argv[2]))
    reader = asyncio.StreamReader(limit=64 << 20)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        human.task(human.run(json.loads(line)))
    await human.client.close()


if __name__ == "__main__":
    asyncio.run(main())
