"""The command line: arguments in, an exit code out, every error one line."""

import json
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import typer

from seedvr2_cli.base.errors import (
    EXIT_BUG,
    EXIT_INTERRUPTED,
    DeviceError,
    SeedVR2Error,
    UsageError,
    one_line,
)
from seedvr2_cli.cli.commands import (
    bench,
    compare,
    convert,
    decode,
    demo,
    doctor,
    encode,
    inspect,
    models,
    plan,
    shots,
    status,
    upscale,
    verify,
)
from seedvr2_cli.cli.interrupts import interruptible
from seedvr2_cli.cli.options import show_version
from seedvr2_cli.pipeline.report import error_as_json, failure_as_json

# typer may carry a click of its own: its classes are reached through one that typer shows
_CLICK_ERROR: type[Exception] = typer.BadParameter.__mro__[2]

app = typer.Typer(
    help="Upscale videos and images with SeedVR2, and use its video VAE alone.",
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _command in (
    upscale,
    status,
    plan,
    decode,
    encode,
    compare,
    verify,
    shots,
    inspect,
    convert,
    doctor,
    demo,
):
    app.command(name=_command.NAME)(_command.run)
app.add_typer(models.app, name="models")
app.add_typer(bench.app, name="bench")
app.callback(invoke_without_command=True)(show_version)


def main(argv: Sequence[str]) -> int:
    """Run one command. Returns the exit code (see `base.errors`); prints errors as one line on stderr."""
    arguments = list(argv) or ["--help"]
    with interruptible() as interruption:
        try:
            return _run(arguments)
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - here what is left becomes an exit code
            interruption.taken()
            failure: BaseException = error
    return _fail(failure, arguments, interrupted=interruption.requested)


def _run(arguments: list[str]) -> int:
    try:
        result = app(args=arguments, prog_name="seedvr2", standalone_mode=False)
    except typer.Abort as error:
        raise KeyboardInterrupt from error
    except SystemExit as leave:  # whoever read our stdout has closed it
        return int(leave.code or 0)
    except _CLICK_ERROR as error:
        raise _usage_error(error) from error
    if result == EXIT_INTERRUPTED:  # how typer tells of Ctrl-C
        raise KeyboardInterrupt
    return result if isinstance(result, int) else 0


def _usage_error(error: Any) -> UsageError:
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "seedvr2"
    words = error.format_message().rstrip(".").replace("Value error, ", "")
    return UsageError(words, do=f"see {command} --help")


def _fail(failure: BaseException, arguments: list[str], *, interrupted: bool) -> int:
    """Say what went wrong, as a line and, where asked for, as JSON; return the exit code."""
    verbose = "-v" in arguments or "--verbose" in arguments
    told = _in_words(failure, verbose=verbose, interrupted=interrupted)
    if verbose and told["exit"] == EXIT_BUG:
        traceback.print_exception(failure)
    sys.stderr.write(f"seedvr2: {told['message']}\n")
    if "--json" in arguments:
        command = next((word for word in arguments if not word.startswith("-")), "")
        sys.stdout.write(json.dumps(failure_as_json(command, told)) + "\n")
    return int(told["exit"])


def _in_words(failure: BaseException, *, verbose: bool, interrupted: bool) -> dict[str, Any]:
    if interrupted or isinstance(failure, KeyboardInterrupt):
        return {"class": "Interrupted", "message": "interrupted", "exit": EXIT_INTERRUPTED}
    if isinstance(failure, SeedVR2Error):
        return error_as_json(failure)
    if isinstance(failure, MemoryError):
        error = DeviceError("out of memory", do="take --dtype bfloat16, smaller tiles or a smaller picture")
        return error_as_json(error)
    hint = "" if verbose else "; run it again with -v, and report what that prints"
    text = one_line(f"a bug: {type(failure).__name__}: {failure}{hint}")
    return {"class": "Bug", "message": text, "exit": EXIT_BUG}
