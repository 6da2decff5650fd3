"""Makes crates/prices/tests/costs.json: usages of many models with what the calculator of genai-prices says that they cost.

The native tests hold the gateway's own calculation against that file. With --check nothing is written, and a file that the
calculator no longer agrees with ends with status 1; `npm test -- --only python` does that.
"""

import datetime
import json
import math
import sys
from decimal import Decimal
from pathlib import Path

import refresh
from genai_prices import Usage
from genai_prices.data import providers

OUT = refresh.FILE.parents[1] / "tests" / "costs.json"

# A Sunday before the peak hours of DeepSeek, a Wednesday within them, and a day on which announced prices hold.
SUNDAY = "2026-11-29T05:00:00Z"
WEDNESDAY = "2026-12-02T02:30:00Z"
NEXT_YEAR = "2027-02-01T12:00:00Z"

# What the file calls a count -> what genai-prices calls it.
COUNTS = {
    "prompt": "input_tokens",
    "completion": "output_tokens",
    "cached": "cache_read_tokens",
    "cache_written": "cache_write_tokens",
    "cache_written_1h": "cache_write_1h_tokens",
    "reasoning": "output_reasoning_tokens",
    "audio_prompt": "input_audio_tokens",
    "audio_completion": "output_audio_tokens",
    "audio_cached": "cache_audio_read_tokens",
    "image_prompt": "input_image_tokens",
    "image_completion": "output_image_tokens",
    "web_searches": "web_searches",
}
VARIANTS = {
    "batch": {"processing": "batch"},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
    "fast": {"speed": "fast", "service_tier": "fast"},
}
# Models of a seller, at most.
MOST = 14


def usages(row):
    """Usages that touch what has a price of its own."""
    yield {"prompt": 1, "completion": 1}, None
    yield {"prompt": 12_345, "completion": 678}, None
    if "cache_read" in row:
        yield {"prompt": 54_321, "completion": 1_000, "cached": 50_001}, None
    if "cache_write" in row and "cache_read" in row:
        yield {"prompt": 90_000, "completion": 17, "cached": 30_007, "cache_written": 20_011}, None
    if "cache_write_1h" in row and "cache_write" in row:
        yield {"prompt": 90_000, "completion": 17, "cache_written": 20_011, "cache_written_1h": 7_013}, None
    if "audio_input" in row:
        yield {"prompt": 9_001, "completion": 300, "audio_prompt": 8_000}, None
    if "audio_output" in row:
        yield {"prompt": 100, "completion": 3_001, "audio_completion": 2_900}, None
    if "image_output" in row:
        yield {"prompt": 100, "completion": 3_001, "image_completion": 2_900}, None
    if "reasoning" in row:
        yield {"prompt": 100, "completion": 3_001, "reasoning": 2_900}, None
    if "per_1k_web_searches" in row:
        yield {"prompt": 777, "completion": 33, "web_searches": 3}, None
    for tier in row.get("above", ()):
        for prompt in (tier["tokens"], tier["tokens"] + 1):
            yield {"prompt": prompt, "completion": 4_321, "cached": 1_000 if "cache_read" in row else 0}, None
    for variant in sorted({when.split("=")[1] for when in row.get("variants", ())} & VARIANTS.keys()):
        yield {"prompt": 12_345, "completion": 678}, variant
        if "above" in row:
            yield {"prompt": 300_001, "completion": 5}, variant


def interesting(row):
    return len(row) + 3 * len(row.get("above", ())) + 2 * len(row.get("variants", ()))


def cost(model, provider, counts, variant, moment):
    usage = Usage(**{COUNTS[name]: count for name, count in counts.items() if count})
    when = datetime.datetime.fromisoformat(moment.replace("Z", "+00:00"))
    context = VARIANTS.get(variant)
    total = model.calc_price(usage, provider, genai_request_timestamp=when, price_context=context).total_price
    return math.ceil(total * Decimal(1_000_000))


def cases():
    data = json.loads(refresh.FILE.read_text())
    for seller, (gp_name, _) in refresh.SELLERS.items():
        provider = next((provider for provider in providers if provider.id == gp_name), None)
        if provider is None:
            continue
        models = {model.id: model for model in provider.models}
        said = data["providers"][seller]
        rows = [row for row in said["models"] if row["from"] == "gp" and "input" in row and "output" in row]
        dated = [row for row in rows if "later" in row]
        rows = sorted(rows, key=lambda row: (-interesting(row), row["id"]))[:MOST] + dated
        for row in {row["id"]: row for row in rows}.values():
            moments = [SUNDAY]
            if row["id"] in said.get("peak", {}).get("models", ()):
                moments.append(WEDNESDAY)
            if "later" in row:
                moments.append(NEXT_YEAR)
            for moment in moments:
                for counts, variant in usages(row):
                    micros = cost(models[row["id"]], provider, counts, variant, moment)
                    case = {"seller": seller, "model": row["id"], "at": moment, "usage": counts, "micros": micros}
                    yield {**case, "variant": variant} if variant else case


def main():
    found = list(cases())
    text = "[\n" + ",\n".join(refresh.compact(case) for case in found) + "\n]\n"
    if "--check" in sys.argv[1:]:
        if OUT.read_text() != text:
            sys.exit("crates/prices/tests/costs.json is not what genai-prices says: run `npm run prices`")
        print(f"{len(found)} costs are what genai-prices says")
        return
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(text)
    print(f"{len(found)} costs")


if __name__ == "__main__":
    main()
