"""Runs the user's file or package, and finds what is to be served in it."""
import os
import sys
import traceback
import types

from . import processor, serving


def run(path):
    """Runs a processor file, or the folder of a package, and gives the module that may hold functions or a class to be served."""
    return run_package(os.path.normpath(path)) if os.path.isdir(path) else run_file(path)


def run_file(path):
    """Runs a processor file as `__main__`, from its own folder, and gives the module."""
    _import_from(os.path.dirname(path))
    return _run_main(path)


def run_package(path):
    """What `python -m` does from the folder around a package; without `__main__.py` the package itself is what is to be served.

    A folder with `__main__.py` only is run as `python FOLDER` does.
    """
    main = os.path.join(path, "__main__.py")
    if not os.path.isfile(os.path.join(path, "__init__.py")):
        return run_file(main)
    import importlib.util  # costs a few ms, and few have a package

    around, name = os.path.split(path)
    _import_from(around)
    package = importlib.import_module(name)
    if os.path.dirname(os.path.realpath(package.__file__ or "")) != os.path.realpath(path):
        raise RuntimeError("the package %s has the name of another one that comes first, %s: give it another name" % (name, package.__file__))
    if not os.path.isfile(main):
        return package
    return _run_main(main, importlib.util.spec_from_file_location(name + ".__main__", main))


def _import_from(folder):
    """As if Python had been started there. We come last: a process that `multiprocessing` starts anew imports by this path, too."""
    ours, sys.path[0] = sys.path[0], folder
    if ours not in sys.path:
        sys.path.append(ours)


def _run_main(path, spec=None):
    """`spec`: as a module of its package, for relative imports."""
    sys.argv = [path]
    module = types.ModuleType("__main__")
    module.__file__ = path
    module.__builtins__ = __builtins__
    module.__spec__ = spec
    module.__package__ = spec and spec.parent
    sys.modules["__main__"] = module
    with open(path, "rb") as file:
        code = compile(file.read(), path, "exec")
    exec(code, module.__dict__)
    return module


def processor_class(module):
    """The one class derived from BaseProcessor in a file, or a package, that never called `run()`, or None. Classes that others are derived from do not count."""
    own = (module.__name__, module.__package__ or module.__name__)
    classes = {
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, processor.BaseProcessor) and _is_in(value.__module__, own)
    }
    last = [one for one in classes if not any(other is not one and issubclass(other, one) for other in classes)]
    return last[0] if len(last) == 1 else None


def _is_in(name, packages):
    return any(name == package or name.startswith(package + ".") for package in packages)


def nothing_to_serve(entry):
    """It was run, and has neither form."""
    return RuntimeError("%s has no function process(data, headers) and never called run() of a BaseProcessor" % entry)


def failure_text(error, folder):
    """`Type: message (file:line)` in one line; the place is the last one in the user's own files."""
    if getattr(error, "is_sentence", False):
        return str(error)
    text = serving.one_line(error)
    if isinstance(error, SystemExit):
        text = "the processor ended itself while loading, with exit code %s" % (error.code,)
    if isinstance(error, SyntaxError) and error.filename:
        return "%s (%s:%s)" % (text.partition(" (")[0], os.path.relpath(error.filename, folder), error.lineno)
    frames_seen = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames_seen if os.path.abspath(f.filename).startswith(folder + os.sep)]
    if own:
        text += " (%s:%s)" % (os.path.relpath(own[-1].filename, folder), own[-1].lineno)
    return text
