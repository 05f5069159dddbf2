"""Entry of the Python worker: `python3 main.py` with LGW_FD naming the socket to the server.

The worker's own folder is taken off the module search path again, so that a
project's modules can have any name without meeting ours.
"""

import os
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))

if __name__ == "__main__":
    if sys.version_info < (3, 10):
        sys.exit("Python graphs need Python 3.10 or newer; this is %s" % sys.version.split()[0])
    sys.path.insert(0, FOLDER)
    from runbell_worker import app

    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != FOLDER]
    sys.exit(app.main())
