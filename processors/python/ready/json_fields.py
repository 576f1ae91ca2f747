"""What the readers of JSON have in common: fields of objects that come twice, and the words for a body that is no JSON."""
import sys


def repeated(pairs):
    """The first name that comes a second time among `(name, value)`, or None. One pass: an object may have a million fields."""
    seen = set()
    for name, _ in pairs:
        if name in seen:
            return name
        seen.add(name)
    return None


def problem(error):
    """A sentence for a ValueError of Python's reader of JSON."""
    if "set_int_max_str_digits" in str(error):
        # JSON has such numbers; the reader takes time with the square of their length.
        return "the body has a number with more than %d digits" % sys.get_int_max_str_digits()
    return "the body is not JSON: %s" % error
