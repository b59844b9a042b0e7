"""Renders templates with jinja2 as transformers sets it up.

Reads JSON strings, one a line; writes {"out": text} or {"error": text} for each.
"""

import json
import os
import sys
import warnings

os.environ["TRANSFORMERS_VERBOSITY"] = "error"
from transformers.utils.chat_template_utils import _compile_jinja_template  # noqa: E402

warnings.simplefilter("ignore")
for line in sys.stdin:
    try:
        out = {"out": _compile_jinja_template(json.loads(line)).render(user="u<|im_end|>", items=["a", "b"])}
    except Exception as e:  # noqa: BLE001: any refusal counts
        out = {"error": f"{type(e).__name__}: {e}"}
    print(json.dumps(out))
