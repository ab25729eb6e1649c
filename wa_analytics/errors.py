"""Every error the workbench raises on purpose.

    WorkbenchError                 one sentence: what, where, what to do; the command line exits 2
    ├── SettingsInvalid            settings.toml or a WA_* variable cannot be used
    ├── WorkspaceMissing           no workspace in this folder: run `wa init`
    ├── DatabaseUnavailable        locked, unreachable or of another version
    ├── KeyRefused                 master or digest key absent, too readable, or not this workspace's
    ├── EvidenceBroken             stored evidence that no longer opens or proves: run `wa verify`
    ├── PlaceUnavailable           a place for checkpoints cannot be written or read
    ├── InputRefused               an import file that cannot be read at all
    ├── CaptureUnreadable          one capture that no parser understands; it is kept and counted
    ├── ProviderFailed             a provider's API answered with an error or not at all
    ├── ReasonRequired             a reveal without a reason
    ├── WorkerLost                 a worker process was killed; the same command goes on from there
    └── AlreadyRunning             another refresh or run holds the lock

Messages never quote a value out of a capture: they name the file, the line and the column.
"""

from __future__ import annotations


class WorkbenchError(Exception):
    """Base of every deliberate error; `str(error)` is the sentence shown to the user."""


class SettingsInvalid(WorkbenchError):
    pass


class WorkspaceMissing(WorkbenchError):
    pass


class DatabaseUnavailable(WorkbenchError):
    pass


class KeyRefused(WorkbenchError):
    pass


class EvidenceBroken(WorkbenchError):
    pass


class PlaceUnavailable(WorkbenchError):
    pass


class InputRefused(WorkbenchError):
    pass


class CaptureUnreadable(WorkbenchError):
    pass


class ProviderFailed(WorkbenchError):
    pass


class ReasonRequired(WorkbenchError):
    pass


class WorkerLost(WorkbenchError):
    pass


class AlreadyRunning(WorkbenchError):
    pass
