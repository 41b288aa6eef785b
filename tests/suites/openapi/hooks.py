"""What schemathesis needs to know of the gateway that OpenAPI cannot say.

The schema it loads is made strict: an answer may hold nothing that is not described, and no status that is not listed. Valid values are
made to mean something: a chat that exists, an address that can be reached, an image that is one. A value that the schema forbids is left
as it is, so that it must be refused.
"""

import re

import schemathesis

CHAT = "any;-;alice@example.com"
GUID = re.compile(r"any;[-+];[^\0\n\r\u2028\u2029]*[^\s\0][^\0\n\r\u2028\u2029]*")
BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
# The signature of a PNG.
IMAGE = "iVBORw0KGgo="


@schemathesis.hook
def before_load_schema(context, schema):
    for path in schema["paths"].values():
        for operation in path.values():
            operation["responses"].pop("default", None)
    reached = set()

    def close(part):
        if isinstance(part, list):
            for item in part:
                close(item)
            return
        if not isinstance(part, dict):
            return
        name = part.get("$ref", "").rpartition("/")[2]
        if name and name not in reached:
            reached.add(name)
            close(schema["components"]["schemas"][name])
        if "properties" in part:
            part.setdefault("additionalProperties", False)
        for value in part.values():
            close(value)

    for path in schema["paths"].values():
        for operation in path.values():
            close(operation["responses"])


def is_text(value):
    return isinstance(value, str) and value != ""


def meant(name, value):
    """The value of a field, or one that means something where it is allowed."""
    if name == "chatGuid" and is_text(value) and GUID.fullmatch(value):
        # Half of them: what becomes of an unknown chat is looked at, too.
        return CHAT if len(value) % 2 == 0 else value
    if name == "chatGuids" and isinstance(value, list):
        return [meant("chatGuid", each) for each in value]
    if name in ("from", "actor") and is_text(value):
        return "alice@example.com"
    if name == "data" and isinstance(value, str) and BASE64.fullmatch(value):
        return IMAGE
    if name == "attributedBody" and isinstance(value, str):
        return "AAAA"
    if name == "count" and type(value) in (int, float) and 1 <= value <= 10_000_000:
        # Ten million events take a while. A float stays one, and a fraction a fraction.
        return 1 + value % 20
    if name == "addresses" and isinstance(value, list) and 1 <= len(value) <= 31:
        if all(map(is_text, value)) and len(set(value)) == len(value):
            return [f"person{index}@example.com" for index, _ in enumerate(value)]
    if name == "initialMessage" and isinstance(value, dict):
        return {key: meant(key, each) for key, each in value.items()}
    return value


def fields(value):
    if not isinstance(value, dict):
        return value
    # A reply needs a message of that very chat, and formatting ranges of that very text: no rule makes those.
    changed = {key: meant(key, each) for key, each in value.items() if key not in ("replyTo", "formatting")}
    if changed.get("from") == "alice@example.com" and "person0" in str(changed.get("chatGuid")):
        # One that another call created: only its people write into it.
        changed["from"] = "person0@example.com"
    if is_text(changed.get("pageToken")):
        # Where a page of that very list ended.
        archived = changed.get("archived") in (True, "true")
        changed["pageToken"] = ("archived" if archived else "visible") + ".1767268800000." + CHAT
    return changed


@schemathesis.hook
def before_call(context, case, kwargs):
    case.body = fields(case.body)
    case.query = fields(case.query)
