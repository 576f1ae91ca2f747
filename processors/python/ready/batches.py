"""Calls of a model for several requests at once.

What a request does is a generator: it reads the request, yields one `Call` of the model or several after another, is sent what they gave, and returns the answer.
`alone` runs one. `Batches.answers` runs several side by side: calls that may go together become one, on their arrays laid end to end along
the first axis, and each request gets its rows of the results. So there is one way to read and to answer, whether in a batch or not.
"""
import numpy


class Call:
    """`run(arrays)` gives a list of results; a tuple among them is for all who share the call. `options`, hashable, says what `run` does beside its arrays: calls of one model with equal options are the same.
    `can_join`: each row of the results comes of the same row of the arrays alone.
    """

    __slots__ = ("run", "options", "arrays", "can_join")

    def __init__(self, run, options, arrays, can_join=True):
        self.run = run
        self.options = options
        self.arrays = arrays
        self.can_join = can_join

    def kind(self):
        """Calls of the same kind may go together; None: only alone."""
        if not self.can_join or not self.arrays:
            return None
        counts = {len(array) if array.ndim else 0 for array in self.arrays}
        # What a library says to no rows at all it says only to a request by itself.
        if len(counts) > 1 or 0 in counts:
            return None
        return (self.options, *((array.dtype, array.shape[1:]) for array in self.arrays))


def alone(steps):
    """The answer of one request; raises what it raises."""
    try:
        call = next(steps)
        while True:
            call = _resumed(steps, call)
    except StopIteration as end:
        return end.value


def _resumed(steps, call):
    try:
        results = call.run(call.arrays)
    except BaseException as error:
        return steps.throw(error)
    return steps.send(results)


class Batches:
    """Answers requests to one model in batches. May be used by several threads."""

    def __init__(self):
        #: Kinds of calls whose results had not one row for each of the arrays, without the shapes: they go alone from then on.
        self._apart = set()

    def answers(self, requests):
        """The answers of a list of generators, an exception standing for a refusal."""
        answers = [None] * len(requests)
        waiting = []
        for at, steps in enumerate(requests):
            self._advance(answers, waiting, at, steps, lambda: next(steps))
        while waiting:
            groups = {}
            for item in waiting:
                kind = item[2].kind()
                groups.setdefault(len(groups) if kind is None or kind[0] in self._apart else kind, []).append(item)
            waiting = []
            for group in groups.values():
                parts = self._joined([call for _, _, call in group])
                for (at, steps, call), results in zip(group, parts):
                    resume = (lambda: _resumed(steps, call)) if results is None else (lambda: steps.send(results))
                    self._advance(answers, waiting, at, steps, resume)
        return answers

    @staticmethod
    def _advance(answers, waiting, at, steps, resume):
        try:
            waiting.append((at, steps, resume()))
        except StopIteration as end:
            answers[at] = end.value
        except BaseException as error:
            answers[at] = error

    def _joined(self, calls):
        """For each call its results; None: it is to run by itself."""
        nothing = [None] * len(calls)
        if len(calls) == 1:
            return nothing
        first = calls[0]
        ends = numpy.cumsum([len(call.arrays[0]) for call in calls]).tolist()
        try:
            arrays = [numpy.concatenate([call.arrays[i] for call in calls]) for i in range(len(first.arrays))]
            results = first.run(arrays)
        except Exception:
            # One of them is refused, or all are too much at once: each is told of its own.
            return nothing
        if not all(_has_rows(result, ends[-1]) for result in results):
            self._apart.add(first.options)
            return nothing
        return [[_rows(result, begin, end) for result in results] for begin, end in zip([0] + ends, ends)]


def _rows(result, begin, end):
    return result if isinstance(result, tuple) else result[begin:end]


def _has_rows(result, count):
    """An array with a row for each, or a list of them, as ONNX Runtime gives maps."""
    if isinstance(result, tuple):
        return True
    if isinstance(result, numpy.ndarray):
        return result.ndim > 0 and len(result) == count
    return isinstance(result, list) and len(result) == count and all(isinstance(item, dict) for item in result)
