# SPDX-License-Identifier: AGPL-3.0-or-later
"""What YEPCord lacks around interactions: buttons, autocomplete, modals, files, follow-ups and edits of responses.

Commands and message commands themselves, their validation, deferring and a plain first response stay YEPCord's own.
"""

from quart import request
from yepcord.asgi import app
from yepcord.gateway.events import DispatchEvent, InteractionCreateEvent, InteractionFailureEvent
from yepcord.gateway.events import InteractionSuccessEvent, MessageCreateEvent, MessageDeleteEvent
from yepcord.gateway.events import MessageUpdateEvent
from yepcord.rest_api.models.webhooks import WebhookMessageCreate
from yepcord.rest_api.utils import getUser, processMessageData
from yepcord.yepcord.ctx import getCore, getGw
from yepcord.yepcord.enums import InteractionStatus, MessageFlags, MessageType
from yepcord.yepcord.errors import Errors, InvalidDataErr
from yepcord.yepcord.models import Application, ApplicationCommand, Interaction, Message, User
from yepcord.yepcord.snowflake import Snowflake
from yepcord.yepcord.utils import execute_after

import patches
import payloads

# The modals that are open: by interaction, its custom id and the message it came from.
MODALS = {}


class Told(DispatchEvent):
    """An event that YEPCord has no class for."""

    def __init__(self, name, data):
        self.NAME, self.data = name, data

    async def json(self):
        return {"t": self.NAME, "op": self.OP, "d": self.data}


def refusal(status, code, message):
    """An error as Discord words it."""
    return InvalidDataErr(status, {"code": code, "message": message})


def form_refusal(where, message):
    """A form that Discord refuses."""
    return InvalidDataErr(400, Errors.make(50035, {where: {"code": "BASE_TYPE_INVALID", "message": message}}))


async def payload():
    """A request's JSON, alone or in a form with files."""
    return await request.get_json() if request.is_json else await patches.get_multipart_json()


async def write(message, data, files, event):
    """Changes what `data` names of a message, adds files, and tells everyone who may see it."""
    valid = WebhookMessageCreate(**{key: value for key, value in data.items() if value is not None}).to_json()
    empty = {"content": "", "embeds": [], "components": []}
    changed = {key: valid.get(key, none) for key, none in empty.items() if key in data}
    await message.update(**changed, flags=message.flags & ~MessageFlags.LOADING)
    kept = data.get("attachments")
    if kept is not None and {"id": None} not in kept:
        kept = {str(attachment["id"]) for attachment in kept}
        for attachment in await getCore().getAttachments(message):
            if str(attachment.id) not in kept:
                await attachment.delete()
    for file in files:
        file.message = message
        await file.save()
    it = await message.ds_json()
    to = {"channel_id": message.channel.id}
    if message.ephemeral:
        to = {"users": [message.interaction.user.id, message.interaction.application.id]}
    await getGw().dispatch(event(it), **to)
    return it


async def fresh(interaction, kind, ephemeral):
    """An empty message of the bot; [`write`] fills and announces it."""
    made = await Message.create(
        id=Snowflake.makeId(), author=await User.y.get(interaction.application.id), channel=interaction.channel,
        guild=interaction.guild, content="", interaction=interaction, webhook_id=interaction.id, type=kind,
        flags=MessageFlags.EPHEMERAL if ephemeral else 0, ephemeral=ephemeral,
    )
    return await Message.get(id=made.id).select_related(*Message.DEFAULT_RELATED)


async def body_and_files(channel):
    """The message of a request and its files."""
    if request.is_json:
        return await request.get_json(), []
    return await processMessageData(None, channel)


# --- A user acts ----------------------------------------------------------------------------------------------------

_create = app.view_functions["interactions.create_interaction"]


@getUser
async def create(user):
    """A user's command, click, keystroke or filled form."""
    data = await payload()
    channel = await getCore().getChannel(int(data["channel_id"]))
    if channel is None or not await getCore().getUserByChannel(channel, user.id):
        raise refusal(404, 10003, "Unknown Channel")
    application = await Application.get_or_none(id=int(data["application_id"]))
    if application is None:
        raise refusal(404, 10002, "Unknown Application")
    if data["type"] in (2, 4):
        command = await ApplicationCommand.get_or_none(id=int(data["data"]["id"]), application=application)
        wanted = command and command.default_member_permissions
        if wanted and channel.guild:
            member = await getCore().getGuildMember(channel.guild, user.id)
            if wanted & ~await payloads.permissions(member, channel):
                raise refusal(403, 50013, "Missing Permissions")
        if data["type"] == 2:
            return await _create()
        told = {"command": command, "data": typed(command, data["data"])}
    elif data["type"] == 3:
        told = {"message_id": await clicked(user, channel, data), "data": data["data"]}
    elif data["type"] == 5:
        told = {"message_id": filled(data["data"]), "data": data["data"]}
    else:
        raise form_refusal("type", "Unknown interaction type")
    made = await Interaction.create(
        application=application, user=user, type=data["type"], guild=channel.guild, channel=channel,
        locale=(await user.settings).locale, guild_locale=channel.guild and channel.guild.preferred_locale,
        nonce=data.get("nonce"), session_id=data["session_id"], **told,
    )
    await getGw().dispatch(InteractionCreateEvent(made, False), users=[user.id])
    await getGw().dispatch(InteractionCreateEvent(made, True), users=[application.id])

    async def late():
        await made.refresh_from_db()
        if made.status == InteractionStatus.PENDING:
            await made.update(status=InteractionStatus.FAILED)
            await getGw().dispatch(InteractionFailureEvent(made), users=[user.id])

    await execute_after(late(), 3)
    return "", 204


def typed(command, data):
    """What a user has typed so far of a command with an option that completes itself."""
    if command is None:
        raise refusal(404, 10063, "Unknown application command")
    known, given = command.options, data.get("options", [])
    while given and given[0]["type"] <= 2:
        known = next((one.get("options", []) for one in known if one["name"] == given[0]["name"]), [])
        given = given[0].get("options", [])
    complete = {option["name"] for option in known if option.get("autocomplete")}
    if not any(option.get("focused") and option["name"] in complete for option in given):
        raise form_refusal("data.options", "No focused option completes itself")
    return {key: data[key] for key in ("name", "type", "options")} | {"id": str(command.id)}


async def clicked(user, channel, data):
    """The message of a click: its user must see it, and it must have that component."""
    message = await getCore().getMessage(channel, int(data["message_id"]))
    if message is None or message.ephemeral and message.interaction.user != user:
        raise refusal(404, 10008, "Unknown Message")
    parts = [part for row in message.components for part in row["components"]]
    if not any(part.get("custom_id") == data["data"]["custom_id"] and not part.get("disabled") for part in parts):
        raise form_refusal("data.custom_id", "Component validation failed")
    return message.id


def filled(data):
    """The message that a modal came from, if it came from one."""
    custom_id, message = MODALS.pop(int(data["id"]), (None, None))
    if custom_id != data["custom_id"]:
        raise refusal(404, 10062, "Unknown interaction")
    return message


# --- The bot answers ------------------------------------------------------------------------------------------------

_respond = app.view_functions["interactions.respond_to_interaction"]


async def respond(interaction, token):
    """The first response, within three seconds."""
    it = await Interaction.from_token(token)
    if it is None or it.id != interaction or it.status == InteractionStatus.FAILED:
        raise refusal(404, 10062, "Unknown interaction")
    if it.status != InteractionStatus.PENDING:
        raise refusal(400, 40060, "Interaction has already been acknowledged.")
    body = await payload()
    kind, data = body["type"], body.get("data") or {}
    WebhookMessageCreate(content=data.get("content"))  # for its limit of length
    rich = data.get("embeds") or data.get("components") or not request.is_json
    if kind == 5 or kind == 4 and not rich:
        return await _respond(interaction=interaction, token=token)
    if kind == 4:
        data, files = (data, []) if request.is_json else await processMessageData(None, it.channel)
        ephemeral = bool((data.get("flags") or 0) & MessageFlags.EPHEMERAL)
        message = await fresh(it, MessageType.CHAT_INPUT_COMMAND, ephemeral)
        await write(message, data, files, MessageCreateEvent)
    elif kind == 7 and it.message_id:
        data, files = (data, []) if request.is_json else await processMessageData(None, it.channel)
        await write(await getCore().getMessage(it.channel, it.message_id), data, files, MessageUpdateEvent)
    elif kind == 8 and it.type == 4:
        if len(data["choices"]) > 25 or any(len(choice["name"]) > 100 for choice in data["choices"]):
            raise form_refusal("data.choices", "Must be 25 or fewer, of names of 100 characters or fewer.")
        told = Told("APPLICATION_COMMAND_AUTOCOMPLETE_RESPONSE", {"choices": data["choices"], "nonce": str(it.nonce)})
        await getGw().dispatch(told, users=[it.user.id])
    elif kind == 9 and it.type in (2, 3):
        MODALS[it.id] = data["custom_id"], it.message_id
        modal = {"id": str(it.id), "channel_id": str(it.channel.id), "nonce": str(it.nonce)} | data
        await getGw().dispatch(Told("INTERACTION_MODAL_CREATE", modal), users=[it.user.id])
    elif kind != 6 or it.type not in (3, 5):
        raise form_refusal("type", "This response does not fit this interaction")
    status = InteractionStatus.DEFERRED if kind == 6 else InteractionStatus.RESPONDED
    await it.update(status=status)
    await getGw().dispatch(InteractionSuccessEvent(it), users=[it.user.id])
    return "", 204


async def of_webhook(token, which):
    """An interaction that was answered, and one of its messages: the original of a click is what was clicked."""
    it = await Interaction.from_token("int___" + token)
    if it is None or it.status in (InteractionStatus.PENDING, InteractionStatus.FAILED):
        raise refusal(404, 10015, "Unknown Webhook")
    messages = Message.filter(interaction=it).select_related(*Message.DEFAULT_RELATED)
    if which != "@original":
        return it, await messages.filter(id=int(which)).first()
    message = await messages.order_by("id").first()
    return it, message or it.message_id and await getCore().getMessage(it.channel, it.message_id)


async def follow_up(application_id, token):
    """A further message; the first one after a deferral is what was deferred, as Discord documents."""
    it, original = await of_webhook(token, "@original")
    data, files = await body_and_files(it.channel)
    if original and original.flags & MessageFlags.LOADING:
        return await write(original, data, files, MessageUpdateEvent)
    ephemeral = bool((data.get("flags") or 0) & MessageFlags.EPHEMERAL)
    return await write(await fresh(it, MessageType.DEFAULT, ephemeral), data, files, MessageCreateEvent)


async def message_of(token, message):
    """One message of an interaction."""
    it, found = await of_webhook(token, message)
    if not found:
        raise refusal(404, 10008, "Unknown Message")
    return it, found


async def edit(application_id, token, message):
    it, found = await message_of(token, message)
    data, files = await body_and_files(it.channel)
    return await write(found, data, files, MessageUpdateEvent)


async def get(application_id, token, message):
    return await (await message_of(token, message))[1].ds_json()


async def delete(application_id, token, message):
    it, found = await message_of(token, message)
    await found.delete()
    guild = it.guild.id if it.guild else None
    await getGw().dispatch(MessageDeleteEvent(found.id, it.channel.id, guild), channel_id=it.channel.id)
    return "", 204


app.view_functions |= {
    "interactions.create_interaction": create,
    "interactions.respond_to_interaction": respond,
    "webhooks.interaction_followup_create": follow_up,
    "webhooks.edit_interaction_message": edit,
    "webhooks.get_interaction_message": get,
    "webhooks.delete_interaction_message": delete,
}
