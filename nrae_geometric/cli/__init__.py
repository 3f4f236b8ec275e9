"""The command line: ``nrae train``, ``nrae list``, ``nrae evaluate`` and ``nrae tune``."""

import sys
from collections.abc import Sequence

from nrae_geometric.cli.ending import (
    INTERRUPTED,
    OUT_OF_MEMORY,
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
        The exit code: 0, 1 where memory does not suffice, 2 for what the user can put right, 130
        after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP, 141 where the output is no longer read.
    """
    with Signals() as signals:
        try:
            code = _main(sys.argv[1:] if argv is None else argv)
        except KeyboardInterrupt:
            code = INTERRUPTED
        except Exception:
            # An import that a signal interrupts may end in any error.
            if signals.code is None:
                raise
        if signals.code is not None:
            code = signals.code
        if code in SIGNALED:
            print(f"nrae: {SIGNALED[code]}", file=sys.stderr)
    return code


def _main(argv: Sequence[str]) -> int:
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
    except (ValueError, OSError, FloatingPointError, ImportError) as error:
        print(f"nrae: {error}{advice(error)}", file=sys.stderr)
        drop_output()
        return USER_ERROR
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        message = " ".join(str(error).split()) or "allocation failed"
        print(
            f"nrae: out of memory ({message}); use smaller networks, batches or fewer points",
            file=sys.stderr,
        )
        return OUT_OF_MEMORY
    return 0
