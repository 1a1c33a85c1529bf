"""The two ways in which the lab gives up: for a reason that a person can act on, or because it cannot run here."""


class LabError(Exception):
    """What was tried, on what, and why it failed. The lab exits with NO_RESULT."""


class Unavailable(LabError):
    """This machine lacks what the lab needs; the text says how to get it. The lab exits with SKIPPED."""


NO_RESULT = 125  # the guest gave no result: it hung, crashed or never started
SKIPPED = 77     # ctest's SKIP_RETURN_CODE for lab tests
WRONG_USAGE = 64
INTERRUPTED = 130
