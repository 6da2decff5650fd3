"""The words of each dialect, compared with what the official packages for Python know.

crates/core/tests/words/words.json lists the words that the gateway writes and reads, and crates/core/tests/words.rs tries each.
A word that a package knows and the list does not is one that would be refused or lost; a word of the list that no package knows
is one that a service would refuse. tests/scripts/words.test.mjs compares with the packages for Node.

For Bedrock the package is botocore, whose service model has patterns and lengths as well.
"""

import enum
import gzip
import importlib
import importlib.util
import json
import pathlib
import re
import typing
import unittest

LISTS = pathlib.Path(__file__).resolve().parents[3] / "crates" / "core" / "tests" / "words"


def read(name):
    return json.loads((LISTS / f"{name}.json").read_text("utf-8"))


def folder(package):
    return pathlib.Path(importlib.util.find_spec(package).submodule_search_locations[0])


def members(type_):
    """The members of a model or of a typed dictionary with their types."""
    fields = getattr(type_, "model_fields", None)
    if fields is not None:
        return {field.alias or name: field.annotation for name, field in fields.items()}
    return typing.get_type_hints(type_)


def literals(type_):
    """The literals in a type, or the values of an enumeration."""
    if isinstance(type_, type) and issubclass(type_, enum.Enum):
        return {member.value for member in type_}
    if typing.get_origin(type_) is typing.Literal:
        return set(typing.get_args(type_))
    return set().union(*(literals(part) for part in typing.get_args(type_)))


def of_union(type_, field):
    """The literals of a member of every type in a union."""
    if isinstance(type_, type) and not typing.get_args(type_):
        return literals(members(type_).get(field))
    return set().union(*(of_union(part, field) for part in typing.get_args(type_)))


def words(path):
    """`module:Name`, `module:Name.field`, `module:Name#field` or `module:Name.*`, as declarations.mjs has it for Node."""
    module, place = path.split(":")
    place, _, field = place.partition("#")
    name, _, member = place.partition(".")
    type_ = getattr(importlib.import_module(module), name)
    if member == "*":
        return set(members(type_))
    if member:
        type_ = members(type_)[member]
    return of_union(type_, field) if field else literals(type_)


def shapes():
    model = folder("botocore") / "data" / "bedrock-runtime" / "2023-09-30" / "service-2.json.gz"
    return json.loads(gzip.decompress(model.read_bytes()))["shapes"]


def words_of_model(place):
    name, _, member = place.partition(".")
    shape = shapes()[name]
    return set(shape["members"] if member == "*" else shape["enum"])


SOURCES = {"python": words, "model": words_of_model}


class Words(unittest.TestCase):
    def test_the_packages_know_our_words_and_we_know_theirs(self):
        for entry in read("words"):
            for source, find in SOURCES.items():
                if source in entry:
                    with self.subTest(entry["name"]):
                        ours = {*entry["words"], *entry.get("not_sent", {})}
                        ours -= {*entry.get("absent", {}).get(source, [])}
                        self.assertEqual(find(entry[source]), ours)

    def test_limits(self):
        for limit in read("limits"):
            with self.subTest(limit["name"]):
                if "model" in limit:
                    self.check_shape(shapes()[limit["model"]], limit)
                if "cohere" in limit:
                    self.assertIn(limit["words"], (folder("cohere") / limit["cohere"]).read_text("utf-8"))

    def check_shape(self, shape, limit):
        self.assertEqual(shape["max"], limit["max"])
        if "pattern" in shape:
            accepted = {chr(code) for code in range(0x20, 0x7F) if re.fullmatch(shape["pattern"], chr(code))}
            ours = {letter for letter in accepted if letter.isalnum()} | set(limit["marks"])
            if "narrower" in limit:
                self.assertLess(ours, accepted)
            else:
                self.assertEqual(ours, accepted)


if __name__ == "__main__":
    unittest.main()
