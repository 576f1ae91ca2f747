"""Fields of JSON objects that come twice."""


def repeated(pairs):
    """The first name that comes a second time among `(name, value)`, or None. One pass: an object may have a million fields."""
    seen = set()
    for name, _ in pairs:
        if name in seen:
            return name
        seen.add(name)
    return None
