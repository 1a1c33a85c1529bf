"""How the lab gives up: because something failed, or because it cannot run on this machine."""


class LabError(Exception):
    """What was tried, on what, and why it failed. The lab exits with NO_RESULT."""


class Unavailable(LabError):
    """This machine lacks what the lab needs; the text says how to get it. The lab exits with SKIPPED."""


NO_RESULT = 125  # the guest gave no result: it hung, crashed or never started
SKIPPED = 77     # ctest's SKIP_RETURN_CODE for lab tests
WRONG_USAGE = 64
INTERRUPTED = 130
