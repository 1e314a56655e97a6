# SPDX-License-Identifier: AGPL-3.0-or-later
"""What YEPCord sends, in the shape that serenity's deserialisers insist on. A frame they refuse is dropped silently."""

from yepcord.yepcord.ctx import getCore
from yepcord.yepcord.models import Channel

ALL = (1 << 50) - 1
ADMINISTRATOR = 1 << 3


def shaped(value):
    """Nulls become absent, and messages, roles and attachments get the fields that Discord always sends."""
    if isinstance(value, list):
        return [shaped(one) for one in value]
    if not isinstance(value, dict):
        return value
    it = {key: shaped(one) for key, one in value.items() if one is not None}
    if {"channel_id", "author", "timestamp"} <= it.keys():
        it.setdefault("mention_everyone", False)
        it.setdefault("content", "")
        if "interaction" in it:
            it["interaction"].setdefault("name", "")
        for reaction in it.get("reactions", []):
            count = {"burst": 0, "normal": reaction.get("count", 0)}
            reaction.update({"me_burst": False, "burst_colors": [], "count_details": count})
    if {"permissions", "hoist"} <= it.keys():
        it.setdefault("colors", {"primary_color": it.get("color", 0)})
    if {"filename", "url"} <= it.keys():
        it["url"] = it["url"].replace("https://127.0.0.1", "http://127.0.0.1")
        it.setdefault("proxy_url", it["url"])
    return it


def flat(guild):
    """A guild with its properties beside its lists, as bots get it."""
    guild = dict(guild)
    guild.update(guild.pop("properties", {}))
    for key in ("members", "presences", "voice_states", "threads", "stage_instances", "guild_scheduled_events"):
        guild.setdefault(key, [])
    return guild


async def permissions(member, channel):
    """What a member may do in a channel; a thread has the rights of its parent."""
    allowed = await member.permissions
    if member.guild.owner == member.user or allowed & ADMINISTRATOR:
        return ALL
    for overwrite in await getCore().getOverwritesForMember(channel.parent or channel, member):
        allowed = allowed & ~overwrite.deny | overwrite.allow
    return allowed


async def threads(guild):
    """A guild's threads: bots hear of them when the guild comes."""
    found = await Channel.filter(guild=guild, type=11).select_related("guild", "parent", "owner")
    return [await thread.ds_json() for thread in found]


async def frames(frame, gateway):
    """One frame of YEPCord as the frames that a bot would get."""
    kind, it = frame.get("t"), frame.get("d")
    if frame.get("op") == 9:
        frame.setdefault("d", False)
    if frame.get("op") != 0 or not isinstance(it, dict):
        return [frame]
    if kind == "READY":
        it["resume_gateway_url"] = gateway
        if "application" in it:
            return [shaped(one) for one in await ready(frame)]
    if kind == "INTERACTION_CREATE" and "token" in it:
        await interaction(it)
    if kind in ("MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_REACTION_ADD", "MESSAGE_REACTION_REMOVE"):
        await located(kind, it)
    if kind == "CHANNEL_CREATE" and it.get("type") == 1:
        it.setdefault("recipients", [])
    if kind in ("GUILD_CREATE", "GUILD_UPDATE"):
        frame["d"] = flat(it)
    return [shaped(frame)]


async def ready(frame):
    """A bot's READY is short; its guilds come after it, each with its members."""
    it = frame["d"]
    it["user"]["bot"] = True
    short = {key: it[key] for key in ("user", "session_id", "resume_gateway_url", "application")}
    gone = [{"id": guild["id"], "unavailable": True} for guild in it["guilds"]]
    out = [dict(frame, d=short | {"v": 10, "guilds": gone, "shard": [0, 1]})]
    for guild in map(flat, it["guilds"]):
        real = await getCore().getGuild(int(guild["id"]))
        guild["members"] = [await member.ds_json() for member in await getCore().getGuildMembers(real)]
        guild["threads"] = await threads(real)
        out.append({"op": 0, "t": "GUILD_CREATE", "s": frame["s"], "d": guild})
    return out


async def interaction(it):
    """An interaction says what its user may do there, and how large a file may be."""
    it.setdefault("entitlements", [])
    it.setdefault("attachment_size_limit", 8 << 20)
    it.setdefault("context", 0 if "guild_id" in it else 1)
    if "channel" in it:
        it["channel"].setdefault("permissions", "0")
    if "member" in it:
        channel = await Channel.get(id=int(it["channel_id"])).select_related("guild", "parent")
        member = await getCore().getGuildMember(channel.guild, int(it["member"]["user"]["id"]))
        it["member"]["permissions"] = str(await permissions(member, channel))


async def located(kind, it):
    """Messages and reactions in a guild name it; a new message has its author's membership."""
    channel = await Channel.get_or_none(id=int(it["channel_id"])).select_related("guild")
    guild = channel.guild if channel else None
    if guild:
        it["guild_id"] = str(guild.id)
    if kind.startswith("MESSAGE_REACTION"):
        emoji = it["emoji"]
        custom = emoji.get("emoji_id")
        it["emoji"] = {"id": str(custom) if custom else None, "name": emoji.get("emoji_name")}
        it.update(burst=False, type=0)
    elif guild and kind == "MESSAGE_CREATE":
        if member := await getCore().getGuildMember(guild, int(it["author"]["id"])):
            it["member"] = await member.ds_json(False)
