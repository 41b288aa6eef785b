"""Every operation of a gateway, through the client that openapi-python-client made.

Arguments: the folder that holds the package `gateway_client`, the address, the token. Prints the names of the operations.
"""

import importlib
import pkgutil
import sys

folder, address, token = sys.argv[1:]
sys.path.insert(0, folder)

import gateway_client.api  # noqa: E402
import gateway_client.models as models  # noqa: E402
from gateway_client import AuthenticatedClient  # noqa: E402

ALICE = "any;-;alice@example.com"
IMAGE = "iVBORw0KGgo="
chat = {"chat_guid": ALICE}


def act(**more):
    return {"body": models.ActRequest(chat_guid=ALICE, actor="alice@example.com", **more)}


def on(kind, **more):
    return {"body": kind(chat_guid=ALICE, **more)}


# By the name of its module, in an order that makes sense: the arguments, and what the answer must say.
CALLS = {
    "health": lambda: ({}, None),
    "create_chat": lambda: (
        {"body": models.CreateChatRequest(addresses=["alice@example.com"]), "x_idempotency_key": "first"},
        lambda answer: answer.chat.guid == ALICE,
    ),
    "mark_chat_read": lambda: (on(models.ChatRequest), None),
    "set_typing": lambda: (on(models.SetTypingRequest, is_typing=True), None),
    "share_contact_info": lambda: (on(models.ChatRequest), None),
    "set_background": lambda: (on(models.SetBackgroundRequest, data=IMAGE), None),
    "has_background": lambda: (chat, lambda answer: answer.background_present is True),
    "emulator_list_chats": lambda: ({"limit": 5}, lambda answer: answer.chats[0].has_background is True),
    "emulator_get_background": lambda: (chat, lambda answer: answer.payload.read().startswith(b"\x89PNG")),
    "emulator_receive": lambda: (
        on(models.ReceiveRequest, from_="alice@example.com", text="hello"),
        # It may come out of the archive, which is an event, too.
        lambda answer: len(answer.sequences) in (1, 2),
    ),
    "get_chat": lambda: (chat, lambda answer: answer.chat.participants[0].address == "alice@example.com"),
    "list_chats": lambda: ({"archived": False, "page_size": 100}, lambda answer: isinstance(answer.chats, list)),
    "get_chat_count": lambda: ({"include_archived": True}, lambda answer: int(answer.count) >= 1),
    "create_token": lambda: (
        {"body": models.CreateTokenRequest(sub="user-1", scope="chats:read", chats=[ALICE], ttl_seconds=60)},
        lambda answer: answer.token.count(".") == 2,
    ),
    "emulator_mark_read": lambda: (act(), None),
    "emulator_archive": lambda: (act(), None),
    "emulator_unarchive": lambda: (act(), None),
    "emulator_remove_background": lambda: (act(), None),
    "emulator_set_background": lambda: (on(models.ActSetBackgroundRequest, data=IMAGE), None),
    "emulator_generate": lambda: ({"body": models.GenerateRequest(count=3)}, lambda answer: len(answer.sequences) == 3),
    "remove_background": lambda: (on(models.ChatRequest), None),
}

client = AuthenticatedClient(base_url=address, token=token)
modules = {}
for found in pkgutil.walk_packages(gateway_client.api.__path__, "gateway_client.api."):
    if not found.ispkg:
        modules[found.name.rpartition(".")[2]] = importlib.import_module(found.name)
for name, make in CALLS.items():
    if name not in modules:
        continue
    arguments, right = make()
    answer = modules[name].sync_detailed(client=client, **arguments)
    assert answer.status_code == 200, f"{name}: {answer.status_code} {answer.content}"
    assert right is None or right(answer.parsed), f"{name}: {answer.parsed}"

failed = modules["get_chat"].sync_detailed(client=client, chat_guid="any;-;nobody@example.com")
assert failed.status_code == 404 and failed.parsed.error_code == "chatNotFound", failed
# The test says which these must be.
print("\n".join(sorted(set(modules) & set(CALLS))))
