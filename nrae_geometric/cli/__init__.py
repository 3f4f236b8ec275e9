"""The command line: ``nrae fit`` for points of your own, ``nrae train`` for experiments, and more.

A command is one file: a function that adds its parser, one that does the work and returns the
results, and one that prints them. ``--json`` prints them as one object instead. Results go to
standard output, all else to standard error.
"""

import sys
import traceback
from collections.abc import Sequence

from nrae_geometric.cli.ending import (
    FAILURE,
    INTERRUPTED,
    OUTPUT_CLOSED,
    SIGNALED,
    USER_ERROR,
    Signals,
    advice,
    drop_output,
    is_out_of_memory,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        argv (Sequence[str], optional): The arguments; those of the process by default.
            (default: :obj:`None`)

    Returns:
        The exit code: 0, 1 for a failure, such as a lack of memory, 2 for what the user can put
        right, 130 after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP, 141 where the output is no
        longer read.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    what_is_left = ""
    with Signals() as signals:
        try:
            code = _main(argv, signals)
        except KeyboardInterrupt as stop:
            code = INTERRUPTED
            what_is_left = f"; {stop}" if str(stop) else ""
        except Exception:
            # An import that a signal interrupts may end in any error.
            if signals.code is None:
                raise
        if signals.code is not None:
            code = signals.code
        if code in SIGNALED:
            print(f"nrae: {SIGNALED[code]}{what_is_left}", file=sys.stderr)
    return code


def _main(argv: list[str], signals: Signals) -> int:
    try:
        # Imported here to show help without waiting for torch, and to be stopped by signals.
        from nrae_geometric.cli.commands import run

        try:
            run(argv)
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except BrokenPipeError:
        drop_output()
        return OUTPUT_CLOSED
    except Exception as error:
        if signals.code is not None:
            raise
        if "--debug" in argv:
            traceback.print_exc()
        code, message = _ending(error)
        print(f"nrae: {message}", file=sys.stderr)
        drop_output()
        return code
    return 0


def _ending(error: Exception) -> tuple[int, str]:
    """Returns the exit code and the line of an error."""
    if isinstance(error, ValueError | OSError | FloatingPointError | ImportError):
        return USER_ERROR, f"{error}{advice(error)}"
    text = " ".join(str(error).split())
    if is_out_of_memory(error):
        return FAILURE, (
            f"out of memory ({text or 'allocation failed'}); use smaller networks, batches or "
            "fewer points"
        )
    return FAILURE, (
        f"a fault of the program: {type(error).__name__}{f': {text}' if text else ''}; --debug "
        "shows where"
    )
