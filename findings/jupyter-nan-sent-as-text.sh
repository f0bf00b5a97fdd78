#!/usr/bin/env bash
#
# Package: jupyter-client 8.10.0 (which packs every message of a kernel: widgets, anywidget, Voila).
# Guess: a widget that holds NaN raises when it is sent, or the browser gets null.
# What happens: JSON has no NaN, so the message falls back to an older cleaning step, which writes the word:
# the browser gets the text "nan", and "-inf" for minus infinity, between numbers. The kernel prints a
# warning about deprecated serialisation that names neither widget nor field. The same clean-up then refuses
# what is accepted without NaN: a dictionary with the keys 1 and "1".
# Why it matters: a score or a magnitude that is missing is NaN in this field. In the browser `"nan" < 0.5`
# is false and so is `"nan" > 0.5`, `typeof` says string, sums turn into joined text, and Number("-inf") is
# NaN, so that minus infinity is lost altogether.
#
# Output seen:
#   sent: {"value": "nan", "scores": [0.25, "nan", "-inf"]}
#   warning: Out of range float values are not JSON compliant
#   keys 1 and '1' without NaN: {"names": {"1": "ring"}, "score": 0.5}
#   keys 1 and '1' with NaN: dict cannot be safely converted to JSON: key collision would lead to
#     dropped values
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check jupyter-client==8.10.0
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import json
import math
import warnings

from jupyter_client.session import Session

session = Session(key=b"a key")


def as_the_browser_gets_it(state):
    parts = session.serialize(session.msg("comm_msg", {"data": {"method": "update", "state": state}}))
    return json.loads(parts[-1])["data"]["state"]




scores = [0.25, math.nan, -math.inf]
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    sent = as_the_browser_gets_it({"value": math.nan, "scores": scores})
print("sent:", json.dumps(sent))
print("warning:", str(caught[0].message).splitlines()[1])
assert sent == {"value": "nan", "scores": [0.25, "nan", "-inf"]}

mixed = {1: "spiral", "1": "ring"}
without = as_the_browser_gets_it({"names": mixed, "score": 0.5})
print("keys 1 and '1' without NaN:", json.dumps(without))
try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        as_the_browser_gets_it({"names": mixed, "score": math.nan})
except ValueError as error:
    print("keys 1 and '1' with NaN:", error)
else:
    raise AssertionError("the second message was sent")
PYTHON
