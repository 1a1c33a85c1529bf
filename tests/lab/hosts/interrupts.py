"""Ctrl-C and its kin unwind the lab as an exception does: guests end and folders go on the way out."""
import signal

_state = {"came": False}


def unwind():
    """SIGINT, SIGTERM and SIGHUP raise KeyboardInterrupt; a second one does not disturb the clearing up."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)


def check():
    """Raises KeyboardInterrupt when one came and Python lost the exception, as it does in a destructor."""
    if _state["came"]:
        raise KeyboardInterrupt


def _interrupt(number, _):
    _state["came"] = True
    for other in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(other, signal.SIG_IGN)
    raise KeyboardInterrupt
