"""Makes crates/prices/data/prices.json anew from the packages of requirements.txt, and prints what changes.

The prices of a seller are those of genai-prices; what that does not list comes from model-prices. The two are compared where both
know a model: `agree` and `differ` of a row. Sellers that neither has, and what other sources have said of a price that stays the
same, are kept. With --check nothing is written, and a difference ends with status 1.
"""

import datetime
import json
import sys
from importlib.metadata import version
from pathlib import Path

import genai_prices.types as gp
import model_prices
from genai_prices.data import providers as gp_providers

FILE = Path(__file__).resolve().parents[2] / "crates" / "prices" / "data" / "prices.json"

# Seller -> its name in genai-prices, and in model-prices.
SELLERS = {
    "openai": ("openai", "openai"),
    "anthropic": ("anthropic", "anthropic"),
    "google": ("google", "google"),
    "azure": ("azure", None),
    "moonshot": ("moonshotai", "moonshotai"),
    "deepseek": ("deepseek", "deepseek"),
    "alibaba-intl": (None, "alibaba"),
    "zai": ("zai", "zai"),
    "zhipu-cn": ("zhipuai", None),
    "mistral": ("mistral", "mistral"),
    "groq": ("groq", None),
    "xai": ("x-ai", "xai"),
    "cohere": ("cohere", "cohere"),
    "minimax": ("minimax", "minimax"),
    "byteplus": (None, "byteplus"),
    "volcengine": (None, "volcengine"),
    "perplexity": ("perplexity", "perplexity"),
    "together": ("together", None),
    "fireworks": ("fireworks", None),
    "workers-ai": ("cloudflare", None),
    "voyage": ("voyageai", None),
    "aws": ("aws", None),
}

# What genai-prices calls a price -> what the file calls it. Others have their own names, without `_mtok`.
GP_NAMES = {
    "input_mtok": "input",
    "output_mtok": "output",
    "cache_read_mtok": "cache_read",
    "cache_write_mtok": "cache_write",
    "cache_write_1h_mtok": "cache_write_1h",
    "output_reasoning_mtok": "reasoning",
    "output_citation_mtok": "citation",
    "input_audio_mtok": "audio_input",
    "output_audio_mtok": "audio_output",
    "cache_audio_read_mtok": "audio_cache_read",
    "input_image_mtok": "image_input",
    "output_image_mtok": "image_output",
    "cache_image_read_mtok": "image_cache_read",
    "requests_kcount": "per_1k_requests",
    "web_searches_kcount": "per_1k_web_searches",
    "storage_searches_kcount": "per_1k_file_searches",
}
MP_NAMES = {
    "input": "input",
    "output": "output",
    "cache_read": "cache_read",
    "cache_write": "cache_write",
}
MP_VARIANTS = {
    "batch": "processing=batch",
    "flex": "service_tier=flex",
    "fast": "service_tier=fast",
    "thinking": "mode=thinking",
}
# Prices that are this close are the same: sources round differently.
CLOSE = 0.006


def micros(price):
    """Dollars as whole millionths."""
    return round(float(price) * 1e6)


def gp_rates(price):
    rates, tiers = {}, {}
    for key, value in price.__dict__.items():
        if value is None:
            continue
        name = GP_NAMES.get(key, key)
        if isinstance(value, gp.TieredPrices):
            rates[name] = micros(value.base)
            for tier in value.tiers:
                tiers.setdefault(tier.start, {"tokens": tier.start})[name] = micros(tier.price)
        else:
            rates[name] = micros(value)
    if tiers:
        rates["above"] = [tiers[start] for start in sorted(tiers)]
    return rates


def gp_rules(match):
    """The rules of a model in the notation of the file."""
    if isinstance(match, gp.ClauseOr):
        return [rule for clause in match.or_ for rule in gp_rules(clause)]
    if isinstance(match, gp.ClauseAnd):
        return [{"all": [rule for clause in match.and_ for rule in gp_rules(clause)]}]
    marks = {
        gp.ClauseEquals: ("=", "equals"),
        gp.ClauseStartsWith: ("^", "starts_with"),
        gp.ClauseEndsWith: ("$", "ends_with"),
        gp.ClauseContains: ("~", "contains"),
        gp.ClauseRegex: ("/", "regex"),
    }
    mark, field = marks[type(match)]
    value = getattr(match, field)
    return [mark + (value if isinstance(value, str) else value.pattern)]


def gp_prices(model, day, at_peak):
    """What a model costs on a day.

    Of prices by hour, the highest is taken; but that of noon (UTC) where the file has the peak hours.
    """
    midnight = datetime.datetime(day.year, day.month, day.day, tzinfo=datetime.timezone.utc)
    noon = midnight + datetime.timedelta(hours=12)
    constraints = [getattr(price, "constraint", None) for price in listed(model)]
    by_hour = any(isinstance(constraint, gp.TimeOfDateConstraint) for constraint in constraints)
    hours = range(24) if by_hour and model.id not in at_peak else [12]
    prices = [model.get_prices(midnight + datetime.timedelta(hours=hour)) for hour in hours]
    rates = gp_rates(max(prices, key=lambda price: gp_rates(price).get("input", 0)))
    variants = {}
    for variant in model.price_variants or ():
        if len(variant.when) != 1 or (variant.constraint and not variant.constraint.active(noon)):
            continue
        ((key, value),) = variant.when.items()
        # The first that says something holds.
        variants[f"{key}={value}"] = {**gp_rates(variant.prices), **variants.get(f"{key}={value}", {})}
    variants = {when: rates for when, rates in variants.items() if rates}
    return {**rates, **({"variants": variants} if variants else {})}


def listed(model):
    return [] if isinstance(model.prices, gp.ModelPrice) else model.prices


def gp_row(model, day, at_peak, with_rules):
    """The row of a model, `None` if it has no price."""
    prices = gp_prices(model, day, at_peak)
    if not prices:
        return None
    variants = prices.pop("variants", None)
    row = {"id": model.id, **prices}
    rules = gp_rules(model.match)
    if with_rules and rules != ["=" + model.id]:
        row["match"] = rules
    if model.context_window:
        row["context"] = model.context_window
    if model.deprecated:
        row["retired"] = True
    if variants:
        row["variants"] = variants
    dated = [getattr(price, "constraint", None) for price in [*listed(model), *(model.price_variants or ())]]
    starts = {constraint.start_date for constraint in dated if isinstance(constraint, gp.StartDateConstraint)}
    later = sorted(start for start in starts if start > day)
    if later:
        row["later"] = [{"from": start.isoformat(), **gp_prices(model, start, at_peak)} for start in later]
    row["from"] = "gp"
    return row


def mp_rates(rates):
    row = {name: micros(rates[key]) for key, name in MP_NAMES.items() if rates.get(key) is not None}
    if rates.get("cache_write_1h_multiple") and "cache_write" in row:
        row["cache_write_1h"] = round(row["input"] * rates["cache_write_1h_multiple"])
    tiers = [
        {"tokens": tier["above"], **{name: micros(tier[key]) for key, name in MP_NAMES.items() if tier.get(key) is not None}}
        for tier in rates.get("tiers") or ()
    ]
    if tiers:
        row["above"] = tiers
    return row


def mp_row(name, model, status, now):
    """The row of a model, `None` if it has no price now."""
    in_force = {}
    for way, history in model.items():
        entries = [entry for entry in history or () if not entry["start"] or entry["start"] <= now]
        if entries and entries[-1]["rates"]:
            in_force[way] = entries[-1]["rates"]
    standard = in_force.pop("standard", None)
    if not standard or standard.get("input") is None:
        return None
    row = {"id": name, **mp_rates(standard), "from": "mp", "since": standard["valid_from"][:10]}
    if "models.dev" not in standard["source"]:
        row["source"] = standard["source"]
    variants = {MP_VARIANTS[way]: mp_rates(rates) for way, rates in in_force.items() if way in MP_VARIANTS}
    if variants:
        row["variants"] = variants
    if status == "removed":
        row["retired"] = True
    return row


def is_close(one, other):
    return one == other or bool(one and other and abs(one - other) <= CLOSE * max(one, other))


def compare(row, others):
    """Notes in a row what other sources say of its input and output."""
    for source, other in others.items():
        if other is None or source == row["from"]:
            continue
        if is_close(row.get("input"), other.get("input")) and is_close(row.get("output") or 0, other.get("output") or 0):
            row.setdefault("agree", []).append(source)
        else:
            row.setdefault("differ", {})[source] = {key: other[key] for key in ("input", "output") if key in other}


# What says something of a row besides its price.
NOTES = ("agree", "differ")


def without(row, names):
    return {key: value for key, value in row.items() if key not in names}


def keep_notes(row, old):
    """What other sources than the two have said of a price that stays the same."""
    if old is None or any(row.get(key) != old.get(key) for key in ("input", "output")):
        return
    others = [source for source in old.get("agree", ()) if source not in ("gp", "mp")]
    if others:
        row["agree"] = row.get("agree", []) + others
    differ = {source: said for source, said in old.get("differ", {}).items() if source not in ("gp", "mp")}
    if differ:
        row["differ"] = {**row.get("differ", {}), **differ}


def seller_rows(said, gp_name, mp_name, day, now):
    gp_seller = next((provider for provider in gp_providers if provider.id == gp_name), None)
    snapshot = model_prices_snapshot()
    mp_models = snapshot["prices"].get(mp_name, {}) if mp_name else {}
    status = snapshot["status"].get(mp_name, {}) if mp_name else {}
    mp_rows = {name: mp_row(name, model, status.get(name), now) for name, model in mp_models.items()}
    old = {row["id"]: row for row in said["models"]}
    at_peak = said.get("peak", {}).get("models", ())
    rows = []
    for model in gp_seller.models if gp_seller else ():
        # Bedrock's rules look for a text anywhere in a name and do not tell its regions apart.
        row = gp_row(model, day, at_peak, with_rules=gp_name != "aws")
        if row is None:
            continue
        compare(row, {"mp": mp_rows.get(model.id)})
        if status.get(model.id) == "removed":
            row["retired"] = True
        rows.append(row)
    taken = {row["id"] for row in rows}
    if gp_seller and gp_name != "aws":
        add_known_names(rows, gp_seller, mp_rows)
    for name, row in mp_rows.items():
        covered = name in taken or (gp_seller and gp_seller.find_model(name))
        if row and not covered and status.get(name) != "removed":
            rows.append(row)
        elif row and name in old and name not in taken and status.get(name) != "removed":
            # Its price was found to be its own before.
            rows.append(row)
    for row in rows:
        keep_notes(row, old.get(row["id"]))
    return [settled(row, old.get(row["id"])) for row in sorted(rows, key=lambda row: row["id"])]


def add_known_names(rows, gp_seller, mp_rows):
    """Names that model-prices lists become exact rules of the rows whose rules they match, where the price is the same."""
    by_id = {row["id"]: row for row in rows}
    for name, said in sorted(mp_rows.items()):
        model = gp_seller.find_model(name)
        row = by_id.get(model.id) if model else None
        if row is None or said is None or name in by_id:
            continue
        same = all(is_close(row.get(key) or 0, said.get(key) or 0) for key in ("input", "output"))
        if same and "=" + name not in row.get("match", ()):
            row["match"] = row.get("match", ["=" + row["id"]]) + ["=" + name]


def settled(row, old):
    """The old row, if the new one says the same: its order and its notes stay."""
    if old is None:
        return row
    trivial = {"match": ["=" + row["id"]]}
    same = {**trivial, **without(row, NOTES)} == {**trivial, **without(old, NOTES)}
    same = same and sorted(row.get("agree", [])) == sorted(old.get("agree", [])) and row.get("differ") == old.get("differ")
    return old if same else row


def model_prices_snapshot():
    return json.loads((Path(model_prices.__file__).parent / "snapshot.json").read_text())


def holidays(peak):
    """The days that model-prices knows as exempt from these peak hours; what was known of others stays."""
    calendars = model_prices_snapshot()["schedules"]["holidays"]
    known = {day for calendar in calendars.values() for day in calendar["dates"]}
    return sorted(known | set(peak.get("holidays", ())))


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def text_of(data):
    """One model a line."""
    head = {key: value for key, value in data.items() if key != "providers"}
    lines = [compact(head)[:-1] + ',"providers":{']
    for seller, said in data["providers"].items():
        about = {key: value for key, value in said.items() if key != "models"}
        lines.append(compact(seller) + ":" + compact(about)[:-1] + ',"models":[')
        lines.append(",\n".join(compact(row) for row in said["models"]) + "]},")
    lines[-1] = lines[-1].removesuffix(",")
    return "\n".join(lines) + "\n}}\n"


def difference(old, new):
    """What changes, for people."""
    dollars = lambda row: "/".join("-" if row.get(key) is None else f"{row[key] / 1e6:g}" for key in ("input", "output"))
    for seller in new["providers"]:
        before = {row["id"]: row for row in old["providers"].get(seller, {"models": []})["models"]}
        for row in new["providers"][seller]["models"]:
            was = before.pop(row["id"], None)
            if was is None:
                yield f"+ {seller} {row['id']} {dollars(row)} ({row['from']})"
            elif was != row:
                names = sorted(key for key in {*was, *row} if was.get(key) != row.get(key))
                yield f"~ {seller} {row['id']} {dollars(row)} (was {dollars(was)}): {', '.join(names)}"
        for name, row in before.items():
            yield f"- {seller} {name} {dollars(row)}"


def main():
    old = json.loads(FILE.read_text())
    now = datetime.datetime.now(datetime.timezone.utc)
    new = json.loads(json.dumps(old))
    for seller, (gp_name, mp_name) in SELLERS.items():
        said = old["providers"][seller]
        new["providers"][seller]["models"] = seller_rows(said, gp_name, mp_name, now.date(), now.isoformat())
        if "peak" in said:
            new["providers"][seller]["peak"]["holidays"] = holidays(said["peak"])
    changes = list(difference(old, new))
    for line in changes:
        print(line)
    print(f"{len(changes)} row(s) change")
    if "--check" in sys.argv[1:]:
        sys.exit(1 if changes else 0)
    new["as_of"] = now.date().isoformat()
    new["from"]["gp"]["version"] = version("genai-prices")
    new["from"]["mp"].update(version=version("model-prices"), date=model_prices_snapshot()["updated_at"])
    FILE.write_text(text_of(new))


if __name__ == "__main__":
    main()
