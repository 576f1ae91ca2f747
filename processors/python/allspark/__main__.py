"""`python3 -m allspark app.py [host:port]`: serves a processor file over plain HTTP, without an engine, to try it."""
import os
import sys

from . import loading, local_server, worker
from .processor import local_model


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: python3 -m allspark FILE_OR_PACKAGE [HOST:PORT]")
    path = os.path.abspath(sys.argv[1])
    endpoint = sys.argv[2] if len(sys.argv) == 3 else local_server.ENDPOINT
    module = loading.run(path)  # the class form serves within it, and ends with Ctrl-C
    if worker.is_short_form(module):
        call, describe = worker.functions_of(module, local_model(), os.path.basename(path))
        local_server.serve(call, describe, endpoint)
    elif loading.processor_class(module):
        loading.processor_class(module)(endpoint=endpoint).run()


main()
