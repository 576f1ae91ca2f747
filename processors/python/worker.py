"""Entry point of a Python processor worker; started by the engine with SLUICE_WORKER_SOCKET set."""
from allspark.worker import main

if __name__ == "__main__":
    main()
