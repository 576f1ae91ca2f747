"""Counts which word follows which in a text, with Python's standard library, and writes the counts as JSON.

    python3 train.py

The text is the Apache licence at the top of this repository: it never changes, so the model can be made again to the last byte.
"""
import collections
import json
import pathlib
import re

FOLDER = pathlib.Path(__file__).resolve().parent
WORD = re.compile(r"[A-Za-z][A-Za-z'-]*|[.,;:]")
END = "<end>"


def sentences(text):
    """Lists of words and marks; each ends with a full stop, which stands for the end."""
    words = WORD.findall(text)
    sentence = []
    for word in words:
        if word == ".":
            if len(sentence) > 3:  # headings and list numbers are no sentences
                yield sentence
            sentence = []
        else:
            sentence.append(word)


def count(text):
    """For the last one or two words, as `word` or `word word`: what followed them, and how often. Sentences begin after END."""
    follows = collections.defaultdict(collections.Counter)
    for sentence in sentences(text):
        words = [END, *sentence, END]
        for at in range(1, len(words)):
            follows[words[at - 1]][words[at]] += 1
            if at > 1:
                follows[f"{words[at - 2]} {words[at - 1]}"][words[at]] += 1
    return {context: dict(sorted(counts.items())) for context, counts in sorted(follows.items())}


if __name__ == "__main__":
    model = {"end": END, "follows": count((FOLDER / "../../LICENSE").read_text(encoding="utf-8"))}
    path = FOLDER / "model" / "words.json"
    path.write_text(json.dumps(model, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"{len(model['follows'])} contexts, written to {path.name}")
