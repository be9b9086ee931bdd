"""`python -m services.sandbox.kafka`: a broker in the foreground, until SIGINT or SIGTERM.

Invariant: exit code 0 after such a signal; otherwise 1, with one line on standard error that says what to do.
"""

import argparse
import signal
import sys
import threading
from pathlib import Path

from services.sandbox.kafka.broker import EmbeddedKafka
from services.sandbox.kafka.errors import EmbeddedKafkaError
from services.sandbox.kafka.process import last_error
from services.sandbox.kafka.progress import say


def main() -> int:
    """Run the broker; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m services.sandbox.kafka", description="Run one Apache Kafka broker."
    )
    parser.add_argument("--port", type=int, default=9092, help="the clients' port; 0 picks a free one (default: 9092)")
    parser.add_argument("--data", type=Path, help="a folder to keep the data in (default: a temporary one)")
    parser.add_argument("--heap", type=int, default=512, metavar="MIB", help="Java heap (default: 512)")
    parser.add_argument("--wait", type=float, default=120, metavar="SECONDS", help="longest start (default: 120)")
    options = parser.parse_args()

    asked = threading.Event()

    def ask(*_: object) -> None:
        if not asked.is_set():
            asked.set()
            raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ask)
    kafka = EmbeddedKafka(port=options.port, data=options.data, heap=options.heap, ready_within=options.wait)
    try:
        with kafka:
            sys.stdout.write(f"Kafka is ready at {kafka.bootstrap} (log: {kafka.log})\n")
            sys.stdout.flush()
            while kafka.running:
                asked.wait(0.5)
            say(f"Kafka ended by itself: {last_error(kafka.log)}; its log is {kafka.log}")
            return 1
    except EmbeddedKafkaError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
